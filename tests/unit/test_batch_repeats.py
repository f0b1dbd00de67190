"""What may be done again after a while is another operation each time, and the same one until then."""

from datetime import timedelta

import pytest

from billctl.actions import perform
from billctl.batch.repeats import next_ordinal
from billctl.request import ActionResult, Request
from billctl.session import Session
from billctl.store.interface import OperationState
from billctl.verbs import ResendInvoice
from tests.unit.acme import WHEN
from tests.unit.biller import DAY, Biller, Opener, Yes, opened

__all__ = ["opened"]

WEEK = timedelta(days=7)


def again(session: Session, *, to: str | None = None, invoice: str = "I4") -> int:
    return next_ordinal(session, "a", ResendInvoice(to=to), invoice, after=WEEK)


def resend(session: Session, ordinal: int, *, to: str | None = None) -> ActionResult:
    request = Request(object_id="I4", reason="overdue by three days", again=ordinal)
    return perform(session, "a", ResendInvoice(to=to), request, Yes())


def test_every_week_has_its_ordinal(opened: Opener) -> None:
    for week in range(4):
        session = opened("a", now=WHEN + week * WEEK)
        assert again(session) == week + 1
        assert resend(session, week + 1).outcome == "succeeded"
        assert again(session) == week + 1
        assert resend(session, again(session)).outcome == "already_done"
    almost = opened("a", now=WHEN + 4 * WEEK - timedelta(seconds=1))
    assert again(almost) == 4


def test_ordinals_that_were_left_out_do_not_hide_the_last_time(opened: Opener) -> None:
    resend(opened("a"), 1)
    resend(opened("a", now=WHEN + 8 * DAY), 3)
    assert again(opened("a", now=WHEN + 9 * DAY)) == 3
    assert again(opened("a", now=WHEN + 15 * DAY)) == 4
    assert resend(opened("a", now=WHEN + 15 * DAY), 4).outcome == "succeeded"


def test_the_last_time_counts_where_the_first_was_refused(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as refusing:
        refusing.setattr(Biller, "refuses", True)
        assert resend(opened("a"), 1).outcome == "refused"
    assert again(opened("a")) == 1
    resend(opened("a"), 2)
    assert again(opened("a", now=WHEN + DAY)) == 2


def test_another_invoice_and_another_address_count_for_themselves(opened: Opener) -> None:
    resend(opened("a"), 1)
    later = opened("a", now=WHEN + WEEK)
    assert (again(later), again(later, invoice="I5"), again(later, to="b@example.com")) == (2, 1, 1)


def test_what_nobody_knows_of_is_still_the_same_operation(opened: Opener) -> None:
    session = opened("a:silent")
    assert resend(session, 1).outcome == "unknown"
    assert again(opened("a:silent", now=WHEN + 2 * WEEK)) == 1
    (operation,) = session.store.unsettled()
    assert operation.state is OperationState.UNKNOWN


@pytest.mark.parametrize("days", [0, 8])
def test_somebody_elses_invoice_of_the_same_number_counts_for_itself(opened: Opener, days: int) -> None:
    resend(opened("a:acme-1"), 1)
    assert again(opened("a:acme-2", now=WHEN + timedelta(days=days))) == 1
