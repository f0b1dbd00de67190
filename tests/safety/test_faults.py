"""What fails while a change is sent: the exit code, the words, the log, and that it ends up done once.

Each fault strikes the one request that changes something. Whether the gateway acted is asked with the
real SDK, not through billctl.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from billctl.sandbox.faults import KINDS
from tests.shop import HELD, HELD_INTENT, PAID, PAID_INVOICE, PAST_DUE, SUBSCRIPTION, WHY, Shop

READ_TIMEOUT = 0.6
LATE = 4.0


@dataclass(frozen=True)
class Change:
    """An action: its words, the request that does it, and how often the gateway shows it done."""

    words: tuple[str, ...]
    request: str
    done: Callable[[Shop], int]
    keyed: bool = True
    """Whether an idempotency key covers the request, so that Stripe keeps its first answer for a day."""


def _ends(shop: Shop) -> int:
    return int(bool(shop.subscription()["cancel_at_period_end"]))


def _ended(shop: Shop) -> int:
    return int(shop.subscription()["status"] == "canceled")


CHANGES = {
    "refund": Change(
        ("refund", PAID, "--amount", "12.50"), "POST /v1/refunds", lambda shop: shop.refunds().count(1250)
    ),
    "cancel": Change(("cancel", SUBSCRIPTION), f"POST /v1/subscriptions/{SUBSCRIPTION}", _ends),
    "cancel now": Change(
        ("cancel", SUBSCRIPTION, "--now"), f"DELETE /v1/subscriptions/{SUBSCRIPTION}", _ended, keyed=False
    ),
    "void": Change(
        ("void", HELD),
        f"POST /v1/payment_intents/{HELD_INTENT}/cancel",
        lambda shop: int(shop.is_released(HELD)),
    ),
    "resend": Change(
        ("resend", PAST_DUE), f"POST /v1/invoices/{PAST_DUE}/send", lambda shop: shop.sent_invoices()
    ),
    "receipt": Change(
        ("resend", PAID_INVOICE, "--to", "books@example.com"),
        f"POST /v1/charges/{PAID}",
        lambda shop: int(shop.receipt() == "books@example.com"),
    ),
}

ACTS = {
    "answer-lost": True,
    "connection-dropped": False,
    "hang-before": False,
    "hang-after": True,
    "500-before": False,
    "500-after": True,
    "cut-body": True,
    "html": False,
    "html-502": False,
    "html-502-after": True,
    "409": False,
}
"""The faults after which nobody here can know, and whether the gateway acted."""

KEPT = {"500-before", "refuse"}
"""The answers that the endpoint itself gave: Stripe repeats them for the same key
(docs.stripe.com/api/idempotent_requests), so only another ordinal makes it try anew."""

CERTAIN: dict[str, tuple[int, str, str]] = {
    "429": (11, "network", "not_sent"),
    "401": (4, "auth", "refused"),
    "403": (4, "auth", "refused"),
    "refuse": (5, "refused", "refused"),
}
"""The faults that prove that nothing was done: exit code, class, the log's outcome."""


def send(shop: Shop, change: Change, *more: str) -> Any:
    return shop.run("stripe", *change.words, *WHY, "-o", "json", *more)


def send_anew(shop: Shop, change: Change, kind: str) -> Any:
    """Run it again, after Stripe's kept answer has been heard once more where there is one."""
    if kind not in KEPT or not change.keyed:
        return send(shop, change)
    replayed = send(shop, change)
    assert replayed.code in {5, 6}
    assert change.done(shop) == 0
    shop.settle()
    assert shop.run("audit", "reconcile").code == 0
    return send(shop, change, "--again", "2")


def arm(shop: Shop, kind: str, change: Change, **more: Any) -> None:
    """Arm the fault for every attempt that the adapter may make of one change."""
    if kind.startswith("hang"):
        shop.use(more=f"[network]\nread_timeout = {READ_TIMEOUT}\n")
    shop.arm(kind, change.request, times=10, **more)


def disarm(shop: Shop) -> None:
    """Let it answer again, and what is asked from now on have its time, on a busy machine too."""
    from billctl.sandbox import faults

    faults.clear(shop.state_dir, "stripe")
    shop.use()


OFTEN = {"refund", "cancel", "resend"}
"""The changes whose answer is lost in every run."""


def every(kinds: Iterable[str]) -> list[Any]:
    """Every kind of fault with every change; fast are a refund's that are met in another way each, and a lost
    answer of some others."""
    alike = {"html-502", "html-502-after", "403"}
    return [
        pytest.param(
            kind,
            name,
            marks=()
            if (kind == "answer-lost" and name in OFTEN) or (name == "refund" and kind not in alike)
            else pytest.mark.slow,
        )
        for kind in kinds
        for name in CHANGES
    ]


def test_every_fault_of_the_sandbox_is_in_a_table_here() -> None:
    elsewhere = {"late", "slow", "wrong-amount", "wrong-currency"}
    assert set(KINDS) - elsewhere == ACTS.keys() | CERTAIN.keys()


