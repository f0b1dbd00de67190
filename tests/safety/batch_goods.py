"""What a batch is about: many objects of one kind at each gateway, and how often each was acted upon there.

They are copies of an object of the rehearsal shop, put straight into the gateway's books; what became of
them is read there too, and not through billctl.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from billctl.sandbox.database import Database, Record
from billctl.sandbox.state import configure, path_of
from tests.gateway_shops import (
    BRAINTREE_CHARGE,
    BRAINTREE_HELD,
    BRAINTREE_SUBSCRIPTION,
    PAYPAL_CHARGE,
    PAYPAL_HELD,
    PAYPAL_INVOICE,
    PAYPAL_SUBSCRIPTION,
    RECURLY_CHARGE,
    RECURLY_SUBSCRIPTION,
    WOO_ORDER,
    WOO_SUBSCRIPTION,
    WOO_UNPAID,
)
from tests.shop import HELD_ALONE, PAID, PAST_DUE, SUBSCRIPTION

Effect = tuple[str, int]
"""The key under which it was done, where the gateway keeps it, and the minor units that moved, or 0."""
NEVER = 10**8
"""Seconds; nothing settles by itself while a batch runs."""


def _nothing(number: int) -> Record:
    del number
    return {}


@dataclass(frozen=True)
class Goods:
    """Objects for one verb at one gateway: copies of `model`, whose ids are `names` with a number.

    `own` are the fields in which a copy differs. `parts` are what belongs to the model and is copied with it:
    the field that names it → the ids under which the book keeps the copies. `owned` are records that name
    such a part and are copied with it: their id → the ids of the copies. `effects` is SQL: one line for each
    effect, with the object's id, the key and the minor units. `request` is what does it, as faults name it.
    """

    model: str
    names: str
    request: str
    effects: str
    own: Callable[[int], Record] = _nothing
    parts: Mapping[str, str] = field(default_factory=dict)
    owned: Mapping[str, str] = field(default_factory=dict)

    def id_of(self, number: int) -> str:
        """The id of a copy, as a person types it."""
        return self.names.format(number, number // 10_000, number % 10_000)


def _on_its_own(number: int) -> Record:
    del number
    return {"payment_intent": None}


def _unrefunded(number: int) -> Record:
    return {"refunded": 0, "status": "COMPLETED", "invoice": f"BATCH-{number}"}


def _numbered(field: str) -> Callable[[int], Record]:
    return lambda number: {field: f"BATCH-{number}"}


def _refunded(key: str) -> str:
    return f"SELECT charge, {key}, body->>'$.amount' FROM objects made WHERE live=0 AND charge IS NOT NULL"


def _in_state(kind: str, status: str) -> str:
    return f"SELECT id, NULL, 0 FROM objects WHERE live=0 AND kind='{kind}' AND status='{status}'"


STAMP = len("billctl-")
NOTE = len("ref ")
CREDITED = (
    f"(SELECT substr(credit.body->>'$.notes', {NOTE + 1}) FROM objects credit "
    "WHERE credit.live=0 AND credit.id=made.body->>'$.invoice')"
)
"""The key on the credit invoice that a refund at Recurly stands on."""
MOVED = (
    "SELECT charge, (SELECT meta.value->>'$.value' FROM objects kept, json_each(kept.body, '$.meta') meta "
    "WHERE kept.live=0 AND kept.kind='refund' AND kept.charge=moved.charge "
    "AND meta.value->>'$.key'='_billctl_key'), CAST(round(100 * (body->>'$.amount')) AS INTEGER) "
    "FROM objects moved WHERE live=0 AND kind='movement'"
)
"""What the payment gateway of a WooCommerce store moved; the key is told by the store's record of it."""

