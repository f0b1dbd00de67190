"""What fails while a change is sent to another gateway than Stripe: the exit code, the words, the log, and
that it is done once.

Each fault strikes the one request that changes something. What the gateway did is read in its own books.
Where it keeps no idempotency key, what is found out is found by looking, and nothing is sent twice blindly.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from billctl.sandbox.faults import KINDS
from billctl.sandbox.state import configure
from tests.gateway_shops import (
    BRAINTREE_CHARGE,
    BRAINTREE_HELD,
    BRAINTREE_SUBSCRIPTION,
    PAYPAL_CHARGE,
    PAYPAL_HELD,
    PAYPAL_INVOICE,
    PAYPAL_PLAN_CHARGE,
    PAYPAL_SUBSCRIPTION,
    RECURLY_CHARGE,
    RECURLY_CREDIT,
    RECURLY_ENDING,
    RECURLY_INVOICE,
    RECURLY_SUBSCRIPTION,
    WOO_ORDER,
    WOO_SUBSCRIPTION,
    WOO_UNPAID,
    GatewayShop,
    PaypalShop,
    open_gateway_shop,
)
from tests.safety.test_faults import ACTS, CERTAIN
from tests.shop import WHY

READ_TIMEOUT = 0.6
LATE = 4.0
LIES = ("wrong-amount", "wrong-currency")


@dataclass(frozen=True)
class Change:
    """An action: its words, the request that does it, and how often the gateway's books show it done.

    `looks`: after an answer that was lost the adapter reads the object again and may find it done.
    `traced`: the object shows later whether it was done. `repeated`: it is sent once more under its key when
    an answer is lost. `kept` are the faults whose answers the gateway keeps under the operation's key.
    `denied`: no trace of it means that it was not done. `ends` is the outcome of what went well.
    """

    gateway: str
    words: tuple[str, ...]
    request: str
    done: Callable[[Any], int]
    looks: bool = False
    traced: bool = True
    repeated: bool = False
    kept: frozenset[str] = frozenset()
    denied: bool = True
    ends: str = "succeeded"

    @property
    def verb(self) -> str:
        """The action's name."""
        return self.words[0]


def _in_state(object_id: str, word: str) -> Callable[[GatewayShop], int]:
    return lambda shop: int(shop.status(object_id) == word)


def _last_cycle(shop: GatewayShop) -> int:
    return int(shop.book(f"subscription/{BRAINTREE_SUBSCRIPTION}").get("cycles") == 3)


def _paypal_refunded(charge: str) -> Callable[[PaypalShop], int]:
    return lambda shop: shop.refunds(charge).count(1250)


