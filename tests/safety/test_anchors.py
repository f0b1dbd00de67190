"""A log cut off, written anew or rolled back is caught against its anchors, and only against them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from billctl.audit.anchors import syslog
from tests.anchored import Log, authority, clone, git, log_daemon
from tests.cli.program import billctl
from tests.matrix import crossed

KINDS = ("git", "git with a remote", "file", "syslog", "rfc3161")


@pytest.fixture(scope="module")
def tsa_spec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with authority(tmp_path_factory.mktemp("tsa")) as tsa:
        yield tsa.spec


@pytest.fixture
def spec(
    request: pytest.FixtureRequest, tmp_path: Path, tsa_spec: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str]]:
    """An anchor of one kind: the specification it is written by, and the one it is read back by."""
    match request.param:
        case "git":
            git("init", "-q", "--bare", tmp_path / "anchor.git")
            yield (f"git:{tmp_path}/anchor.git",) * 2
        case "git with a remote":
            git("init", "-q", "--bare", tmp_path / "remote.git")
            clone(tmp_path / "remote.git", tmp_path / "clone")
            yield f"git:{tmp_path}/clone", f"git:{tmp_path}/remote.git"
        case "file":
            yield (f"file:{tmp_path}/heads",) * 2
        case "syslog":
            device, file = tmp_path / "log", tmp_path / "syslog"
            monkeypatch.setattr(syslog, "SOCKETS", (device,))
            with log_daemon(device, file):
                yield "syslog", f"syslog:{file}"
        case "rfc3161":
            yield (tsa_spec,) * 2


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    """The log that the program finds, with six records."""
    found = Log(tmp_path / "state")
    monkeypatch.setenv("BILLCTL_STATE_DIR", str(found.folder))
    found.write("one", "two", "three", "four", "five")
    return found


def cut_off(log: Log) -> None:
    """The anchor's own note and the last three records go: seven become three."""
    log.cut(3)


def written_anew(log: Log) -> None:
    """From the fourth record on another story, as long, in a chain that is whole."""
    log.cut(3)
    log.write("another three", "another four", "another five", "more")


def rolled_back(log: Log) -> None:
    """What a backup of the file knows, and life goes on."""
    log.restore(log.folder / "backup")
    log.write("another five", "more")


TAMPERING: dict[str, tuple[Callable[[Log], None], str, str]] = {
    "cut off": (cut_off, "anchored at 6 records", "the log has 3: 3 or more were cut off"),
    "written anew": (written_anew, "record 6 is not what was anchored", "rewritten after record 2"),
    "rolled back": (rolled_back, "record 6 is not what was anchored", "rewritten after record 2"),
}


@pytest.mark.parametrize(
    ("spec", "tampering"),
    crossed({kind: kind for kind in KINDS}, {name: name for name in TAMPERING}),
    indirect=["spec"],
)
def test_tampering_is_caught_against_every_kind_of_anchor_and_not_without(
    spec: tuple[str, str], tampering: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(tmp_path / "state")
    monkeypatch.setenv("BILLCTL_STATE_DIR", str(log.folder))
    put, read = spec
    log.write("one")
    assert not log.anchor(put).failed  # at 2 records; its note is the third
    log.write("two", "three")
    log.backup()
    log.write("four")
    assert not log.anchor(put).failed
    tamper, *said = TAMPERING[tampering]
    assert billctl("audit", "verify", "--anchor", read).returncode == 0
    tamper(log)

    alone = billctl("audit", "verify")
    assert (alone.returncode, alone.stderr) == (0, "")  # a chain by itself cannot show any of this
    ran = billctl("audit", "verify", "--anchor", read)
    assert ran.returncode == 9
    assert all(words in ran.stderr for words in said), ran.stderr
    assert "The last anchoring that agrees: 2 records" in ran.stderr


def test_what_was_anchored_after_the_rewriting_hides_nothing_of_before(log: Log, tmp_path: Path) -> None:
    spec = f"file:{tmp_path}/heads"
    log.anchor(spec)
    log.cut(3)
    log.write("another three", "another four", "another five", "more")
    log.anchor(spec)
    ran = billctl("audit", "verify", "--anchor", spec)
    assert ran.returncode == 9
    assert "record 6 is not what was anchored" in ran.stderr
    assert "rewritten from somewhere before it" in ran.stderr


def test_a_log_that_was_replaced_by_a_new_one_is_another_log(log: Log, tmp_path: Path) -> None:
    spec = f"file:{tmp_path}/heads"
    log.anchor(spec)
    log.path.unlink()
    for name in ("audit.sqlite-wal", "audit.sqlite-shm"):
        (log.folder / name).unlink(missing_ok=True)
    gone = billctl("audit", "verify", "--anchor", spec)
    log.write("a new life")
    new = billctl("audit", "verify", "--anchor", spec)
    for ran in (gone, new):
        assert ran.returncode == 9
        assert "it holds no checkpoint of this log, only 1 of other logs" in ran.stderr


def test_a_whole_log_with_a_false_line_in_the_anchor_is_a_disagreement(log: Log, tmp_path: Path) -> None:
    """Whoever can write to the anchor can raise an alarm; nobody can still one."""
    heads = tmp_path / "heads"
    log.anchor(f"file:{heads}")
    heads.write_text(heads.read_text() + heads.read_text().replace(" 6 ", " 4 "))
    ran = billctl("audit", "verify", "--anchor", f"file:{heads}", "-o", "json")
    (anchor,) = json.loads(ran.stdout)["data"]["anchors"]
    assert (ran.returncode, anchor["status"], anchor["disagree"]) == (9, "disagrees", [4])