GOODS: Mapping[str, Mapping[str, Goods]] = {
    "refund": {
        "stripe": Goods(
            PAID,
            "ch_SbxBatch{:07}",
            "POST /v1/refunds",
            _refunded("body->>'$.metadata.billctl_key'") + " AND kind='refund'",
            _on_its_own,
        ),
        "paypal": Goods(
            PAYPAL_CHARGE,
            "SBXBATCH{:09}",
            "POST */refund",
            _refunded(f"substr(body->>'$.custom_id', {STAMP + 1})") + " AND kind='refund'",
            _unrefunded,
            {"payment_intent": "SBXBATCHO{:08}"},
        ),
        "braintree": Goods(
            f"transaction/{BRAINTREE_CHARGE}",
            "b{:07}",
            "POST */refund",
            _refunded(f"substr(body->>'$.order_id', {STAMP + 1})") + " AND kind='transaction'",
        ),
        "woocommerce": Goods(f"order/{WOO_ORDER}", "99{:08}", "POST */refunds", MOVED),
        "recurly": Goods(
            RECURLY_CHARGE,
            "btx{:09}",
            "POST */refund",
            _refunded(CREDITED) + " AND kind='transaction' AND status='success'",
            parts={"invoice": "bin{:09}"},
            owned={"laylali00001": "bla{:09}", "laylali00002": "blb{:09}"},
        ),
    },
    "cancel": {
        "stripe": Goods(
            SUBSCRIPTION,
            "sub_SbxBatch{:06}",
            "DELETE /v1/subscriptions/*",
            _in_state("subscription", "canceled"),
        ),
        "paypal": Goods(
            PAYPAL_SUBSCRIPTION, "I-SBXBATCH{:06}", "POST */cancel", _in_state("subscription", "CANCELLED")
        ),
        "braintree": Goods(
            f"subscription/{BRAINTREE_SUBSCRIPTION}",
            "sbatch{:06}",
            "PUT */cancel",
            _in_state("subscription", "Canceled"),
            parts={"customer": "customer/cbatch{:06}", "token": "credit_card/tbatch{:06}"},
        ),
        "woocommerce": Goods(
            f"subscription/{WOO_SUBSCRIPTION}",
            "98{:08}",
            "POST */subscriptions/*",
            _in_state("subscription", "cancelled"),
        ),
        "recurly": Goods(
            RECURLY_SUBSCRIPTION,
            "bsu{:09}",
            "DELETE /subscriptions/*",
            _in_state("subscription", "expired"),
        ),
    },
    "resend": {
        "stripe": Goods(
            PAST_DUE,
            "in_SbxBatch{:06}",
            "POST */send",
            "SELECT body->>'$.data.object.id', body->>'$.request.idempotency_key', 0 FROM objects "
            "WHERE live=0 AND kind='event' AND status='invoice.sent'",
            _numbered("number"),
        ),
        "paypal": Goods(
            PAYPAL_INVOICE,
            "INV2-SBXB-ATCH-{1:04}-{2:04}",
            "POST */remind",
            "SELECT objects.id, NULL, 0 FROM objects, json_each(body, '$.reminders') "
            "WHERE live=0 AND objects.kind='invoice'",
            _numbered("invoice"),
        ),
        "woocommerce": Goods(
            f"order/{WOO_UNPAID}",
            "97{:08}",
            "POST */actions/*",
            "SELECT charge, NULL, 0 FROM objects WHERE live=0 AND kind='mail'",
        ),
    },
    "void": {
        "stripe": Goods(
            HELD_ALONE, "ch_SbxHeld{:08}", "POST /v1/refunds", _refunded("NULL") + " AND kind='refund'"
        ),
        "paypal": Goods(
            PAYPAL_HELD,
            "SBXHELD{:010}",
            "POST */void",
            _in_state("authorization", "VOIDED"),
            _numbered("invoice"),
            {"payment_intent": "SBXHELDO{:09}"},
        ),
        "braintree": Goods(
            f"transaction/{BRAINTREE_HELD}", "h{:07}", "PUT */void", _in_state("transaction", "voided")
        ),
    },
}
"""Verb → gateway → what it is done to. Braintree and Recurly e-mail no invoices; a store and Recurly void no
charges."""


def stock(state_dir: Path, verb: str, counts: Mapping[str, int]) -> None:
    """Put so many objects of a verb into the books of each gateway (`counts`), all of them new."""
    for gateway, count in counts.items():
        configure(state_dir, gateway, settle_after=NEVER)
        goods = GOODS[verb][gateway]
        with closing(Database(path_of(state_dir, gateway))) as database, database.transaction(write=True):
            model = _book(database, goods.model)
            parts = {name: _book(database, _kept_as(ids, model[name])) for name, ids in goods.parts.items()}
            owned = [_book(database, key) for key in goods.owned]
            database.insert(False, _copies(goods, model, parts, owned, count))


def _kept_as(ids: str, named: str) -> str:
    """The id under which a book keeps what another of its objects names."""
    kind, slash, _ = ids.rpartition("/")
    return f"{kind}{slash}{named}"


def _book(database: Database, object_id: str) -> Record:
    (body,) = database.execute("SELECT body FROM objects WHERE live=0 AND id=?", (object_id,)).fetchone()
    found: Record = json.loads(body)
    return found


def _copies(
    goods: Goods, model: Record, parts: Mapping[str, Record], owned: list[Record], count: int
) -> list[Record]:
    made = []
    for number in range(1, count + 1):
        names = {name: ids.rpartition("/")[2].format(number) for name, ids in goods.parts.items()}
        for name, part in parts.items():
            links = {link: named for link, named in names.items() if link in part}
            made.append(part | links | {"id": _kept_as(goods.parts[name], names[name])})
        for one in owned:
            made.append(one | names | {"id": goods.owned[one["id"]].format(number)})
        made.append(model | names | {"id": _kept_as(model["id"], goods.id_of(number))} | goods.own(number))
    return made


def effects(state_dir: Path, verb: str, gateway: str) -> Mapping[str, list[Effect]]:
    """What was done to each of a batch's objects, by its id; those to which nothing was are left out."""
    goods = GOODS[verb][gateway]
    mark = goods.names.partition("{")[0]
    found: dict[str, list[Effect]] = defaultdict(list)
    with closing(sqlite3.connect(path_of(state_dir, gateway), timeout=60)) as database:
        rows: list[tuple[str, str | None, Any]] = database.execute(goods.effects).fetchall()
    for object_id, key, minor in rows:
        bare = object_id.rpartition("/")[2]
        if bare.startswith(mark):
            found[bare].append((key or "", int(minor)))
    return found


def progress(state_dir: Path, verb: str, gateways: Collection[str]) -> int:
    """How often a verb was done at these gateways, the seed's own included; quicker than `effects`."""
    total = 0
    for gateway in gateways:
        with closing(sqlite3.connect(path_of(state_dir, gateway), timeout=60)) as database:
            (count,) = database.execute(f"SELECT count(*) FROM ({GOODS[verb][gateway].effects})").fetchone()
        total += count
    return total
