"""What narrows a list beside what a gateway filters: how long an invoice is due, what the log says of it."""

from datetime import timedelta
from pathlib import Path

import pytest

from billctl.actions import perform
from billctl.errors import StoreError, UsageError
from billctl.filters import Keep, has_due_date, not_resent_since, overdue
from billctl.frozen import replace
from billctl.gateway import Selection
from billctl.listing import Listing, list_records
from billctl.models import InvoiceStatus
from billctl.request import Request
from billctl.session import STORE, Session
from billctl.verbs import ResendInvoice
from tests.unit.acme import WHEN
from tests.unit.biller import DAY, Biller, Opener, Yes, opened

__all__ = ["opened"]


def resend(session: Session, invoice_id: str, *, to: str | None = None) -> None:
    """Resend an invoice at the session's first account."""
    account = next(iter(session.profile.accounts))
    request = Request(object_id=invoice_id, reason="overdue by three days")
    perform(session, account, ResendInvoice(to=to), request, Yes())


def listed(session: Session, keep: Keep | None, *, limit: int = 100) -> Listing:
    """The invoices of all the session's accounts."""
    accounts = list(session.profile.accounts)
    return list_records(session, "invoices", Selection(limit=limit), accounts, keep=keep)


def ids(listing: Listing) -> list[str]:
    return [record.id for record in listing.records]


def days(first: int, end: int) -> list[str]:
    return [f"I{day}" for day in range(first, end)]


def test_overdue_counts_from_the_due_date_and_without_one_from_the_creation(opened: Opener) -> None:
    session = opened("a")
    assert ids(listed(session, overdue(2 * DAY, now=WHEN))) == ["I2", *days(32, 50)]
    assert ids(listed(session, overdue(3 * DAY, now=WHEN))) == days(33, 50)
    assert ids(listed(session, overdue(timedelta(), now=WHEN))) == [*days(0, 3), *days(30, 50)]


@pytest.mark.parametrize("status", ["draft", "paid", "void", "uncollectible", "unknown"])
def test_only_what_is_unpaid_is_overdue(opened: Opener, status: str) -> None:
    session = opened("a")
    keep, account = overdue(DAY, now=WHEN), session.open("a")
    late = account.gateway.get_invoice("I40")
    assert keep(account, late)
    assert not keep(account, replace(late, status=InvoiceStatus(status)))


def test_an_open_credit_is_owed_to_the_customer_and_never_overdue(opened: Opener) -> None:
    session = opened("a")
    keep, account = overdue(DAY, now=WHEN), session.open("a")
    late = account.gateway.get_invoice("I40")
    owed = replace(late.amount_due, minor=-late.amount_due.minor)
    assert not keep(account, replace(late, amount_due=owed))


def test_what_is_charged_automatically_has_no_due_date(opened: Opener) -> None:
    assert ids(listed(opened("a"), has_due_date)) == days(3, 50)


def test_the_limit_counts_what_is_kept_and_no_more_is_read_than_it_takes(opened: Opener) -> None:
    listing = listed(opened("a"), overdue(3 * DAY, now=WHEN), limit=2)
    assert (ids(listing), listing.more) == (["I33", "I34"], True)
    assert Biller.read == days(0, 36)
    assert listed(opened("a"), overdue(3 * DAY, now=WHEN), limit=17).more is False


def test_what_was_resent_is_left_out_until_the_time_is_over(opened: Opener) -> None:
    resend(opened("a"), "I4")
    resend(opened("a"), "I5", to="b@example.com")
    session = opened("a", now=WHEN + 7 * DAY)
    assert "I4" not in ids(listed(session, not_resent_since(session, WHEN)))
    assert "I5" not in ids(listed(session, not_resent_since(session, WHEN)))
    after = not_resent_since(session, WHEN + timedelta(seconds=1))
    assert ids(listed(session, after)) == days(0, 50)


def test_what_nobody_knows_of_is_passed_on_to_who_settles_it(opened: Opener) -> None:
    session = opened("a:silent")
    resend(session, "I4")
    assert [operation.state for operation in session.store.unsettled()] == ["unknown"]
    assert "I4" in ids(listed(session, not_resent_since(session, WHEN)))


def test_an_attempt_that_never_began_to_be_sent_does_not_count(opened: Opener) -> None:
    session = opened("a")
    with pytest.raises(UsageError, match="not an e-mail address"):
        resend(session, "I4", to="nobody")
    assert ids(listed(session, not_resent_since(session, WHEN))) == days(0, 50)


def test_whose_the_invoice_is_counts_and_not_what_his_account_is_called(opened: Opener) -> None:
    resend(opened("a:acme-1"), "I4")
    session = opened("renamed:acme-1", "a:acme-2", profile="other")
    left = listed(session, not_resent_since(session, WHEN))
    assert [record.account for record in left.records if record.id == "I4"] == ["a"]


def test_a_log_that_is_broken_is_no_log_without_resends(opened: Opener, tmp_path: Path) -> None:
    resend(opened("a"), "I4")
    path = tmp_path / "state" / STORE
    path.with_name(STORE + "-wal").unlink(missing_ok=True)
    path.write_bytes(b"no log" * 1000)
    with pytest.raises(StoreError):
        not_resent_since(opened("a"), WHEN)
