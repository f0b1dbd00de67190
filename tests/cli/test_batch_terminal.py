"""A batch at a real terminal: the question though the rows come from a pipe, the view, resizing, signals."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from tests.cli.program import PROGRAM
from tests.shop import PAST_DUE, Shop

WAIT = 30
FRAME_ERASED = r"\x1b\[\d+A\x1b\[J"


@contextmanager
def terminal(shop: Shop, program: str, *arguments: str) -> "Iterator[pexpect.spawn[str]]":
    """A program on a terminal of 30 lines of 100 columns."""
    child = pexpect.spawn(
        program, list(arguments), env=shop.environment(), encoding="utf-8", timeout=WAIT, dimensions=(30, 100)
    )
    try:
        yield child
    finally:
        child.close(force=True)


def ended(child: "pexpect.spawn[str]") -> int | None:
    """The exit code, once the program is at its end."""
    child.expect(pexpect.EOF)
    child.close()
    status: int | None = child.exitstatus
    return status


def rows(shop: Shop) -> Path:
    path = shop.state_dir.parent / "rows.csv"
    path.write_text(f"ref\nstripe:{PAST_DUE}\n")
    return path


def many(shop: Shop) -> Path:
    """A plan of all refunds that there can be, some thirty."""
    found = shop.run("charges", "-o", "csv")
    source = shop.state_dir.parent / "charges.csv"
    source.write_text(found.out)
    plan = shop.state_dir.parent / "many.plan"
    shop.run("batch", "plan", "refund", str(source), "--full", "--reason", "outage", "--out", str(plan))
    return plan


def apply(plan: Path) -> tuple[str, ...]:
    """What applies it slowly, and writes no colours between what a test looks for."""
    return ("batch", "apply", str(plan), "--yes", "--rate", "4", "--workers", "1", "--no-color")


def test_rows_from_a_pipe_leave_the_terminal_for_the_answer(shop: Shop) -> None:
    line = f"cat {rows(shop)} | {PROGRAM} batch run resend - --reason overdue --rate none"
    with terminal(shop, "/bin/sh", "-c", line) as child:
        child.expect_exact("Apply? [y/N]")
        assert shop.sent_invoices() == 0
        child.sendline("y")
        child.expect_exact("succeeded")
        assert ended(child) == 0
    assert shop.sent_invoices() == 1


@pytest.mark.slow
def test_a_wait_is_counted_down_and_ctrl_c_cancels_it(shop: Shop) -> None:
    options = ("--reason", "overdue", "--yes", "--not-before", "2h")
    with terminal(shop, str(PROGRAM), "batch", "run", "resend", str(rows(shop)), *options) as child:
        child.expect(r"begins in 1:59:\d\d")
        child.sendintr()
        child.expect_exact("Nothing was sent.")
        assert ended(child) == 130
    assert shop.sent_invoices() == 0
    assert shop.operations()[-1][1] == "denied"


@pytest.mark.slow
def test_a_person_sees_it_run_resizes_stops_it_and_goes_on_later(shop: Shop) -> None:
    plan = many(shop)
    with terminal(shop, str(PROGRAM), *apply(plan)) as child:
        child.expect(r"stripe\s+━+─+\s+\d+/\d+\s+\d+\.\d/s")
        child.expect_exact("left   Ctrl-C stops after the rows in flight")
        child.setwinsize(12, 30)
        child.expect(r"stripe\s+\d+/\d+")
        child.setwinsize(30, 120)
        child.expect(r"stripe\s+━+─+\s+\d+/\d+")
        child.sendintr()
        child.expect_exact("stopping after the rows in flight")
        child.expect_exact("not reached")
        assert ended(child) == 130
    states = shop.run("batch", "show", str(plan), "-o", "json").data["states"]
    assert states["done"] > 0
    assert states["ready"] > 0
    assert "unknown" not in states
    assert shop.run("batch", "apply", str(plan), "--yes", "--rate", "none").code in {0, 7}
    assert "ready" not in shop.run("batch", "show", str(plan), "-o", "json").data["states"]


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once_and_leaves_how_far_it_came(shop: Shop) -> None:
    plan = many(shop)
    shop.arm("hang-after", "POST /v1/refunds", seconds=30)
    with terminal(shop, str(PROGRAM), *apply(plan)) as child:
        child.expect(r"stripe\s+─+\s+0/\d+")
        child.sendintr()
        child.expect_exact("Ctrl-C again ends at once")
        child.sendintr()
        child.expect_exact("billctl: interrupted")
        assert not re.search(FRAME_ERASED + r"\s*$", str(child.before))
        assert ended(child) == 130


@pytest.mark.slow
def test_a_terminal_that_goes_away_ends_it_in_good_order(shop: Shop) -> None:
    plan = many(shop)
    child = pexpect.spawn(
        str(PROGRAM),
        list(apply(plan)),
        env=shop.environment(),
        encoding="utf-8",
        timeout=WAIT,
        dimensions=(30, 100),
    )
    child.expect(r"stripe\s+━+─+")
    process = vars(child)["ptyproc"]
    process.fileobj.close()  # as a terminal's window is closed: the kernel sends SIGHUP, once
    process.wait()
    assert (process.exitstatus, process.signalstatus) == (128 + signal.SIGHUP, None)
    data = shop.run("batch", "show", str(plan), "-o", "json").data
    assert (data["state"], data["run"]["stop"]) == ("stopped", "interrupted")
    assert set(data["states"]) <= {"done", "ready", "left_out"}
