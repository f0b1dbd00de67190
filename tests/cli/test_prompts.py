"""Confirmation on a real terminal, and the live rules with and without one.

Each kind of question is asked by a process of its own; the many answers to it by command lines in the
tests' own process, on a terminal too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pexpect
import pytest

from billctl.cli.progress import ERASE_LINE
from billctl.sandbox import ACCOUNT_ID, STRIPE_LIVE_KEY
from tests.matrix import often
from tests.shop import PAID, PAST_DUE, SUBSCRIPTION, WHY, Shop

REFUND = ("stripe", "refund", PAID, "--amount", "12.50", "--reason", "charged twice")
END_OF_INPUT = "\x04"
"""Ctrl-D, at the beginning of a line."""


@contextmanager
def terminal(shop: Shop, *arguments: str) -> Iterator[Any]:
    """The program on a terminal of 100 columns."""
    program, *words = shop.command(*arguments)
    child = pexpect.spawn(
        program, words, env=shop.environment(), encoding="utf-8", timeout=30, dimensions=(40, 100)
    )
    try:
        yield child
    finally:
        child.close(force=True)


def ended(child: Any) -> tuple[int, str]:
    """The exit code, and everything shown since the last question."""
    child.expect(pexpect.EOF)
    child.wait()
    code = child.exitstatus if child.exitstatus is not None else 128 + child.signalstatus
    return int(code), str(child.before)


def test_it_shows_what_it_will_do_and_asks(shop: Shop) -> None:
    with terminal(shop, *REFUND, "--ticket", "zendesk:35436", "--no-color") as child:
        child.expect_exact("Refund? [y/N]")
        shown = child.before
        for text in (
            "test",
            f"stripe:{PAID}",
            ACCOUNT_ID,
            "12.50 USD of 49.00 USD, visa 4242",
            "Layla Haddad",
            "36.50 USD refundable",
            "no, a refund cannot be taken back",
            "charged twice",
            "zendesk:35436",
        ):
            assert text in shown
        assert shop.refunds() == []
        child.sendline("y")
        code, rest = ended(child)
    assert code == 0
    assert "Refunded  12.50 USD  re_" in rest
    assert "audit 2, 3" in rest
    assert shop.refunds() == [1250]


def test_what_is_asked_parts_no_word_at_the_edge_of_the_terminal(shop: Shop) -> None:
    reason = " ".join(["charged", "twice,", "telephoned"] * 9)
    code, shown = shop.typed("n\n", *REFUND[:-1], reason, "--no-color")
    assert code == 8
    asked = shown.partition("Refund? [y/N]")[0]
    asked = asked.rpartition(ERASE_LINE)[2]  # a sign of life may stand before it
    lines = asked.replace("\r", "").splitlines()
    assert max(map(len, lines)) <= 100
    assert " ".join(word for line in lines for word in line.split()).endswith(f"reason {reason}")


@pytest.mark.parametrize("answer", often(("yes", "Y", "YES "), "YES "))
def test_yes_in_any_case_is_yes(shop: Shop, answer: str) -> None:
    code, shown = shop.typed(f"{answer}\n", *REFUND)
    assert code == 0
    assert "Refund? [y/N]" in shown
    assert shop.refunds() == [1250]


@pytest.mark.parametrize("answer", often(("n", "", "no", "yess", "ja", "1"), "n", "", "yess"))
def test_anything_else_is_no_and_the_log_knows_it(shop: Shop, answer: str) -> None:
    code, shown = shop.typed(f"{answer}\n", *REFUND)
    assert code == 8
    assert "billctl: you said no. Nothing was sent." in shown.partition("Refund? [y/N]")[2]
    assert shop.refunds() == []
    (row,) = [r for r in shop.audit() if r["action"] == "refund"]
    assert (row["outcome"], row["error"]["code"]) == ("denied", "declined")


def test_the_end_of_input_at_the_question_is_no(shop: Shop) -> None:
    code, shown = shop.typed(END_OF_INPUT, *REFUND)
    assert code == 8
    assert "nobody answered. Nothing was sent." in shown.partition("[y/N]")[2]
    assert shop.operations() == [("refund", "denied")]
    assert shop.refunds() == []


def test_ctrl_c_at_the_question_sends_nothing(shop: Shop) -> None:
    with terminal(shop, *REFUND) as child:
        child.expect_exact("[y/N]")
        child.sendintr()
        code, rest = ended(child)
    assert code == 130
    assert "interrupted" in rest
    assert "Traceback" not in rest
    assert shop.refunds() == []
    assert shop.run("audit", "reconcile", "-o", "json").data == []
    attempt = shop.audit()[0]
    assert (attempt["phase"], attempt["outcome"], attempt["error"]["code"]) == (
        "denied",
        "denied",
        "interrupted",
    )


def test_yes_given_beforehand_asks_nothing(shop: Shop) -> None:
    code, shown = shop.typed("", *REFUND, "--yes")
    assert code == 0
    assert "[y/N]" not in shown


@pytest.mark.parametrize(
    ("words", "question", "said"),
    [
        (("cancel", SUBSCRIPTION), "Cancel? [y/N]", "yes, at the gateway, until it ends"),
        (("cancel", SUBSCRIPTION, "--now"), "Cancel? [y/N]", "no refund of the time that is left"),
        (("resend", PAST_DUE), "Resend? [y/N]", "the invoice to layla@example.com"),
    ],
)
def test_every_action_says_what_can_be_undone(
    shop: Shop, words: tuple[str, ...], question: str, said: str
) -> None:
    code, shown = shop.typed("n\n", "stripe", *words, "--reason", "moving away")
    assert code == 8
    before, _, after = shown.partition(question)
    assert said in before
    assert "you said no" in after


def test_a_refused_plan_asks_nothing(shop: Shop) -> None:
    code, shown = shop.typed("y\n", "stripe", "refund", PAID, "--amount", "50", "--reason", "too much")
    assert code == 2
    assert "[y/N]" not in shown


def test_a_hostile_reason_does_not_drive_the_terminal(shop: Shop) -> None:
    code, shown = shop.typed("n\n", *REFUND[:-1], "so \x1b]0;owned\x07 \u202ebad")
    assert code == 8
    before, question, _ = shown.partition("[y/N]")
    assert question
    assert "\x1b]0" not in before
    assert "\u202e" not in before


# Live


def live_refunds(shop: Shop) -> list[int]:
    return shop.refunds(key=STRIPE_LIVE_KEY)


def test_live_money_is_confirmed_by_typing_the_amount(shop: Shop) -> None:
    shop.live(unattended=False)
    with terminal(shop, *REFUND) as child:
        child.expect_exact("Type the amount to confirm:")
        assert "LIVE" in child.before
        assert ACCOUNT_ID in child.before
        child.sendline("12.50")
        assert ended(child)[0] == 0
    assert live_refunds(shop) == [1250]
    assert shop.audit()[0]["mode"] == "live"


@pytest.mark.parametrize(
    "typed", often(("y", "yes", "12.51", "1250", "49.00", "", "-12.50"), "yes", "12.51", "1250", "")
)
def test_anything_but_the_amount_sends_nothing(shop: Shop, typed: str) -> None:
    shop.live(unattended=False)
    code, shown = shop.typed(f"{typed}\n", *REFUND)
    assert code == 8
    rest = shown.partition("Type the amount to confirm:")[2]
    assert "the amount typed is not the amount planned. Nothing was sent." in rest
    assert live_refunds(shop) == []
    assert shop.operations() == [("refund", "denied")]


@pytest.mark.parametrize("typed", ["12.5", "١٢٫٥٠"])
def test_the_amount_may_be_typed_in_any_form_of_the_grammar(shop: Shop, typed: str) -> None:
    shop.live(unattended=False)
    code, shown = shop.typed(f"{typed}\n", *REFUND)
    assert code == 0
    assert "Type the amount to confirm:" in shown
    assert live_refunds(shop) == [1250]


def test_yes_alone_does_not_skip_the_live_question(shop: Shop) -> None:
    shop.live(unattended=True)
    code, shown = shop.typed(END_OF_INPUT, *REFUND, "--yes")
    assert code == 8
    assert "Type the amount to confirm:" in shown
    assert live_refunds(shop) == []


@pytest.mark.parametrize(("unattended", "asks"), [(True, False), (False, True)])
def test_the_live_question_is_skipped_only_where_unattended_use_is_allowed(
    shop: Shop, unattended: bool, asks: bool
) -> None:
    shop.live(unattended=unattended)
    code, shown = shop.typed("12.50\n" if asks else "", *REFUND, "--yes", "--live", ACCOUNT_ID)
    assert code == 0
    assert ("Type the amount to confirm:" in shown) is asks
    assert live_refunds(shop) == [1250]


def test_a_live_cancellation_is_confirmed_by_typing_the_id(shop: Shop) -> None:
    shop.live(unattended=False)
    for typed, expected in (("y", 8), (SUBSCRIPTION, 0)):
        code, shown = shop.typed(f"{typed}\n", "stripe", "cancel", SUBSCRIPTION, "--reason", "moving away")
        assert code == expected
        assert f"Type {SUBSCRIPTION} to confirm:" in shown


# Without a terminal


def test_without_a_terminal_and_without_yes_it_is_policy(shop: Shop) -> None:
    ran = shop.run(*REFUND)
    assert ran.code == 8
    assert ran.line == (
        "billctl: there is no terminal to ask on, and --yes is not given. Nothing was sent. "
        "Add --yes, or look first with --dry-run."
    )
    assert shop.operations() == [("refund", "denied")]
    assert shop.refunds() == []


@pytest.mark.parametrize(
    ("unattended", "options", "code", "error"),
    [
        (True, (), 8, "not_confirmed"),
        (True, ("--live", ACCOUNT_ID), 8, "not_confirmed"),
        (True, ("--yes",), 8, "no_live_account"),
        (True, ("--yes", "--live", "acct_other"), 8, "wrong_live_account"),
        (False, ("--yes", "--live", ACCOUNT_ID), 8, "unattended_not_allowed"),
        (True, ("--yes", "--live", ACCOUNT_ID), 0, None),
    ],
)
def test_live_without_a_terminal_needs_all_three(
    shop: Shop, unattended: bool, options: tuple[str, ...], code: int, error: str | None
) -> None:
    shop.live(unattended=unattended)
    ran = shop.run(*REFUND, *options, "-o", "json")
    assert ran.code == code
    assert [e["code"] for e in ran.document["errors"]] == ([error] if error else [])
    assert live_refunds(shop) == ([1250] if code == 0 else [])


def test_a_test_profile_with_a_wrong_live_account_is_denied(shop: Shop) -> None:
    ran = shop.run(*REFUND, "--yes", "--live", "acct_other", "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (8, "wrong_live_account")
    assert shop.run("stripe", "refund", PAID, "--amount", "1", *WHY, "--live", ACCOUNT_ID).code == 0


def test_a_dry_run_needs_no_yes_in_live_mode(shop: Shop) -> None:
    shop.live(unattended=False)
    ran = shop.run(*REFUND, "--dry-run", "-o", "json")
    assert (ran.code, ran.document["mode"]) == (0, "live")
    assert live_refunds(shop) == []