CHANGES = {
    "paypal refund": Change(
        "paypal",
        ("refund", PAYPAL_CHARGE, "--amount", "12.50"),
        f"POST /v2/payments/captures/{PAYPAL_CHARGE}/refund",
        _paypal_refunded(PAYPAL_CHARGE),
        repeated=True,
    ),
    "paypal void": Change(
        "paypal",
        ("void", PAYPAL_HELD),
        f"POST /v2/payments/authorizations/{PAYPAL_HELD}/void",
        _in_state(PAYPAL_HELD, "VOIDED"),
        looks=True,
    ),
    "paypal cancel": Change(
        "paypal",
        ("cancel", PAYPAL_SUBSCRIPTION, "--now"),
        f"POST /v1/billing/subscriptions/{PAYPAL_SUBSCRIPTION}/cancel",
        _in_state(PAYPAL_SUBSCRIPTION, "CANCELLED"),
        looks=True,
    ),
    "paypal resend": Change(
        "paypal",
        ("resend", PAYPAL_INVOICE),
        f"POST /v2/invoicing/invoices/{PAYPAL_INVOICE}/remind",
        lambda shop: shop.reminders(),
        traced=False,
    ),
    "braintree refund": Change(
        "braintree",
        ("refund", BRAINTREE_CHARGE, "--amount", "12.50"),
        f"POST /merchants/*/transactions/{BRAINTREE_CHARGE}/refund",
        lambda shop: shop.refunds().count(1250),
        kept=frozenset({"refuse"}),
        ends="pending",
    ),
    "braintree void": Change(
        "braintree",
        ("void", BRAINTREE_HELD),
        f"PUT /merchants/*/transactions/{BRAINTREE_HELD}/void",
        _in_state(f"transaction/{BRAINTREE_HELD}", "voided"),
        kept=frozenset({"refuse"}),
    ),
    "braintree cancel": Change(
        "braintree",
        ("cancel", BRAINTREE_SUBSCRIPTION, "--now"),
        f"PUT /merchants/*/subscriptions/{BRAINTREE_SUBSCRIPTION}/cancel",
        _in_state(f"subscription/{BRAINTREE_SUBSCRIPTION}", "Canceled"),
    ),
    "braintree cancel at period end": Change(
        "braintree",
        ("cancel", BRAINTREE_SUBSCRIPTION),
        f"PUT /merchants/*/subscriptions/{BRAINTREE_SUBSCRIPTION}",
        _last_cycle,
    ),
    "woocommerce refund": Change(
        "woocommerce",
        ("refund", WOO_ORDER, "--amount", "12.50"),
        f"POST */orders/{WOO_ORDER}/refunds",
        lambda shop: shop.refunds().count(1250),
        looks=True,
        denied=False,
    ),
    "woocommerce cancel": Change(
        "woocommerce",
        ("cancel", WOO_SUBSCRIPTION, "--now"),
        f"POST */subscriptions/{WOO_SUBSCRIPTION}",
        _in_state(f"subscription/{WOO_SUBSCRIPTION}", "cancelled"),
        looks=True,
    ),
    "woocommerce resend": Change(
        "woocommerce",
        ("resend", WOO_UNPAID),
        f"POST */orders/{WOO_UNPAID}/actions/*",
        lambda shop: shop.mails(),
    ),
    "recurly refund": Change(
        "recurly",
        ("refund", RECURLY_CHARGE, "--amount", "12.50"),
        f"POST /invoices/{RECURLY_INVOICE}/refund",
        lambda shop: shop.refunds().count(1250),
        kept=frozenset({"refuse", "500-before"}),
    ),
    "recurly cancel": Change(
        "recurly",
        ("cancel", RECURLY_SUBSCRIPTION, "--now"),
        f"DELETE /subscriptions/{RECURLY_SUBSCRIPTION}",
        _in_state(RECURLY_SUBSCRIPTION, "expired"),
        kept=frozenset({"refuse", "500-before"}),
    ),
    "recurly cancel with money back": Change(
        "recurly",
        ("cancel", RECURLY_SUBSCRIPTION, "--now", "--refund", "full"),
        f"DELETE /subscriptions/{RECURLY_SUBSCRIPTION}",
        lambda shop: shop.refunds("laylatx00004").count(4900),
        kept=frozenset({"refuse", "500-before"}),
    ),
    "recurly reactivate": Change(
        "recurly",
        ("reactivate", RECURLY_ENDING),
        f"PUT /subscriptions/{RECURLY_ENDING}/reactivate",
        _in_state(RECURLY_ENDING, "active"),
        kept=frozenset({"refuse", "500-before"}),
    ),
    "recurly void-credit": Change(
        "recurly",
        ("void-credit", RECURLY_CREDIT),
        f"PUT /invoices/{RECURLY_CREDIT}/void",
        _in_state(RECURLY_CREDIT, "voided"),
        kept=frozenset({"refuse", "500-before"}),
    ),
}

