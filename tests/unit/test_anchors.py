"""Anchors take a checkpoint, give back what they were given, and believe nothing else that lies there."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billctl.audit.anchors import anchor_of, parse, syslog
from billctl.audit.anchors.base import Anchored, AnchorUnreachable
from billctl.audit.anchors.file import FileAnchor
from billctl.audit.anchors.git import GitAnchor
from billctl.audit.anchors.lines import LONGEST_LINE, line_of, read_line
from billctl.audit.anchors.programs import run
from billctl.audit.anchors.rfc3161 import Rfc3161Anchor
from billctl.audit.anchors.spec import BadSpec
from billctl.audit.checkpoint import Checkpoint
from billctl.testing.servers import Behaviour, LoopbackServer, Request, cutting
from tests.anchored import NOON, Authority, authority, clone, git, log_daemon

ORIGIN = "billctl.audit/" + "0123456789abcdef" * 2
OTHER = "billctl.audit/" + "f" * 32
SECONDS = 20.0


def mark(size: int, origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin=origin, size=size, hash=f"{size:064x}")


def sizes(found: "list[Anchored] | tuple[Anchored, ...]") -> list[int]:
    return [each.checkpoint.size for each in found]


# Specifications


@pytest.mark.parametrize(
    "text",
    [
        "git:/var/lib/anchor",
        "syslog",
        "syslog:/var/log/syslog",
        "file:/mnt/worm/heads",
        "rfc3161:https://tsa.example/tsr",
        "rfc3161:https://tsa.example/tsr#ca=/etc/tsa.pem",
        "rfc3161:http://127.0.0.1:8080/tsr",
    ],
)
def test_every_kind_of_anchor_is_named_by_one_text(text: str, tmp_path: Path) -> None:
    assert anchor_of(parse(text), state_dir=tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no kind of anchor"),
        ("s3:/bucket", "names no kind of anchor"),
        ("git", "needs a whole path"),
        ("git:", "needs a whole path"),
        ("git:relative/path", "needs a whole path"),
        ("git:--upload-pack=x", "needs a whole path"),
        ("file:/a/../b", "needs a whole path"),
        ("file:~/x", "needs a whole path"),
        ("syslog:", "needs a whole path"),
        ("git:/a\nb", "control characters"),
        ("rfc3161:", "is not a plain web address"),
        ("rfc3161:http://tsa.example/tsr", "only for this machine"),
        ("rfc3161:https://me:secret@tsa.example", "holds a user name"),
        ("rfc3161:https://tsa.example#root=/x", "something else than ca="),
        ("rfc3161:https://tsa.example#ca=x", "something else than ca="),
        ("file:/" + "x" * 600, "too many"),
    ],
)
def test_a_text_that_names_no_anchor_says_why(text: str, why: str) -> None:
    with pytest.raises(BadSpec, match=re.escape(why)):
        parse(text)


# Lines


def test_a_line_is_read_back_wherever_a_collector_puts_it() -> None:
    line = line_of(mark(7))
    for before in ("", "Nov 21 12:00:00 host billctl[12]: ", "2026-11-21T12:00:00Z host billctl: "):
        found = read_line(before + line)
        assert found
        assert found.checkpoint == mark(7)
    assert read_line("2026-11-21T15:00:00+03:00 h billctl: " + line) == Anchored(
        checkpoint=mark(7), time=NOON
    )


@pytest.mark.parametrize(
    "line",
    [
        "x" + line_of(mark(7)),
        line_of(mark(7)) + " and more",
        line_of(mark(7)).replace(" 7 ", " 07 "),
        line_of(mark(7)).replace("billctl.audit", "billctl_audit"),
        line_of(mark(7))[:-1],
    ],
)
def test_a_line_that_is_nearly_one_is_none(line: str) -> None:
    assert read_line(line) is None


def test_a_line_dated_beyond_all_calendars_has_no_time() -> None:
    for when in ("9999-12-31T23:59:59-23:59", "2026-13-01T00:00:00Z"):
        found = read_line(f"{when} {line_of(mark(7))}")
        assert found
        assert found.time is None


# File


def test_a_file_keeps_every_checkpoint_with_its_time(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "heads")
    for size in (1, 2):
        anchor.put(mark(size), time=NOON + timedelta(hours=size), limit=SECONDS)
    found = anchor.read(limit=SECONDS)
    assert [(each.checkpoint, each.time) for each in found] == [
        (mark(1), NOON + timedelta(hours=1)),
        (mark(2), NOON + timedelta(hours=2)),
    ]
    assert anchor.path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_torn_does_not_take_the_next_one_along(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "heads")
    anchor.path.write_text(f"2026-11-21T12:00:00Z {line_of(mark(1))[:60]}")
    anchor.put(mark(2), time=NOON, limit=SECONDS)
    assert sizes(list(anchor.read(limit=SECONDS))) == [2]


def test_a_file_full_of_garbage_takes_no_memory_and_hides_nothing(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "heads")
    anchor.path.write_bytes(
        b"billctl checkpoint \xff\n" + b"x" * (3 * LONGEST_LINE) + line_of(mark(1)).encode()
    )
    anchor.put(mark(2), time=NOON, limit=SECONDS)
    assert sizes(list(anchor.read(limit=SECONDS))) == [2]


def test_storage_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    anchor = FileAnchor(tmp_path / "unmounted" / "heads")
    with pytest.raises(AnchorUnreachable, match="No such file"):
        anchor.put(mark(1), time=NOON, limit=SECONDS)
    with pytest.raises(AnchorUnreachable, match="no such file"):
        anchor.read(limit=SECONDS)
    assert not list(tmp_path.iterdir())


def test_a_pipe_in_the_files_place_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "heads")
    anchor = FileAnchor(tmp_path / "heads")
    with pytest.raises(AnchorUnreachable, match="no regular file"):
        anchor.put(mark(1), time=NOON, limit=SECONDS)
    with pytest.raises(AnchorUnreachable, match="cannot be read"):
        anchor.read(limit=SECONDS)


# git


@pytest.fixture
def bare(tmp_path: Path) -> GitAnchor:
    git("init", "-q", "--bare", tmp_path / "anchor.git")
    return GitAnchor(tmp_path / "anchor.git")


def test_a_repository_has_a_commit_for_each_checkpoint_and_a_file_for_each_log(bare: GitAnchor) -> None:
    for size, origin in ((1, ORIGIN), (1, OTHER), (2, ORIGIN)):
        bare.put(mark(size, origin), time=NOON + timedelta(hours=size), limit=SECONDS)
    found = bare.read(limit=SECONDS)
    assert [(each.checkpoint.origin, each.checkpoint.size) for each in found] == [
        (ORIGIN, 1),
        (OTHER, 1),
        (ORIGIN, 2),
    ]
    assert found[-1].time == NOON + timedelta(hours=2)
    log = git("-C", bare.path, "log", "--format=%an %s")
    assert log.splitlines()[0] == f"billctl {ORIGIN}: 2 records"
    text = git("-C", bare.path, "show", f"HEAD:{ORIGIN.partition('/')[2]}.checkpoint")
    assert text == mark(2).text().strip()


def test_a_work_tree_shows_the_checkpoint_and_stays_clean(tmp_path: Path) -> None:
    git("init", "-q", tmp_path / "tree")
    anchor = GitAnchor(tmp_path / "tree")
    for size in (1, 2):
        anchor.put(mark(size), time=NOON, limit=SECONDS)
    assert next((tmp_path / "tree").glob("*.checkpoint")).read_text() == mark(2).text()
    assert git("-C", tmp_path / "tree", "status", "--porcelain") == ""


def test_what_is_committed_goes_to_the_upstream_and_is_read_from_there(tmp_path: Path) -> None:
    git("init", "-q", "--bare", tmp_path / "remote.git")
    anchor = GitAnchor(clone(tmp_path / "remote.git", tmp_path / "clone"))
    assert anchor.put(mark(1), time=NOON, limit=SECONDS).endswith("pushed to origin")
    branch = git("-C", anchor.path, "symbolic-ref", "HEAD")
    git("-C", anchor.path, "update-ref", "-d", branch)  # whoever owns the machine undoes what is local
    git("-C", anchor.path, "update-ref", "-d", branch.replace("heads", "billctl"))
    assert sizes(list(anchor.read(limit=SECONDS))) == [1]


def test_two_machines_share_a_remote(tmp_path: Path) -> None:
    git("init", "-q", "--bare", tmp_path / "remote.git")
    first = GitAnchor(clone(tmp_path / "remote.git", tmp_path / "first"))
    second = GitAnchor(clone(tmp_path / "remote.git", tmp_path / "second"))
    first.put(mark(1), time=NOON, limit=SECONDS)
    second.put(mark(1, OTHER), time=NOON, limit=SECONDS)
    first.put(mark(2), time=NOON, limit=SECONDS)
    second.put(mark(2, OTHER), time=NOON, limit=SECONDS)
    auditor = GitAnchor(clone(tmp_path / "remote.git", tmp_path / "auditor"))
    assert sorted(sizes(list(auditor.read(limit=SECONDS)))) == [1, 1, 2, 2]


def test_a_push_that_fails_is_told_and_made_up_for_by_the_next(tmp_path: Path) -> None:
    git("init", "-q", "--bare", tmp_path / "remote.git")
    anchor = GitAnchor(clone(tmp_path / "remote.git", tmp_path / "clone"))
    anchor.put(mark(1), time=NOON, limit=SECONDS)
    hook = tmp_path / "remote.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho closed at night >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(AnchorUnreachable, match="committed there, but not pushed to origin: closed at night"):
        anchor.put(mark(2), time=NOON, limit=SECONDS)
    hook.unlink()
    anchor.put(mark(3), time=NOON, limit=SECONDS)
    seen = GitAnchor(tmp_path / "remote.git").read(limit=SECONDS)
    assert sizes(list(seen)) == [1, 2, 3]


def test_a_remote_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        git("init", "-q", "--bare", tmp_path / "remote.git")
        anchor = GitAnchor(clone(tmp_path / "remote.git", tmp_path / "clone"))
        url = f"git://127.0.0.1:{silent.getsockname()[1]}/x"
        git("-C", anchor.path, "remote", "set-url", "origin", url)
        before = time.monotonic()
        with pytest.raises(AnchorUnreachable, match="git did not end within"):
            anchor.put(mark(1), time=NOON, limit=0.7)
        assert time.monotonic() - before < 5


def test_many_at_once_lose_no_commit(bare: GitAnchor) -> None:
    def put(size: int) -> None:
        failures: list[str] = []
        for _ in range(20):
            try:
                GitAnchor(bare.path).put(mark(size), time=NOON, limit=SECONDS)
            except AnchorUnreachable as error:
                failures.append(error.message)
                continue
            return
        raise AssertionError(failures)

    threads = [threading.Thread(target=put, args=(size,)) for size in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sizes(list(bare.read(limit=SECONDS)))) == [1, 2, 3, 4]


def test_the_machines_git_settings_and_environment_do_not_matter(
    bare: GitAnchor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    trap = tmp_path / "trapped"
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-commit", "pre-push"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {trap}\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[core]\nhooksPath = {hooks}\nfsmonitor = touch {trap}\n[commit]\ngpgSign = true\n"
        f"[gpg]\nprogram = {hooks}/pre-push\n[log]\nshowSignature = true\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    bare.put(mark(1), time=NOON, limit=SECONDS)
    assert sizes(list(bare.read(limit=SECONDS))) == [1]
    assert not trap.exists()


def test_a_folder_inside_another_repository_is_not_taken_for_it(tmp_path: Path) -> None:
    git("init", "-q", tmp_path)
    (tmp_path / "inner").mkdir()
    with pytest.raises(AnchorUnreachable, match="not a git repository"):
        GitAnchor(tmp_path / "inner").put(mark(1), time=NOON, limit=SECONDS)
    with pytest.raises(AnchorUnreachable, match="there is no such folder"):
        GitAnchor(tmp_path / "nosuch").read(limit=SECONDS)


def test_what_others_commit_there_is_not_believed(tmp_path: Path) -> None:
    git("init", "-q", tmp_path / "tree")
    tree = tmp_path / "tree"
    log = ORIGIN.partition("/")[2]
    (tree / f"{log}.checkpoint").write_text(mark(1, OTHER).text())  # another log's, under this one's name
    (tree / f"{'e' * 32}.checkpoint").write_bytes(b"\x1b[2J\xff" * 100_000)
    (tree / "x\ny.checkpoint").write_text(mark(3).text())
    (tree / f"{'d' * 32}.checkpoint").symlink_to("/etc/passwd")
    (tree / "sub").mkdir()
    (tree / "sub" / f"{log}.checkpoint").write_text(mark(4).text())
    git("-C", tree, "add", "-A")
    git("-C", tree, "commit", "-qm", "hostile\n:100644 100644 a b M\tx")
    anchor = GitAnchor(tree)
    anchor.put(mark(5), time=NOON, limit=SECONDS)
    assert sizes(list(anchor.read(limit=SECONDS))) == [5]


def ended(pid: int) -> None:
    """Wait until a process is gone, or only its name is left; fails where it runs on."""
    for _ in range(100):
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True
        )
        if state.stdout.strip() in {"", "Z"}:
            return
        time.sleep(0.02)
    pytest.fail("it still runs")


def test_a_program_that_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    started = tmp_path / "started"
    before = time.monotonic()
    with pytest.raises(AnchorUnreachable, match="sh did not end within"):
        run(("sh", "-c", f"sleep 60 & echo $! > {started}; wait"), limit=0.3)
    assert time.monotonic() - before < 5
    ended(int(started.read_text()))


def test_a_program_ends_with_billctl_where_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    (tmp_path / "pid").touch()
    code = (
        "import time; from billctl.parallel import Job; from billctl.audit.anchors.programs import run\n"
        f"Job(lambda: run(('sh', '-c', 'sleep 0.1; echo $$ > {tmp_path}/pid; sleep 60'), limit=60))\n"
        f"while not open('{tmp_path}/pid').read(): time.sleep(0.01)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=SECONDS)
    ended(int((tmp_path / "pid").read_text()))


def test_a_program_sees_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLCTL_STRIPE_API_KEY", "CANARY")
    assert b"CANARY" not in run(("env",), limit=SECONDS).out


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(AnchorUnreachable, match="no-such-program cannot be started"):
        run(("no-such-program",), limit=SECONDS)


# syslog


def test_a_line_goes_through_the_log_daemon_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device, file = tmp_path / "log", tmp_path / "syslog"
    monkeypatch.setattr(syslog, "SOCKETS", (device,))
    anchor = syslog.SyslogAnchor(file)
    with log_daemon(device, file):
        anchor.put(mark(1), time=NOON, limit=SECONDS)
        anchor.put(mark(2), time=NOON.replace(day=3), limit=SECONDS)
    assert re.search(r"host billctl\[\d+\]: billctl checkpoint billctl.audit/", file.read_text())
    found = anchor.read(limit=SECONDS)
    assert sizes(list(found)) == [1, 2]
    assert found[0].time == datetime(2026, 11, 21, 10, 0, 0, 500_000, UTC)


def test_a_daemon_that_listens_on_a_stream_is_served_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syslog, "SOCKETS", (tmp_path / "log",))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(tmp_path / "log"))
        listening.listen()
        syslog.SyslogAnchor().put(mark(1), time=NOON, limit=SECONDS)
        taken, _ = listening.accept()
        with taken:
            line = taken.recv(4096)
    assert line.startswith(b"<13>Nov ")
    assert line.endswith(line_of(mark(1)).encode() + b"\0")


def test_a_machine_without_a_log_daemon_is_unreachable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syslog, "SOCKETS", (tmp_path / "log",))
    with pytest.raises(AnchorUnreachable, match="no system log listens"):
        syslog.SyslogAnchor().put(mark(1), time=NOON, limit=SECONDS)


def test_the_journal_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        {"MESSAGE": line_of(mark(1)), "__REALTIME_TIMESTAMP": "1795262400000000"},
        {"MESSAGE": [0xFF, 0x1B], "__REALTIME_TIMESTAMP": "1795262400000000"},
        {"MESSAGE": line_of(mark(2)), "__REALTIME_TIMESTAMP": "9" * 30},
        {"__REALTIME_TIMESTAMP": "x"},
        ["no entry"],
    ]
    (tmp_path / "entries").write_text("\n".join(map(json.dumps, lines)) + "\nno json\n")
    (tmp_path / "journalctl").write_text(f"#!/bin/sh\ncat {tmp_path}/entries\n")
    (tmp_path / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = syslog.SyslogAnchor().read(limit=SECONDS)
    assert [(each.checkpoint.size, each.time) for each in found] == [(1, NOON)]


# RFC 3161


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with authority(tmp_path_factory.mktemp("tsa")) as found:
        yield found


def stamped(tsa: Authority, folder: Path, *sizes: int) -> Rfc3161Anchor:
    anchor = Rfc3161Anchor(tsa.url, ca=str(tsa.ca), folder=folder / "anchors")
    for size in sizes:
        anchor.put(mark(size), time=NOON, limit=SECONDS)
    return anchor


def test_a_stamped_checkpoint_is_kept_and_proved_offline(tsa: Authority, tmp_path: Path) -> None:
    anchor = stamped(tsa, tmp_path, 10, 9)
    asked = len(tsa.asked)
    found = anchor.read(limit=SECONDS)
    assert sizes(list(found)) == [9, 10]
    assert all(each.time and abs(datetime.now(UTC) - each.time) < timedelta(minutes=5) for each in found)
    assert len(tsa.asked) == asked
    assert {path.stat().st_mode & 0o777 for path in anchor.folder.iterdir()} == {0o600}


def test_the_request_is_what_openssl_makes(tsa: Authority, tmp_path: Path) -> None:
    stamped(tsa, tmp_path, 1)
    (tmp_path / "query").write_bytes(tsa.asked[-1])
    (tmp_path / "text").write_bytes(mark(1).text().encode())
    made = subprocess.run(
        ["openssl", "ts", "-query", "-data", "text", "-sha256", "-cert"],
        cwd=tmp_path, check=True, capture_output=True,
    ).stdout  # fmt: skip
    shown = [
        subprocess.run(["openssl", "ts", "-query", "-in", "/dev/stdin", "-text"], input=query, check=True,
                       capture_output=True).stdout.decode()
        for query in (made, tsa.asked[-1])
    ]  # fmt: skip
    assert re.sub(r"Nonce: .*", "", shown[0]) == re.sub(r"Nonce: .*", "", shown[1])


def test_the_time_of_a_stamp_is_the_one_that_openssl_shows(tsa: Authority, tmp_path: Path) -> None:
    anchor = stamped(tsa, tmp_path, 1)
    (reply,) = anchor.folder.glob("*.tsr")
    shown = subprocess.run(
        ["openssl", "ts", "-reply", "-in", str(reply), "-text"], check=True, capture_output=True, text=True
    ).stdout
    (found,) = anchor.read(limit=SECONDS)
    assert found.time
    assert f"Time stamp: {found.time:%b %e %H:%M:%S %Y} GMT" in shown


@pytest.mark.parametrize("what", ["checkpoint", "tsr"])
def test_a_kept_stamp_that_was_changed_proves_nothing(tsa: Authority, tmp_path: Path, what: str) -> None:
    anchor = stamped(tsa, tmp_path, 1)
    (path,) = anchor.folder.glob(f"*.{what}")
    changed = mark(2).text().encode() if what == "checkpoint" else path.read_bytes()[:-9] + b"123456789"
    path.write_bytes(changed)
    with pytest.raises(AnchorUnreachable):
        anchor.read(limit=SECONDS)


def test_a_stamp_of_a_strangers_authority_is_not_taken(tsa: Authority, tmp_path: Path) -> None:
    with authority(tmp_path / "stranger") as stranger:
        anchor = Rfc3161Anchor(stranger.url, ca=str(tsa.ca), folder=tmp_path / "anchors")
        with pytest.raises(AnchorUnreachable, match="cannot be proved"):
            anchor.put(mark(1), time=NOON, limit=SECONDS)
    assert not (tmp_path / "anchors").exists()


def test_the_answer_to_another_question_is_not_taken(tsa: Authority, tmp_path: Path) -> None:
    stamped(tsa, tmp_path / "a", 1)
    tsa.answers.append(tsa.stamp(tsa.asked[-1]))  # the same checkpoint, another nonce
    with pytest.raises(AnchorUnreachable, match="cannot be proved"):
        stamped(tsa, tmp_path / "b", 1)


@pytest.mark.parametrize(
    "answer", [(500, b"down"), (200, b""), (200, b"<html>"), (302, b""), (200, b"x" * 70_000)]
)
def test_an_authority_that_answers_something_else_is_unreachable(
    tsa: Authority, tmp_path: Path, answer: tuple[int, bytes]
) -> None:
    tsa.answers.append(answer)
    with pytest.raises(AnchorUnreachable):
        stamped(tsa, tmp_path, 1)


def stalling(connection: socket.socket, _request: Request, closing: threading.Event) -> bool:
    """Begin an answer, and say no more."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n0")
    closing.wait()
    return False


@pytest.mark.parametrize("breaks", [cutting, stalling])
def test_an_authority_that_stops_in_the_middle_of_its_answer_is_unreachable(
    breaks: Behaviour, tmp_path: Path
) -> None:
    with LoopbackServer(breaks) as server:
        anchor = Rfc3161Anchor(server.url, ca=None, folder=tmp_path)
        with pytest.raises(AnchorUnreachable, match="no answer"):
            anchor.put(mark(1), time=NOON, limit=0.3)


def test_an_authority_that_is_down_is_unreachable(tmp_path: Path) -> None:
    anchor = Rfc3161Anchor("http://127.0.0.1:9/", ca=None, folder=tmp_path)
    with pytest.raises(AnchorUnreachable, match="no answer"):
        anchor.put(mark(1), time=NOON, limit=SECONDS)
    assert anchor.read(limit=SECONDS) == []
