"""Signals before, while and after a refund is sent: the exit code, the one line, the log, and one refund.

Those with a process of their own are real signals at a real program; those that must arrive at one point of
the code are sent by the program to itself there.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from billctl.audit.log import AuditLog
from billctl.cli import app
from billctl.sandbox import faults
from tests.safety.acts import ACTS, opened
from tests.safety.aftermath import check_recovery, later, records
from tests.shop import PAID, SECONDS, WHY, Ran, Shop, open_shop

REFUND = ("stripe", "refund", PAID, "--amount", "12.50", *WHY)
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
EACH = pytest.mark.parametrize("number", CODES)
ONE_FAST = pytest.mark.parametrize(
    "number", [signal.SIGINT, *(pytest.param(n, marks=pytest.mark.slow) for n in CODES if n != signal.SIGINT)]
)


@contextmanager
def running(shop: Shop, *command: str, words: tuple[str, ...] = REFUND) -> Iterator["subprocess.Popen[str]"]:
    """`words` as a process, or `command` with them appended; killed where the test leaves it."""
    with subprocess.Popen(
        [*command, *shop.command(*words)],
        env=shop.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ended(process: "subprocess.Popen[str]") -> Ran:
    out, err = process.communicate(timeout=SECONDS)
    return Ran(process.returncode, out, err)


def struck(shop: Shop) -> bool:
    """Whether every fault that was armed has met its request."""
    return not faults.armed(shop.state_dir, "stripe")


def check_found_done(shop: Shop) -> None:
    """Made, and not known to be: reconcile finds it, and running it again makes no second one."""
    assert shop.refunds() == [1250]
    assert shop.operations() == [("refund", "unknown")]
    assert [row["finding"] for row in shop.run("audit", "reconcile", "-o", "json").data] == ["done"]
    check_once(shop)


def check_once(shop: Shop) -> None:
    again = shop.run(*REFUND, "-o", "json")
    assert (again.code, again.data["outcome"]) == (0, "already_done")
    assert shop.refunds() == [1250]
    assert shop.run("audit", "verify").code == 0


# While the program waits


@ONE_FAST
def test_a_signal_before_anything_is_sent_says_so_and_leaves_nothing_open(
    shop: Shop, number: signal.Signals
) -> None:
    shop.arm("hang-before", f"GET /v1/charges/{PAID}", seconds=30)
    with running(shop) as process:
        until(lambda: struck(shop))
        process.send_signal(number)
        ran = ended(process)
    assert (ran.code, ran.err) == (CODES[number], "billctl: interrupted. Nothing was sent.\n")
    assert shop.refunds() == []
    (attempt,) = shop.audit()[:1]
    assert (attempt["phase"], attempt["error"]["code"]) == ("denied", "interrupted")
    assert shop.run("audit", "reconcile", "-o", "json").data == []
    assert shop.run(*REFUND, "-o", "json").data["outcome"] == "succeeded"
    assert shop.refunds() == [1250]


@ONE_FAST
def test_a_signal_while_sending_leaves_an_unknown_that_reconcile_settles(
    shop: Shop, number: signal.Signals
) -> None:
    shop.arm("hang-after", "POST /v1/refunds", seconds=30)
    with running(shop) as process:
        until(shop.refunds)
        process.send_signal(number)
        ran = ended(process)
    operation, _, _, outcome, *_ = ran.out.split("\t")
    assert (ran.code, outcome) == (CODES[number], "unknown")
    assert ran.err == (
        f"billctl: interrupted while sending {operation}, the refund of stripe:{PAID}. It may have happened. "
        "Do not send it again: run `billctl audit reconcile`.\n"
    )
    check_found_done(shop)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("refund part, PayPal", "POST */refund"),
        ("cancel, PayPal", "POST */cancel"),
        ("resend, PayPal", "POST */remind"),
        ("refund part, Braintree", "POST */refund"),
        ("cancel at period end, Braintree", "PUT */subscriptions/*"),
        ("void, Braintree", "PUT */void"),
        ("cancel now, Stripe", "DELETE /v1/subscriptions/*"),
        ("void by intent, Stripe", "POST */cancel"),
    ],
)
def test_ctrl_c_while_any_change_is_sent_leaves_an_unknown_that_ends_well(
    name: str, match: str, tmp_path: Path
) -> None:
    act = ACTS[name]
    with opened(act, tmp_path / "shop") as shop:
        shop.arm("hang-after", match, seconds=30)
        with running(shop, words=act.words) as process:
            until(lambda: act.effects(shop))
            process.send_signal(signal.SIGINT)
            ran = ended(process)
        assert ran.code == 130
        assert "It may have happened." in ran.line
        assert [entry.state for entry in records(shop, "outcome")] == ["unknown"]
        check_recovery(shop, act)


@pytest.mark.slow
@EACH
def test_signals_that_rain_on_it_till_its_end_hide_nothing(shop: Shop, number: signal.Signals) -> None:
    shop.arm("hang-after", "POST /v1/refunds", seconds=30)
    with running(shop) as process:
        until(shop.refunds)
        while process.poll() is None:
            process.send_signal(number)
            time.sleep(0.0005)
        ran = ended(process)
    assert ran.code in {CODES[number], -number}
    assert "Nothing was sent" not in ran.err
    assert "File " not in ran.err
    check_found_done(shop)


def check_any_moment(shop: Shop, number: signal.Signals, delay: float) -> None:
    """A signal `delay` seconds after the start: what is said and recorded is so, and it ends up done once."""
    with running(shop) as process:
        time.sleep(delay)
        process.send_signal(number)
        ran = ended(process)
    made = len(shop.refunds())
    begun = "Traceback" not in ran.err or "/billctl/" in ran.err  # else it was Python that started: 1
    assert ran.code in {0, CODES[number], -number} if begun else ran.code == 1, ran
    assert "billctl/" not in ran.err, "a traceback"
    assert made or ran.code
    assert not ("Nothing was sent" in ran.err and made)
    if shop.run(*REFUND).code == 6:
        with later():
            assert shop.run("audit", "reconcile").code == 0
    assert shop.run(*REFUND).code == 0
    check_once(shop)


MOMENTS = 12
LONGEST = 1.2
"""Seconds; longer than the whole run takes on a machine that has nothing else to do."""


@pytest.mark.slow
@EACH
def test_a_signal_at_any_moment_leaves_what_can_be_gone_on_with(
    number: signal.Signals, tmp_path: Path
) -> None:
    check_moments(number, tmp_path, MOMENTS)


@pytest.mark.full
@EACH
def test_a_signal_at_each_of_many_moments_leaves_what_can_be_gone_on_with(
    number: signal.Signals, tmp_path: Path
) -> None:
    check_moments(number, tmp_path, 20 * MOMENTS)


def check_moments(number: signal.Signals, folder: Path, count: int) -> None:
    for moment in range(count):
        place = folder / str(moment)
        place.mkdir(mode=0o700)
        with open_shop(place) as shop:
            own = {"BILLCTL_STATE_DIR": shop.state_dir, "BILLCTL_CONFIG_DIR": shop.config_dir}
            shop.env |= {name: str(path) for name, path in own.items()}
            check_any_moment(shop, number, LONGEST * moment / count)


@pytest.mark.slow
def test_a_kill_while_it_holds_the_charge_leaves_no_lock(shop: Shop) -> None:
    shop.arm("hang-after", "POST /v1/refunds", seconds=30)
    with running(shop) as process:
        until(shop.refunds)
        busy = shop.run(*REFUND, "-o", "json")
        assert (busy.code, busy.document["errors"][0]["code"]) == (10, "operation_open")
        process.kill()
        ended(process)
    left = shop.run(*REFUND, "-o", "json")
    assert (left.code, left.document["errors"][0]["code"]) == (6, "operation_unknown")
    assert [row["finding"] for row in shop.run("audit", "reconcile", "-o", "json").data] == ["done"]
    check_once(shop)


def stopped(process: "subprocess.Popen[str]") -> bool:
    """Whether the process stands still, as after Ctrl-Z."""
    status = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8")
    return status.rpartition(")")[2].split()[0] == "T"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="this system does not show a process's state")
def test_a_run_that_is_stopped_while_it_sends_and_goes_on_later_ends_well(shop: Shop) -> None:
    shop.arm("late", "POST /v1/refunds", seconds=1)
    with running(shop) as process:
        until(lambda: struck(shop))
        process.send_signal(signal.SIGSTOP)  # as Ctrl-Z does, which a terminal alone can send to a job
        until(lambda: stopped(process))
        until(shop.refunds)
        process.send_signal(signal.SIGCONT)
        ran = ended(process)
    assert (ran.code, ran.err) == (0, "")
    assert shop.operations() == [("refund", "succeeded")]
    check_once(shop)


@pytest.mark.slow
def test_what_a_shell_starts_in_the_background_is_deaf_to_ctrl_c(shop: Shop) -> None:
    shop.arm("late", "POST /v1/refunds", seconds=1)
    with running(shop, "sh", "-c", 'trap "" INT; exec "$@"', "sh") as process:
        until(lambda: struck(shop))
        process.send_signal(signal.SIGINT)
        ran = ended(process)
    assert (ran.code, ran.err) == (0, "")
    assert shop.operations() == [("refund", "succeeded")]


# At one point of the code


def itself(number: int) -> None:
    os.kill(os.getpid(), number)


@contextmanager
def struck_around(owner: Any, name: str, number: int, *, after: bool) -> Iterator[None]:
    """The signal arrives just before or just after a call of `owner.name`."""
    real = getattr(owner, name)

    def struck(*args: Any, **kwargs: Any) -> Any:
        if not after:
            itself(number)
        found = real(*args, **kwargs)
        if after:
            itself(number)
        return found

    own = {n: signal.getsignal(n) for n in CODES}
    try:
        with mock.patch.object(owner, name, struck):
            yield
    finally:
        for n, handler in own.items():
            signal.signal(n, handler)


AFTER = pytest.mark.parametrize("after", [False, True], ids=["before", "after"])


@ONE_FAST
@AFTER
def test_a_signal_while_the_outcome_is_written_changes_nothing(
    shop: Shop, number: signal.Signals, after: bool
) -> None:
    with struck_around(AuditLog, "outcome", number, after=after):
        ran = shop.run(*REFUND, "-o", "json")
    assert (ran.code, ran.data["outcome"], ran.err) == (0, "succeeded", "")
    assert shop.operations() == [("refund", "succeeded")]
    check_once(shop)


@ONE_FAST
@AFTER
def test_a_second_signal_while_the_first_is_recorded_changes_nothing(
    shop: Shop, number: signal.Signals, after: bool
) -> None:
    from billctl.verbs.refund import RefundCharge

    with (
        struck_around(RefundCharge, "send", number, after=True),
        struck_around(AuditLog, "outcome", number, after=after),
    ):
        ran = shop.run(*REFUND, "-o", "json")
    assert (ran.code, ran.data["outcome"]) == (CODES[number], "unknown")
    assert "It may have happened." in ran.line
    check_found_done(shop)


@EACH
def test_a_signal_after_it_was_sent_never_lets_it_say_that_nothing_was(
    shop: Shop, number: signal.Signals
) -> None:
    with struck_around(app, "print_result", number, after=False):
        ran = shop.run(*REFUND, "-o", "json")
    (operation,) = {row["operation"] for row in shop.audit() if row["action"] == "refund"}
    assert ran.code == CODES[number]
    assert ran.line == (
        f"billctl: interrupted when {operation} was on its way or done. It may have happened. "
        "Do not send it again: run `billctl audit reconcile`."
    )
    assert shop.operations() == [("refund", "succeeded")]
    check_once(shop)


@ONE_FAST
def test_a_signal_between_intent_and_sending_leaves_an_open_one_that_was_not_done(
    shop: Shop, number: signal.Signals
) -> None:
    with struck_around(AuditLog, "intent", number, after=True):
        ran = shop.run(*REFUND, "-o", "json")
    assert (ran.code, ran.line) == (CODES[number], "billctl: interrupted. Nothing was sent.")
    assert shop.refunds() == []
    blocked = shop.run(*REFUND, "-o", "json")
    assert (blocked.code, blocked.document["errors"][0]["code"]) == (6, "operation_unknown")
    shop.settle()
    assert [row["finding"] for row in shop.run("audit", "reconcile", "-o", "json").data] == ["not_done"]
    assert shop.run(*REFUND, "-o", "json").data["outcome"] == "succeeded"
    check_once(shop)
