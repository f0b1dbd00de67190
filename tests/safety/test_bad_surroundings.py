"""A stdout that is closed, full or left; a state directory that is no directory, full or garbage."""

import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.safety.lines import one_line
from tests.shop import PAID, PART, SECONDS, WHY, Ran, Shop

REFUND = ("stripe", "refund", PAID, "--amount", "5")

# Where the answer goes


def process(shop: Shop, *arguments: str, shell: str) -> subprocess.CompletedProcess[str]:
    words = " ".join(f"'{word}'" for word in shop.command(*arguments))
    return subprocess.run(
        ["bash", "-c", shell.format(words)],
        check=False,
        env=shop.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


@pytest.mark.slow
def test_head_takes_one_line_and_nobody_complains(shop: Shop) -> None:
    done = process(shop, "stripe", "disputes", shell="{} | head -1; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.slow
def test_a_reader_that_left_does_not_hide_that_a_refund_was_made(shop: Shop) -> None:
    done = process(shop, *REFUND, *WHY, shell="{} | true; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (0, "")
    assert shop.refunds() == [500]
    assert shop.operations() == [("refund", "succeeded")]


def test_a_closed_stdout_stops_an_action_before_it_is_sent(shop: Shop) -> None:
    done = process(shop, *REFUND, *WHY, shell="{} >&-")
    assert done.returncode == 2
    assert done.stderr.startswith("billctl: standard output is closed. Nothing was sent.")
    assert shop.refunds() == []


@pytest.mark.slow
def test_a_closed_stderr_and_stdin_change_nothing(shop: Shop) -> None:
    done = process(shop, *REFUND, *WHY, shell="{} 2>&- <&-")
    assert done.returncode == 0
    assert shop.refunds() == [500]


def test_a_full_disk_behind_stdout_is_told_and_the_log_knows(shop: Shop) -> None:
    done = process(shop, *REFUND, *WHY, shell="{} > /dev/full")
    assert done.returncode == 1
    assert done.stderr == (
        "billctl: the answer could not be written to standard output (No space left on device). "
        "What was done is in the audit log: `billctl audit list`.\n"
    )
    assert shop.operations() == [("refund", "succeeded")]


# Where the log is kept


def with_state(shop: Shop, state: Path) -> Ran:
    return shop.program(*REFUND, *WHY, env={"BILLCTL_STATE_DIR": str(state)})


def test_a_state_directory_that_is_a_file_sends_nothing(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    ran = with_state(shop, tmp_path / "file")
    assert ran.code == 9
    assert "Nothing was sent." in one_line(ran)
    assert shop.refunds() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_state_directory_that_cannot_be_written_sends_nothing(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    ran = with_state(shop, tmp_path / "locked" / "state")
    assert ran.code == 9
    assert "Nothing was sent." in one_line(ran)


def test_a_garbage_database_sends_nothing(shop: Shop, tmp_path: Path) -> None:
    state = tmp_path / "garbage"
    state.mkdir(mode=0o700)
    (state / "audit.sqlite").write_bytes(b"this is no database, whatever its name says" * 500)
    ran = with_state(shop, state)
    assert ran.code == 9
    assert "Nothing was sent." in one_line(ran)
    assert shop.refunds() == []
    for words in (("audit", "list"), ("audit", "verify")):
        broken = replace(shop, env=shop.env | {"BILLCTL_STATE_DIR": str(state)}).run(*words)
        assert broken.code == 9
        one_line(broken)


def test_a_log_of_a_newer_billctl_is_refused_and_left_alone(shop: Shop) -> None:
    shop.run(*REFUND, *WHY)
    path = shop.state_dir / "audit.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
        database.commit()
    content = path.read_bytes()
    ran = shop.run("stripe", "refund", PART, "--full", *WHY)
    assert ran.code == 9
    assert "newer" in one_line(ran)
    assert shop.refunds(PART) == []
    assert path.read_bytes() == content


def test_a_disk_that_is_full_before_the_intent_sends_nothing(shop: Shop) -> None:
    def limit() -> None:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, 16_384))

    done = subprocess.run(
        [sys.executable, "-m", "billctl", *REFUND, *WHY],
        check=False,
        env={**shop.environment(), "PYTHONDONTWRITEBYTECODE": "1"},  # cut-off modules would stay behind
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        preexec_fn=limit,  # this process starts no threads between fork and exec
    )
    assert done.returncode == 9, done
    assert "Nothing was sent." in one_line(Ran(done.returncode, done.stdout, done.stderr))
    assert shop.refunds() == []


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (
            "UPDATE record SET body = replace(body, 'refund', 'cancel') WHERE seq = 2",
            "record 2: it was changed",
        ),
        (
            "UPDATE private SET body = replace(body, 'charged', 'changed') WHERE seq = 2",
            "record 2: its private part was changed",
        ),
        ("DELETE FROM private WHERE seq = 2", "record 2: its private part is missing"),
        ("DELETE FROM record WHERE seq = 2", "record 3: it does not follow"),
        ("DELETE FROM operation", "record 3: its operation is not known"),
    ],
)
def test_nothing_is_sent_on_top_of_a_log_that_is_broken(shop: Shop, damage: str, why: str) -> None:
    assert shop.run("stripe", "refund", PAID, "--amount", "1.00", *WHY).code == 0
    with closing(sqlite3.connect(shop.state_dir / "audit.sqlite")) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute(damage)
        database.commit()
    ran = shop.run("stripe", "refund", PAID, "--amount", "2.00", *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (9, "chain_broken")
    assert why in ran.line
    assert "Nothing was sent" in ran.line
    assert shop.refunds() == [100]