@pytest.mark.parametrize(("kind", "name"), every(ACTS))
def test_what_nobody_can_know_is_unknown_until_the_gateway_is_asked(shop: Shop, kind: str, name: str) -> None:
    change = CHANGES[name]
    arm(shop, kind, change)
    ran = send(shop, change)
    acted = change.done(shop)
    assert acted == int(ACTS[kind])
    assert (ran.code, ran.data["outcome"]) == (6, "unknown")
    assert ran.document["errors"][0]["class"] == "unknown"
    assert "Nothing" not in ran.line
    assert "billctl audit reconcile" in ran.line
    assert shop.operations() == [(change.words[0], "unknown")]

    disarm(shop)
    blocked = send(shop, change)
    assert (blocked.code, blocked.document["errors"][0]["code"]) == (6, "operation_unknown")
    assert change.done(shop) == acted

    settled = shop.run("audit", "reconcile", "-o", "json")
    if not acted and [row["finding"] for row in settled.data] == ["unknown"]:
        assert settled.code == 6
        assert "a request may still be on its way" in settled.data[0]["note"]
        shop.settle()
        settled = shop.run("audit", "reconcile", "-o", "json")
    assert settled.code == 0
    assert [row["finding"] for row in settled.data] == ["done" if acted else "not_done"]
    assert change.done(shop) == acted

    again = send_anew(shop, change, kind)
    assert (again.code, again.data["outcome"]) == (0, "already_done" if acted else "succeeded")
    assert change.done(shop) == 1
    assert shop.run("audit", "verify").code == 0


@pytest.mark.parametrize(("kind", "name"), every(CERTAIN))
def test_what_the_gateway_certainly_did_not_do_can_simply_be_run_again(
    shop: Shop, kind: str, name: str
) -> None:
    change = CHANGES[name]
    code, word, outcome = CERTAIN[kind]
    arm(shop, kind, change)
    ran = send(shop, change)
    assert change.done(shop) == 0
    assert (ran.code, ran.document["errors"][0]["class"]) == (code, word)
    assert "Nothing" in ran.line
    assert shop.operations() == [(change.words[0], outcome)]
    assert shop.run("audit", "reconcile", "-o", "json").data == []

    disarm(shop)
    again = send_anew(shop, change, kind)
    assert (again.code, again.data["outcome"]) == (0, "succeeded")
    assert change.done(shop) == 1


@pytest.mark.parametrize(
    ("name", "code", "outcome"),
    [
        ("refund", 0, "already_done"),
        pytest.param("cancel", 0, "already_done", marks=pytest.mark.slow),
        ("cancel now", 5, None),
        pytest.param("void", 5, None, marks=pytest.mark.slow),
        pytest.param("resend", 0, "succeeded", marks=pytest.mark.slow),
        pytest.param("receipt", 0, "succeeded", marks=pytest.mark.slow),
    ],
)
def test_what_is_done_after_reconcile_found_nothing_is_not_done_again(
    shop: Shop, name: str, code: int, outcome: str | None
) -> None:
    change = CHANGES[name]
    shop.use(more=f"[network]\nread_timeout = {READ_TIMEOUT}\n")
    shop.arm("late", change.request, times=2, seconds=LATE)
    assert send(shop, change).code == 6
    shop.settle()
    settled = shop.run("audit", "reconcile", "-o", "json")
    assert [row["finding"] for row in settled.data] == ["not_done"]
    deadline = time.monotonic() + 20
    while not change.done(shop) and time.monotonic() < deadline:
        time.sleep(0.05)
    disarm(shop)
    again = send(shop, change)
    assert change.done(shop) == 1
    assert (again.code, again.data.get("outcome")) == (code, outcome)


def test_one_lost_answer_is_made_good_by_the_key_without_a_second_refund(shop: Shop) -> None:
    shop.arm("answer-lost", "POST /v1/refunds", times=1)
    ran = send(shop, CHANGES["refund"])
    assert shop.refunds() == [1250]
    if ran.code == 6:
        assert shop.run("audit", "reconcile").code == 0
        assert send(shop, CHANGES["refund"]).data["outcome"] == "already_done"
    else:
        assert (ran.code, ran.data["outcome"]) == (0, "succeeded")
    assert shop.refunds() == [1250]


def test_reconcile_that_cannot_ask_leaves_it_unknown_and_says_why(shop: Shop) -> None:
    change = CHANGES["refund"]
    arm(shop, "answer-lost", change)
    assert send(shop, change).code == 6
    shop.use(url="http://127.0.0.1:1")
    ran = shop.run("audit", "reconcile", "-o", "json")
    assert ran.code == 6
    (row,) = ran.data
    assert row["finding"] == "unknown"
    assert "127.0.0.1" in row["note"]
    assert "the open operation is still unknown" in ran.line
    shop.use()
    assert shop.run("audit", "reconcile").code == 0
    assert shop.refunds() == [1250]


def test_another_amount_of_the_same_charge_waits_for_the_unknown_one(shop: Shop) -> None:
    change = CHANGES["refund"]
    arm(shop, "answer-lost", change)
    assert send(shop, change).code == 6
    disarm(shop)
    other = shop.run("stripe", "refund", PAID, "--amount", "7", *WHY, "-o", "json")
    assert (other.code, other.document["errors"][0]["code"]) == (10, "object_unsettled")
    assert "nobody knows yet what became of op_" in other.line
    assert "Nothing was sent" in other.line
    assert shop.refunds() == [1250]
