"""Lists over accounts: merged newest first, one deadline, what fails or cannot hides nothing else."""

# ruff: noqa: ARG002 - a gateway may answer without looking at what it was given

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.errors import ConfigError, NoAnswer, Partial, Unsupported, UsageError
from billctl.frozen import replace
from billctl.gateway import Capability, Identity, Selection
from billctl.listing import Listing, exit_error, list_records
from billctl.models import Charge
from billctl.session import open_session
from tests.unit.acme import WHEN, Acme, installed

Listed = Callable[..., Listing]


class Till(Acme):
    """It lists five charges, an hour apart; `says` names how far it gets."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.LIST_CHARGES})
    closed: ClassVar[list[str]] = []

    def check(self) -> Identity:
        live = self.says == "live"
        return Identity(id="till", name="Till", live=live)

    def close(self) -> None:
        self.closed.append(self.account.name)
        if self.says == "never closes":
            threading.Event().wait(30)
        raise ZeroDivisionError("while closing")

    def list_charges(self, selection: Selection) -> Iterator[Charge]:
        if self.says == "filters not":
            raise UsageError("no such filter here", code="bad_filter")
        if self.says == "lacks it":
            raise Unsupported("the extension is not installed", code="extension_missing")
        for number in range(5):
            if number == 2:
                self._trouble()
            made = WHEN - timedelta(hours=number)
            yield replace(self.get_charge(f"C{number}"), account=self.account.name, created=made)

    def _trouble(self) -> None:
        match self.says:
            case "asleep" | "never closes":
                threading.Event().wait(30)
            case "breaks":
                raise NoAnswer("the connection broke")
            case "bug":
                raise ZeroDivisionError("in the adapter")


@pytest.fixture
def listed(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Listed:
    """Lists charges at accounts, each written as `gateway` or `gateway:what it says`."""
    installed(tmp_path_factory, monkeypatch, till=f"{__name__}:Till")
    monkeypatch.setattr(Till, "closed", [])

    def ask(*accounts: str, limit: int = 100, deadline: float = 10.0) -> Listing:
        tables = ""
        for number, account in enumerate(accounts):
            gateway, _, says = account.partition(":")
            tables += f'[accounts.a{number}]\ngateway = "{gateway}"\nsays = "{says or "hello"}"\n'
        folder = tmp_path / "config" / "profiles"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "shop.toml").write_text(f'mode = "test"\n[network]\ndeadline = {deadline}\n{tables}')
        with open_session("shop", env=os.environ) as session:
            return list_records(session, "charges", Selection(limit=limit), list(session.profile.accounts))

    return ask


def refs(listing: Listing) -> list[str]:
    return [record.ref for record in listing.records]


def test_all_accounts_are_merged_newest_first_and_of_one_instant_in_their_order(listed: Listed) -> None:
    listing = listed("till", "till")
    assert refs(listing) == [f"{account}:C{number}" for number in range(5) for account in ("a0", "a1")]
    assert (listing.more, exit_error(listing)) == (False, None)


def test_the_limit_is_over_all_accounts_and_says_what_it_hides(listed: Listed) -> None:
    listing = listed("till", "till", limit=3)
    assert (refs(listing), listing.more) == (["a0:C0", "a1:C0", "a0:C1"], True)
    assert listed("till", "till", limit=10).more is False


def test_an_account_that_cannot_list_is_named_and_is_no_failure(listed: Listed) -> None:
    listing = listed("plain", "till")
    assert len(listing.records) == 5
    assert listing.warnings == ["a0: plain cannot list charges"]
    assert (listing.errors, exit_error(listing)) == ([], None)


def test_an_account_that_cannot_filter_so_is_named_too(listed: Listed) -> None:
    assert listed("till:filters not", "till").warnings == ["a0: no such filter here"]


def test_an_account_that_lacks_what_the_list_takes_is_named_too(listed: Listed) -> None:
    listing = listed("till:lacks it", "till")
    assert (listing.warnings, exit_error(listing)) == (["a0: the extension is not installed"], None)


def test_when_no_account_can_list_that_the_call_is_wrong(listed: Listed) -> None:
    error = exit_error(listed("plain", "plain"))
    assert isinstance(error, Unsupported)


@pytest.mark.parametrize(("says", "word"), [("breaks", "network"), ("bug", "internal")])
def test_what_was_listed_before_a_failure_is_kept(listed: Listed, says: str, word: str) -> None:
    listing = listed(f"till:{says}", "till")
    assert [ref for ref in refs(listing) if ref.startswith("a0")] == ["a0:C0", "a0:C1"]
    assert len(listing.records) == 7
    assert [(error.word, error.account) for error in listing.errors] == [(word, "a0")]
    error = exit_error(listing)
    assert isinstance(error, Partial)
    assert error.message == "not everything could be read at a0; the rest is complete"


def test_one_account_alone_says_itself_why_it_is_not_all(listed: Listed) -> None:
    error = exit_error(listed("till:breaks"))
    assert isinstance(error, Partial)
    assert error.message == "the connection broke"


def test_an_account_that_sleeps_is_left_at_the_deadline_with_what_it_had(listed: Listed) -> None:
    began = time.monotonic()
    listing = listed("till:asleep", "till", deadline=0.4)
    assert time.monotonic() - began < 2
    assert len(listing.records) == 7
    assert [(error.code, error.account) for error in listing.errors] == [("deadline", "a0")]
    assert "only the newest 2 could be read within 0.4 s" in listing.errors[0].message


def test_what_is_given_up_is_closed_whatever_closing_does(listed: Listed) -> None:
    began = time.monotonic()
    listed("till:never closes", "till:asleep", "till", deadline=0.3)
    assert time.monotonic() - began < 2
    assert sorted(Till.closed) == ["a0", "a1", "a2"]


def test_what_the_wrong_mode_listed_is_not_shown(listed: Listed) -> None:
    listing = listed("till:live", "till")
    assert {record.account for record in listing.records} == {"a1"}
    (error,) = listing.errors
    assert isinstance(error, ConfigError)
    partial = exit_error(listing)
    assert partial is not None
    assert partial.message == "no answer from a0; the rest is complete"


def test_when_all_fail_the_gravest_failure_decides(listed: Listed) -> None:
    error = exit_error(listed("till:live", "acme", "plain"))
    assert isinstance(error, ConfigError)