PLAN_REFUND = Change(
    "paypal",
    ("refund", PAYPAL_PLAN_CHARGE, "--amount", "12.50"),
    f"POST /v2/payments/captures/{PAYPAL_PLAN_CHARGE}/refund",
    _paypal_refunded(PAYPAL_PLAN_CHARGE),
    repeated=True,
)


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[Callable[[Change], GatewayShop]]:
    """Opens the shop that a change is made in."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda change: stack.enter_context(open_gateway_shop(tmp_path, change.gateway))


Shops = Callable[[Change], GatewayShop]


def send(shop: GatewayShop, change: Change, *more: str) -> Any:
    return shop.run(change.gateway, *change.words, *WHY, "-o", "json", *more)


def arm(shop: GatewayShop, kind: str, change: Change) -> None:
    """Arm the fault for every attempt that the adapter may make of one change."""
    if kind.startswith("hang"):
        shop.use(more=f"[network]\nread_timeout = {READ_TIMEOUT}\n")
    shop.arm(kind, change.request, times=10)


def disarm(shop: GatewayShop) -> None:
    """Let the gateway be well, and have all the time it needs."""
    shop.disarm()
    shop.use()


def reconciled(shop: GatewayShop, *, acted: bool) -> Any:
    """What reconcile finds once a request that nobody waits for any more counts as not sent."""
    found = shop.run("audit", "reconcile", "-o", "json")
    if not acted and found.code == 6 and "may still be on its way" in found.data[0]["note"]:
        shop.settle()
        found = shop.run("audit", "reconcile", "-o", "json")
        shop.use()
    return found


def told_by_a_person(shop: GatewayShop, settled: Any) -> None:
    """The gateway cannot tell; once it was asked in time, a person may who knows that it was not done."""
    assert (settled.code, settled.data[0]["finding"]) == (6, "unknown")
    shop.settle()
    assert shop.run("audit", "reconcile", "-o", "json").code == 6
    shop.use()
    told = ("--as", "not-done", "--reason", "looked it up", "--yes")
    assert shop.run("audit", "resolve", settled.data[0]["operation"], *told).code == 0


def send_anew(shop: GatewayShop, change: Change, kind: str) -> Any:
    """Run it again; where the gateway gives an answer that it kept, deliberately once more after that."""
    if kind not in change.kept:
        return send(shop, change)
    replayed = send(shop, change)
    assert replayed.code == (5 if kind == "refuse" else 6)
    assert change.done(shop) == 0
    if replayed.code == 6:
        shop.settle()
        assert shop.run("audit", "reconcile").code == 0
        shop.use()
    return send(shop, change, "--again", "2")


OFTEN = {name for name in CHANGES if name.startswith("paypal") or name.endswith(" refund")}
"""The changes of the fast kinds' default run."""


def every(kinds: Iterable[str], fast: set[str]) -> list[Any]:
    """Every kind of fault with every change. `fast` are fast for some, and of a PayPal refund's those that
    PayPal's adapter meets in another way each."""
    own = {"connection-dropped", "hang-after", "500-before", "500-after", "html", "401", "refuse"}
    return [
        pytest.param(
            kind,
            name,
            marks=()
            if (kind in fast and name in OFTEN) or (name == "paypal refund" and kind in own)
            else pytest.mark.slow,
        )
        for kind in kinds
        for name in CHANGES
    ]


BROKE_OFF = {("woocommerce cancel", "500-before")}
"""The store's program died, and the subscription, read after that, is as it was: it did not happen."""


def _made_good(change: Change, kind: str) -> bool:
    """Whether the adapter learns within its own call that it was done; an answer without a body cannot be
    cut."""
    empty = change.words[0] == "resend" and change.gateway == "paypal" and kind == "cut-body"
    return change.looks or empty or (change.repeated and kind == "500-after")


def test_every_fault_of_the_sandbox_is_in_a_table_here() -> None:
    elsewhere = {"late", "slow", "wrong-amount", "wrong-currency"}
    assert set(KINDS) - elsewhere == ACTS.keys() | CERTAIN.keys()


