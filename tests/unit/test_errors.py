"""The error family: exit codes of the contract, the line that is printed, which of several weighs most."""

import re
from itertools import pairwise

import pytest

from billctl import errors
from billctl.errors import (
    GRAVITY,
    ApprovalRequired,
    AuthFailed,
    BillctlError,
    Busy,
    ConfigError,
    Findings,
    InternalError,
    Interrupted,
    NetworkError,
    NoAnswer,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Partial,
    PolicyDenied,
    Refused,
    StoreError,
    Unsupported,
    UsageError,
    gravest,
)

CONTRACT: list[tuple[type[BillctlError], int, str]] = [
    (InternalError, 1, "internal"),
    (UsageError, 2, "usage"),
    (Unsupported, 2, "usage"),
    (NotFound, 3, "not_found"),
    (AuthFailed, 4, "auth"),
    (Refused, 5, "refused"),
    (OutcomeUnknown, 6, "unknown"),
    (Partial, 7, "partial"),
    (PolicyDenied, 8, "policy"),
    (StoreError, 9, "store"),
    (Busy, 10, "busy"),
    (NetworkError, 11, "network"),
    (NotSent, 11, "network"),
    (NoAnswer, 11, "network"),
    (ConfigError, 12, "config"),
    (Findings, 14, "findings"),
    (ApprovalRequired, 15, "approval"),
]
"""The command-line contract's table of exit codes; 13 and signals are no error classes."""


@pytest.mark.parametrize(("kind", "code", "word"), CONTRACT)
def test_every_class_has_the_contracts_exit_code_and_word(
    kind: type[BillctlError], code: int, word: str
) -> None:
    assert (kind.exit_code, kind.word) == (code, word)


def test_no_class_is_missing_from_the_table() -> None:
    family = {
        thing
        for thing in vars(errors).values()
        if isinstance(thing, type) and issubclass(thing, BillctlError)
    }
    assert family - {BillctlError, Interrupted} == {kind for kind, _, _ in CONTRACT}


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143), (1, 129)])
def test_a_signal_ends_with_the_shells_code_for_it(number: int, code: int) -> None:
    assert Interrupted(number).exit_code == code
    assert Interrupted(number).line() == "interrupted. Nothing was sent."
    assert BillctlError.exit_code == 1


@pytest.mark.parametrize(
    "kind", [UsageError, Unsupported, PolicyDenied, StoreError, Busy, NotSent, ConfigError, ApprovalRequired]
)
def test_what_ends_before_sending_says_so(kind: type[BillctlError]) -> None:
    assert kind("it is so").line() == "it is so. Nothing was sent."


@pytest.mark.parametrize("kind", [NotFound, AuthFailed, Refused, NoAnswer])
def test_what_the_gateway_turned_down_says_that_nothing_changed(kind: type[BillctlError]) -> None:
    assert "it is so. Nothing changed." in kind("it is so").line()


def test_an_unknown_outcome_never_says_that_nothing_was_sent_and_names_the_way_on() -> None:
    line = OutcomeUnknown("no answer from stripe after 30 s; the refund may have happened").line()
    assert "Nothing" not in line
    assert line.endswith("Do not send it again: run `billctl audit reconcile`.")


def test_a_hint_replaces_the_default_one() -> None:
    assert OutcomeUnknown("no answer", hint="Ask a person.").line() == (
        "no answer. It may have happened. Ask a person."
    )


def test_a_question_ends_with_its_mark() -> None:
    assert UsageError("did you mean refund?").line() == "did you mean refund? Nothing was sent."


def test_a_final_period_is_not_doubled() -> None:
    assert Refused("stripe said no.").line() == "stripe said no. Nothing changed."


def test_a_line_names_a_code_only_where_it_is_the_gateways_own() -> None:
    assert Refused("no", code="charge_already_refunded").line().startswith("no (charge_already_refunded).")
    assert UsageError("no", code="bad_amount").line() == "no. Nothing was sent."


def test_the_code_is_the_class_word_unless_the_gateway_has_its_own() -> None:
    assert Refused("no").code == "refused"
    assert Refused("no", code="charge_already_refunded").code == "charge_already_refunded"


def test_a_line_is_one_line() -> None:
    assert "\n" not in Refused("no", code="x", hint="Look.").line()


@pytest.mark.parametrize(("graver", "lesser"), list(pairwise(GRAVITY)))
def test_the_gravest_of_several_failures_decides(
    graver: type[BillctlError], lesser: type[BillctlError]
) -> None:
    first, second = lesser("a"), graver("b")
    assert gravest([first, second]) is second
    assert gravest([second, first]) is second


def test_the_earliest_of_equally_grave_failures_decides() -> None:
    first, second = NotSent("a"), NoAnswer("b")
    assert gravest([first, second]) is first


def test_a_class_that_no_rank_names_weighs_least() -> None:
    usage = UsageError("a")
    assert gravest([Partial("b"), usage]) is usage


def test_a_code_has_one_word_and_a_word_one_code() -> None:
    words = {(kind.exit_code, kind.word) for kind, _, _ in CONTRACT}
    assert len({code for code, _ in words}) == len({word for _, word in words}) == len(words)
    assert all(re.fullmatch(r"[a-z_]+", word) for _, word in words)
