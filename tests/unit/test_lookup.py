"""The fan-out over accounts: a broken, slow or unable one never hides the others."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.errors import AuthFailed, NoAnswer, NotFound, Partial, UsageError
from billctl.gateway import By, Capability, Found, Identity, Query, Setting
from billctl.lookup import LookupResult, Status, exit_error, guess, lookup
from billctl.session import open_session
from tests.unit.acme import Acme, installed

Asked = Callable[..., LookupResult]


class Partly(Acme):
    """It finds everybody but nobody@example.com, and cannot read all of what they did."""

    def find_customers(self, query: Query) -> Found:
        failures = (
            NoAnswer("the invoices of P1 could not be read: timeout"),
            AuthFailed("the disputes of P1 could not be read: no permission"),
        )
        people = () if query.text.startswith("nobody") else (self.get_customer("P1"),)
        return Found(customers=people, notes=("the first 20 are shown",), failures=failures)


class Picky(Acme):
    """It takes an id that begins with C for a subscription's, and nothing else for an id of its own."""

    closed: ClassVar[list[str]] = []

    def kind_of(self, object_id: str) -> str | None:
        return "subscription" if object_id.startswith("C") else None

    def find_customers(self, query: Query) -> Found:
        if self.says == "leaves":
            raise SystemExit(3)
        if query.by in {By.CHARGE, By.ID}:
            raise UsageError(f"{query.text!r} is no id here", code="bad_id")
        return super().find_customers(query)

    def close(self) -> None:
        self.closed.append(self.account.name)


class Shop(Acme):
    """It knows the numbers of orders, and no card's digits."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({By.EMAIL.capability, By.INVOICE.capability})


class Moved(Acme):
    """Nobody is there any more whom its credentials could be asked of."""

    def check(self) -> Identity:
        raise NotFound("no such account")


class Locked(Acme):
    """It needs a secret."""

    settings: ClassVar[tuple[Setting, ...]] = (*Acme.settings, Setting(name="token", help="", secret=True))


@pytest.fixture
def asked(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Looks something up at accounts, each written as `gateway` or `gateway:what it says`."""
    kinds = {
        kind.__name__.lower(): f"{__name__}:{kind.__name__}" for kind in (Partly, Picky, Locked, Moved, Shop)
    }
    installed(tmp_path_factory, monkeypatch, **kinds)
    monkeypatch.setattr(Picky, "closed", [])

    def ask(
        query: str,
        *accounts: str,
        by: By | None = None,
        seen: Callable[[], None] = lambda: None,
        head: str = "[network]\ndeadline = 0.8\n",
    ) -> LookupResult:
        tables = ""
        for number, account in enumerate(accounts):
            gateway, _, says = account.partition(":")
            tables += f'[accounts.a{number}]\ngateway = "{gateway}"\nsays = "{says or "hello"}"\n'
        folder = tmp_path / "config" / "profiles"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "shop.toml").write_text(f'mode = "test"\n{head}{tables}')
        with open_session("shop", env=os.environ) as session:
            result = lookup(session, query, by=by)
            seen()
            return result

    return ask


def test_an_adapters_bug_is_that_accounts_failure_only(asked: Asked) -> None:
    result = asked("a@example.com", "acme:bug", "acme")
    assert [a.status for a in result.answers] == [Status.FAILED, Status.FOUND]
    assert [(e.word, e.account) for e in result.errors] == [("internal", "a0")]
    assert isinstance(exit_error(result, all_or_fail=False), Partial)


def test_an_account_that_cannot_say_who_it_is_has_failed_and_has_not_nobody(asked: Asked) -> None:
    result = asked("a@example.com", "moved")
    assert [a.status for a in result.answers] == [Status.FAILED]
    error = exit_error(result, all_or_fail=False)
    assert isinstance(error, NoAnswer)
    assert "a0 could not say whose its credentials are: no such account" in error.message