@pytest.mark.parametrize(("kind", "name"), every(ACTS, {"answer-lost"}))
def test_what_nobody_can_know_is_found_out_by_looking_and_never_sent_again(
    shops: Shops, kind: str, name: str
) -> None:
    change = CHANGES[name]
    shop = shops(change)
    arm(shop, kind, change)
    ran = send(shop, change)
    acted = ACTS[kind]
    assert change.done(shop) == int(acted)
    if acted and _made_good(change, kind):
        assert (ran.code, ran.data["outcome"]) == (0, "succeeded")
        assert shop.operations() == [(change.verb, "succeeded")]
        assert shop.run("audit", "reconcile", "-o", "json").data == []
        return
    if (name, kind) in BROKE_OFF:
        assert (ran.code, ran.data["outcome"]) == (5, "refused")
        assert shop.operations() == [(change.verb, "refused")]
        assert shop.run("audit", "reconcile", "-o", "json").data == []
        return
    assert (ran.code, ran.data["outcome"]) == (6, "unknown")
    assert ran.document["errors"][0]["class"] == "unknown"
    assert "It may have happened." in ran.line
    assert "billctl audit reconcile" in ran.line
    assert shop.operations() == [(change.verb, "unknown")]

    disarm(shop)
    blocked = send(shop, change)
    assert (blocked.code, blocked.document["errors"][0]["code"]) == (6, "operation_unknown")
    assert change.done(shop) == int(acted)

    settled = reconciled(shop, acted=acted)
    if not change.traced:
        assert (settled.code, settled.data[0]["finding"]) == (6, "unknown")
        assert "keeps no trace" in settled.data[0]["note"]
        assert send(shop, change).code == 6
        assert change.done(shop) == int(acted)
        return
    if not acted and not change.denied:
        told_by_a_person(shop, settled)
    else:
        assert settled.code == 0
        assert [row["finding"] for row in settled.data] == ["done" if acted else "not_done"]
    assert change.done(shop) == int(acted)

    again = send_anew(shop, change, kind)
    assert (again.code, again.data["outcome"]) == (0, "already_done" if acted else change.ends)
    assert change.done(shop) == 1
    assert shop.run("audit", "verify").code == 0


@pytest.mark.parametrize(("kind", "name"), every(CERTAIN, set()))
def test_what_the_gateway_certainly_did_not_do_can_simply_be_run_again(
    shops: Shops, kind: str, name: str
) -> None:
    change = CHANGES[name]
    shop = shops(change)
    code, word, outcome = CERTAIN[kind]
    arm(shop, kind, change)
    ran = send(shop, change)
    assert change.done(shop) == 0
    assert (ran.code, ran.document["errors"][0]["class"]) == (code, word)
    assert "Nothing" in ran.line
    assert shop.operations() == [(change.verb, outcome)]
    assert shop.run("audit", "reconcile", "-o", "json").data == []

    disarm(shop)
    again = send_anew(shop, change, kind)
    assert (again.code, again.data["outcome"]) == (0, change.ends)
    assert change.done(shop) == 1


def test_a_refund_of_a_subscriptions_payment_is_found_once_paypals_report_has_it(shops: Shops) -> None:
    change = PLAN_REFUND
    shop = shops(change)
    arm(shop, "answer-lost", change)
    assert send(shop, change).code == 6
    assert change.done(shop) == 1
    disarm(shop)

    early = shop.run("audit", "reconcile", "-o", "json")
    assert (early.code, early.data[0]["finding"]) == (6, "unknown")
    assert "3 hours" in early.data[0]["note"]
    blocked = send(shop, change)
    assert (blocked.code, blocked.document["errors"][0]["code"]) == (11, "refunds_not_visible")
    assert change.done(shop) == 1

    configure(shop.state_dir, "paypal", reporting_lag=0)
    settled = shop.run("audit", "reconcile", "-o", "json")
    assert (settled.code, settled.data[0]["finding"]) == (0, "done")
    assert send(shop, change).data["outcome"] == "already_done"
    assert change.done(shop) == 1


