"""What a selection means of a gateway's list, and what of it could not be read."""

from datetime import timedelta
from typing import Any

import pytest

from billctl.errors import BillctlError, NoAnswer, Unsupported
from billctl.frozen import replace
from billctl.gateway import Account, Selection
from billctl.models import Charge, ChargeStatus
from billctl.selecting import selected
from tests.unit.acme import WHEN, Acme

CHARGE = Acme(Account(name="books", gateway="acme", live=False)).get_charge("C0")


def charge(item: int | BillctlError) -> Charge:
    """The charge of so many hours ago; an error is what comes of reading it."""
    if isinstance(item, BillctlError):
        raise item
    status = ChargeStatus.FAILED if item % 2 else ChargeStatus.PAID
    return replace(CHARGE, id=f"C{item}", created=WHEN - timedelta(hours=item), status=status)


def ids(*items: int | BillctlError, **wanted: Any) -> list[str]:
    return [one.id for one in selected(items, charge, Selection(**wanted), name=str, account="books")]


def test_status_time_and_limit_count_and_nothing_is_read_after_the_last() -> None:
    assert ids(0, 1, 2, 3, 4, status="paid", limit=2) == ["C0", "C2"]
    assert ids(0, 1, 2, 3, since=WHEN - timedelta(hours=2), until=WHEN) == ["C1", "C2"]
    assert ids(0, 1, NoAnswer("never read"), limit=2) == ["C0", "C1"]
    assert ids(0, limit=0) == []


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ([Unsupported("too fine")], Unsupported),
        ([Unsupported("too fine"), NoAnswer("no total")], NoAnswer),
    ],
)
def test_what_cannot_be_read_is_named_after_all_the_rest(
    errors: list[BillctlError], kind: type[BillctlError]
) -> None:
    items: list[int | BillctlError] = [0, *errors, 1]
    found = selected(items, charge, Selection(), name=lambda _: "C9", account="books")
    assert [next(found).id, next(found).id] == ["C0", "C1"]
    with pytest.raises(kind) as caught:
        next(found)
    assert (type(caught.value), caught.value.code) == (kind, "left_out")
    assert "; ".join(f"C9 ({error.message})" for error in errors) in caught.value.message
