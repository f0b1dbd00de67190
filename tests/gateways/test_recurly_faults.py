"""Every change at Recurly under every fault of the rehearsal gateway: what is raised, and what is found."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from billctl.errors import AuthFailed, BillctlError, NotSent, OutcomeUnknown, Refused
from billctl.gateway import Payback, RefundLine, When
from billctl.gateways.recurly import RecurlyGateway
from billctl.money import Money
from billctl.sandbox import KEYS, faults
from tests.gateways.recurly_accounts import STAMP, account
from tests.rehearsal import rehearsed

READ = 1.0
"""Seconds that an answer is waited for here; the faults that hang do so for longer."""
HANGING = READ * 3
TRICKLING = READ * 1.5
"""Longer than the wait for a next byte, and well within that for all of them on a busy machine."""
ACTED = frozenset(
    {"answer-lost", "hang-after", "500-after", "cut-body", "html-502-after", "slow", "wrong-amount"}
    | {"wrong-currency"}
)
RAISED: dict[str, type[BillctlError] | None] = {
    "429": NotSent,
    "401": AuthFailed,
    "403": AuthFailed,
    "refuse": Refused,
    "slow": None,
    "wrong-amount": None,
    "wrong-currency": None,
}
"""What a fault ends with where that is not the rule: unknown."""
LATER = frozenset({"late"})
"""It acts when nobody waits any more: what is found depends on when one looks."""


class Change(NamedTuple):
    """A change on what the shop has: the method that it goes by, what sends it, finds it, and shows its
    object as it is."""

    method: str
    send: Callable[[RecurlyGateway], object]
    find: Callable[[RecurlyGateway], object]
    show: Callable[[RecurlyGateway], object]


def changes(recurly: RecurlyGateway) -> dict[str, Change]:
    """Every change of Layla's, by name."""
    charge, credit = recurly.get_charge("laylatx00001"), recurly.get_invoice("laylain00005")
    active, ending = (recurly.get_subscription(f"laylasub000{number}") for number in (1, 2))
    ten, lines, full = Money(1000, "USD"), (RefundLine(id="laylali00001"),), Payback.FULL
    priced = recurly.price_lines(charge, lines)

    def refunded(gateway: RecurlyGateway) -> object:
        return gateway.get_charge(charge.id).refunded

    def state(subscription_id: str) -> Callable[[RecurlyGateway], object]:
        return lambda gateway: gateway.get_subscription(subscription_id).gateway_status

    def cancel(when: When, method: str) -> Change:
        return Change(
            method,
            lambda gateway: gateway.cancel_subscription(active, when=when, stamp=STAMP),
            lambda gateway: gateway.find_cancellation(active, when=when, stamp=STAMP),
            state(active.id),
        )

    return {
        "refund": Change(
            "POST",
            lambda gateway: gateway.refund(charge, ten, stamp=STAMP),
            lambda gateway: gateway.find_refund(charge, ten, stamp=STAMP),
            refunded,
        ),
        "lines": Change(
            "POST",
            lambda gateway: gateway.refund_lines(charge, lines, priced, stamp=STAMP),
            lambda gateway: gateway.find_refund(charge, priced, stamp=STAMP),
            refunded,
        ),
        "terminate": Change(
            "DELETE",
            lambda gateway: gateway.terminate_subscription(active, payback=full, stamp=STAMP),
            lambda gateway: gateway.find_termination(active, payback=full, stamp=STAMP),
            state(active.id),
        ),
        "now": cancel(When.NOW, "DELETE"),
        "at the period's end": cancel(When.PERIOD_END, "PUT"),
        "reactivate": Change(
            "PUT",
            lambda gateway: gateway.reactivate_subscription(ending, stamp=STAMP),
            lambda gateway: gateway.find_reactivation(ending, stamp=STAMP),
            state(ending.id),
        ),
        "void-credit": Change(
            "PUT",
            lambda gateway: gateway.void_credit(credit, stamp=STAMP),
            lambda gateway: gateway.find_voided_credit(credit, stamp=STAMP),
            lambda gateway: gateway.get_invoice(credit.id).gateway_status,
        ),
    }


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[RecurlyGateway]:
    """The account of a fresh shop, whose state is below `tmp_path`."""
    with rehearsed(tmp_path, ("recurly",)) as sandbox:
        url, key = sandbox.url("recurly"), KEYS["recurly"]["api_key"]
        yield RecurlyGateway(account(url, key=key, read=READ))


def raised(change: Change, gateway: RecurlyGateway) -> type[BillctlError] | None:
    try:
        change.send(gateway)
    except BillctlError as error:
        return type(error)
    return None


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(faults.KINDS.keys() - LATER))
@pytest.mark.parametrize(
    "name", ["refund", "lines", "terminate", "now", "at the period's end", "reactivate", "void-credit"]
)
def test_what_is_found_after_a_fault_is_what_happened(
    shop: RecurlyGateway, tmp_path: Path, kind: str, name: str
) -> None:
    change = changes(shop)[name]
    before = change.show(shop)
    seconds = TRICKLING if kind == "slow" else HANGING
    faults.arm(tmp_path, "recurly", kind, match=f"{change.method} *", seconds=seconds)
    assert raised(change, shop) is RAISED.get(kind, OutcomeUnknown)
    assert (change.find(shop) is not None) is (kind in ACTED)
    assert (change.show(shop) != before) is (kind in ACTED)