@pytest.mark.parametrize("kind", ["connection-dropped", pytest.param("hang-before", marks=pytest.mark.slow)])
def test_a_refund_of_a_subscriptions_payment_that_was_not_made_is_made_once(shops: Shops, kind: str) -> None:
    change = PLAN_REFUND
    shop = shops(change)
    arm(shop, kind, change)
    assert send(shop, change).code == 6
    disarm(shop)
    assert reconciled(shop, acted=False).data[0]["finding"] == "not_done"
    assert send(shop, change).data["outcome"] == "succeeded"
    assert change.done(shop) == 1


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        pytest.param("paypal refund", 0, "already_done", marks=pytest.mark.slow),
        ("braintree refund", 0, "already_done"),
        pytest.param("recurly refund", 0, "already_done", marks=pytest.mark.slow),
        pytest.param("paypal void", 5, None, marks=pytest.mark.slow),
        pytest.param("paypal cancel", 5, None, marks=pytest.mark.slow),
        pytest.param("braintree void", 5, None, marks=pytest.mark.slow),
        pytest.param("braintree cancel", 5, None, marks=pytest.mark.slow),
        pytest.param("braintree cancel at period end", 5, None, marks=pytest.mark.slow),
    ],
)
def test_what_is_done_after_reconcile_found_nothing_is_not_done_again(
    shops: Shops, name: str, code: int, word: str | None
) -> None:
    change = CHANGES[name]
    shop = shops(change)
    shop.use(more=f"[network]\nread_timeout = {READ_TIMEOUT}\n")
    shop.arm("late", change.request, seconds=LATE)
    assert send(shop, change).code == 6
    settled = reconciled(shop, acted=False)
    assert [row["finding"] for row in settled.data] == ["not_done"]
    deadline = time.monotonic() + 20
    while not change.done(shop) and time.monotonic() < deadline:
        time.sleep(0.05)
    again = send(shop, change)
    assert change.done(shop) == 1
    assert (again.code, again.data.get("outcome")) == (code, word)


@pytest.mark.slow
def test_a_stores_refund_that_comes_late_stays_unknown_until_it_is_seen(shops: Shops) -> None:
    change = CHANGES["woocommerce refund"]
    shop = shops(change)
    shop.use(more=f"[network]\nread_timeout = {READ_TIMEOUT}\n")
    shop.arm("late", change.request, seconds=LATE)
    assert send(shop, change).code == 6
    assert shop.run("audit", "reconcile").code == 6
    deadline = time.monotonic() + 20
    while not change.done(shop) and time.monotonic() < deadline:
        assert send(shop, change).code == 6
        time.sleep(0.05)
    settled = shop.run("audit", "reconcile", "-o", "json")
    assert (settled.code, settled.data[0]["finding"]) == (0, "done")
    assert send(shop, change).data["outcome"] == "already_done"
    assert change.done(shop) == 1


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        *product(("paypal refund", "braintree refund"), LIES),
        *(pytest.param("recurly refund", lie, marks=pytest.mark.slow) for lie in LIES),
        pytest.param("woocommerce refund", "wrong-amount", marks=pytest.mark.slow),  # it names no currency
    ],
)
def test_an_answer_about_other_money_is_never_a_success(shops: Shops, name: str, lie: str) -> None:
    change = CHANGES[name]
    shop = shops(change)
    shop.arm(lie, change.request)
    ran = send(shop, change)
    assert change.done(shop) == 1
    assert (ran.code, ran.data["outcome"]) == (6, "unknown")
    assert "where 12.50 USD was asked for" in ran.line
    assert shop.operations() == [(change.verb, "unknown")]
    assert shop.run("audit", "reconcile", "-o", "json").data[0]["finding"] == "done"
    assert send(shop, change).data["outcome"] == "already_done"
    assert change.done(shop) == 1


def test_reconcile_that_is_told_of_other_money_leaves_it_unknown(shops: Shops) -> None:
    change = CHANGES["braintree refund"]
    shop = shops(change)
    shop.arm("answer-lost", change.request)
    assert send(shop, change).code == 6
    (made,) = [record["id"] for record in shop.made("transaction")]
    shop.arm("wrong-amount", f"GET /merchants/*/{made.replace('transaction/', 'transactions/')}", times=10)
    ran = shop.run("audit", "reconcile", "-o", "json")
    assert (ran.code, ran.data[0]["finding"]) == (6, "unknown")
    assert "answered 12.51 USD where 12.50 USD was asked for" in ran.data[0]["note"]
    disarm(shop)
    assert shop.run("audit", "reconcile", "-o", "json").data[0]["finding"] == "done"