@pytest.mark.parametrize("query", ["\udcff\udcfe", "layla\udce9", "a\x00b", "a\x1b[31mb", "a\nb", "a\x7fb"])
def test_what_is_no_text_is_not_looked_for(asked: Asked, query: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked(query, "acme")
    assert caught.value.code == "bad_query"
    assert caught.value.line().isprintable()


@pytest.mark.parametrize("query", ["Zoë", "لَيْلى", "\u200fليلى", "王芳", "a@example.com\n"])
def test_text_of_any_script_is_looked_for(asked: Asked, query: str) -> None:
    assert asked(query, "acme").customers


def test_a_part_that_could_not_be_read_is_said_and_hides_nothing_else(asked: Asked) -> None:
    result = asked("a@example.com", "partly", "acme")
    part = result.answers[0]
    assert [a.status for a in result.answers] == [Status.FOUND, Status.FOUND]
    assert len(part.customers) == 1
    assert [(e.word, e.message, e.account) for e in result.errors] == [
        ("auth", "the disputes of P1 could not be read: no permission", "a0")
    ]
    assert part.notes == ("the first 20 are shown", "the invoices of P1 could not be read: timeout")
    assert "the disputes of P1 could not be read" in part.data()["note"]
    assert "the invoices of P1 could not be read" in part.data()["note"]
    error = exit_error(result, all_or_fail=False)
    assert isinstance(error, Partial)
    assert error.message == "not everything could be read at a0; the rest is complete"
    assert exit_error(result, all_or_fail=True) is result.errors[0]


def test_an_account_alone_that_could_not_read_all_is_partial_too(asked: Asked) -> None:
    error = exit_error(asked("a@example.com", "partly"), all_or_fail=False)
    assert isinstance(error, Partial)


def test_accounts_that_fail_wholly_and_in_part_are_both_named(asked: Asked) -> None:
    error = exit_error(asked("a@example.com", "partly", "acme:bug"), all_or_fail=False)
    assert isinstance(error, Partial)
    assert error.message == ("no answer from a1; not everything could be read at a0; the rest is complete")


def test_nobody_found_where_a_part_could_not_be_read_is_a_failure_not_none(asked: Asked) -> None:
    result = asked("nobody@example.com", "partly")
    assert [a.status for a in result.answers] == [Status.FAILED]
    error = exit_error(result, all_or_fail=False)
    assert error is not None
    assert error.word == "auth"


def test_an_account_that_sleeps_is_left_at_the_deadline(asked: Asked) -> None:
    began = time.monotonic()
    result = asked("a@example.com", "acme:asleep", "acme")
    assert time.monotonic() - began < 5
    assert [a.status for a in result.answers] == [Status.FAILED, Status.FOUND]
    assert result.errors[0].code == "deadline"
    assert result.errors[0].message == "no answer within 0.8 s"


def test_an_account_that_cannot_search_that_way_says_so_and_is_no_failure(asked: Asked) -> None:
    result = asked("4242", "plain", "acme", by=By.LAST4)
    assert [a.status for a in result.answers] == [Status.CANNOT_SEARCH, Status.FOUND]
    assert result.answers[0].data()["note"] == "plain cannot search by last4"
    assert exit_error(result, all_or_fail=True) is None


def test_nobody_found_names_who_could_not_search(asked: Asked) -> None:
    error = exit_error(asked("4242", "plain", "acme:nobody", by=By.LAST4), all_or_fail=False)
    assert isinstance(error, NotFound)
    assert error.message == "no customer by last4 '4242' (a0 cannot search by last4)"


def test_nobody_found_names_whose_id_it_cannot_be_as_not_asked(asked: Asked) -> None:
    error = exit_error(asked("P1", "picky", "shop", "acme:nobody", by=By.ID), all_or_fail=False)
    assert isinstance(error, NotFound)
    assert error.message == "no customer by id 'P1' (a1 cannot search by id; not asked: a0)"


def test_when_no_account_can_search_that_way_the_call_is_wrong(asked: Asked) -> None:
    error = exit_error(asked("4242", "plain", "plain", by=By.LAST4), all_or_fail=False)
    assert isinstance(error, UsageError)
    assert error.message == "no account of this profile can search by last4"


def test_the_only_searching_account_failing_is_the_lookups_failure(asked: Asked) -> None:
    error = exit_error(asked("4242", "plain", "acme:bug", by=By.LAST4), all_or_fail=False)
    assert error is not None
    assert error.exit_code == 1


def test_an_id_that_one_gateway_knows_by_its_form_is_looked_for_as_that_everywhere(asked: Asked) -> None:
    result = asked("I1", "picky", "acme")
    assert result.by is By.INVOICE
    assert [a.notes for a in result.answers] == [("by invoice",), ("by invoice",)]


def test_where_gateways_differ_over_an_id_each_is_asked_in_its_own_way_and_says_so(asked: Asked) -> None:
    result = asked("C1", "acme", "picky", "plain")
    assert result.by is By.CHARGE
    assert [a.status for a in result.answers] == [Status.FOUND, Status.FOUND, Status.CANNOT_SEARCH]
    assert result.answers[1].notes == ("searched by subscription", "by subscription")
    assert asked("C1", "picky", "acme").by is By.SUBSCRIPTION


def test_an_id_that_is_none_to_a_gateway_cannot_be_searched_for_there_and_is_no_failure(asked: Asked) -> None:
    result = asked("P1", "picky", "acme")
    assert [a.status for a in result.answers] == [Status.CANNOT_SEARCH, Status.FOUND]
    assert result.answers[0].data()["note"] == "'P1' is no id here"
    assert exit_error(result, all_or_fail=True) is None


def test_an_id_that_is_none_to_any_gateway_is_a_usage_error(asked: Asked) -> None:
    error = exit_error(asked("X1", "picky", "picky", by=By.ID), all_or_fail=False)
    assert isinstance(error, UsageError)
    assert (error.code, error.message) == ("bad_id", "'X1' is no id here")


def test_what_was_guessed_and_not_found_can_be_said(asked: Asked) -> None:
    guessed = exit_error(asked("zaki", "acme:nobody"), all_or_fail=False)
    assert guessed is not None
    assert guessed.hint.endswith("It was taken for a name; if it is none, say what it is: --by.")
    digits = exit_error(asked("10042", "acme:nobody"), all_or_fail=False)
    assert digits is not None
    assert digits.hint.endswith("It was taken for an id; if it is none, say what it is: --by invoice.")
    said = exit_error(asked("zaki", "acme:nobody", by=By.NAME), all_or_fail=False)
    assert said is not None
    assert "--by" not in said.hint


def test_a_plugin_that_tries_to_end_the_program_fails_alone_and_at_once(asked: Asked) -> None:
    result = asked("a@example.com", "picky:leaves", "acme")
    assert result.seconds < 0.7
    assert [a.status for a in result.answers] == [Status.FAILED, Status.FOUND]
    assert result.errors[0].message == "unexpected SystemExit in the picky adapter"


def test_an_account_that_is_given_up_is_closed_before_the_answer(asked: Asked) -> None:
    before: list[list[str]] = []
    asked("a@example.com", "picky:asleep", "picky", seen=lambda: before.append(list(Picky.closed)))
    assert before == [["a0"]]
    assert Picky.closed == ["a0", "a1"]


def test_no_account_waits_for_the_secret_of_another(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    command = tmp_path / "command"
    command.write_text(
        f"""#!/bin/sh
        cd {tmp_path}/here && touch $$
        for try in 1 2 3 4 5 6 7 8 9; do [ $(ls | wc -l) = 3 ] && exec echo hush-hush; sleep 1; done
        """
    )
    command.chmod(0o700)
    result = asked("a@example.com", *["locked"] * 3, head=f'credential_command = ["{command}"]\n')
    assert [a.status for a in result.answers] == [Status.FOUND] * 3


def test_what_is_not_complete_is_a_note_of_the_account(asked: Asked) -> None:
    result = asked("a@example.com", "acme:nobody")
    assert result.answers[0].data()["note"] == "only the last 90 days"


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("a@b", By.EMAIL),
        ("@", By.EMAIL),
        ("4242", By.LAST4),
        ("٤٢٤٢", By.NAME),
        ("42424", By.ID),
        ("k3x9f2", By.ID),
        ("layla2 haddad", By.NAME),
        ("PRO-0042", By.INVOICE),
        ("LAYLA000-0002", By.INVOICE),
        ("Jean-Luc", By.NAME),
        ("ANNE-MARIE", By.NAME),
        ("Layla Haddad", By.NAME),
        ("ch_1", By.ID),
    ],
)
def test_a_query_is_taken_for_what_its_form_says(text: str, by: By) -> None:
    assert guess(text, {}) == by


def test_four_digits_are_an_orders_number_where_no_cards_digits_are_known(asked: Asked) -> None:
    result = asked("1042", "acme", "shop", "plain")
    assert [a.status for a in result.answers] == [Status.FOUND, Status.FOUND, Status.CANNOT_SEARCH]
    assert (result.by, result.answers[1].notes) == (By.LAST4, ("searched by invoice", "by invoice"))
    alone = asked("1042", "shop")
    assert (alone.by, alone.answers[0].status, alone.answers[0].notes) == (
        By.INVOICE,
        Status.FOUND,
        ("by invoice",),
    )
    nobody = asked("1042", "acme", "shop:nobody").answers[1]
    assert nobody.status is Status.CANNOT_SEARCH
    assert nobody.notes[0] == "shop cannot search by last4, and has no invoice of the number 1042"
    assert asked("1042", "shop", by=By.LAST4).answers[0].status is Status.CANNOT_SEARCH


@pytest.mark.parametrize("text", ["8842", "layla", "PRO-0042"])
def test_a_reference_names_an_object(text: str) -> None:
    assert guess(text, {}, is_reference=True) == By.ID
