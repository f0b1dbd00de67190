"""For tests of anchors: a log to write and to tamper with, and the real things that heads are kept by."""

import os
import shutil
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from billctl.anchoring import Anchoring, anchor
from billctl.audit.actor import current_actor
from billctl.audit.anchors.spec import parse
from billctl.audit.log import AuditLog
from billctl.store.sqlite import open_store

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Log:
    """A log in a folder of its own, written an hour after its last record each time."""

    folder: Path
    now: datetime = field(default=NOON)

    @property
    def path(self) -> Path:
        """The log's file."""
        return self.folder / "audit.sqlite"

    @contextmanager
    def open(self) -> Iterator[tuple[Any, AuditLog]]:
        """The store and the hand that writes it."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        with closing(open_store(self.path)) as store:
            actor = current_actor({})
            yield (
                store,
                AuditLog(store, actor=actor, profile="", mode="", clock=self.clock, source="cli", argv=()),
            )

    def clock(self) -> datetime:
        """The time of this log."""
        return self.now

    def write(self, *actions: str) -> None:
        """A note each, after the record of the log's creation where it is new."""
        with self.open() as (_, log):
            for action in actions:
                self.now += timedelta(hours=1)
                log.note(action)

    def anchor(self, *specs: str) -> Anchoring:
        """Anchor the head."""
        self.now += timedelta(hours=1)
        with self.open() as (store, log):
            found = [parse(spec) for spec in specs]
            return anchor(store, log, found, state_dir=self.folder, clock=self.clock)

    def cut(self, keep: int) -> None:
        """Take the records after `keep` away, as the file's owner can, and put the triggers back."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            triggers = database.execute(query).fetchall()
            for name, _ in triggers:
                database.execute(f"DROP TRIGGER {name}")
            tables = {
                row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            for table in {"record", "private"} & tables:
                database.execute(f"DELETE FROM {table} WHERE seq > ?", (keep,))
            for _, sql in triggers:
                database.execute(sql)

    def backup(self) -> Path:
        """A copy of the log as it is now, what is still in its WAL included."""
        copy = self.folder / "backup"
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        copy.chmod(0o600)
        return copy

    def restore(self, copy: Path) -> None:
        """Put the copy in the file's place."""
        for name in ("audit.sqlite-wal", "audit.sqlite-shm"):
            (self.folder / name).unlink(missing_ok=True)
        shutil.copy(copy, self.path)


def git(*words: str | Path, env: dict[str, str] | None = None) -> str:
    """One git command, with no configuration of the machine's."""
    clean = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t", "-c", "init.defaultBranch=main", *words],
        check=True,
        capture_output=True,
        text=True,
        env=dict(os.environ) | clean | (env or {}),
    )
    return done.stdout.strip()


def clone(remote: Path, path: Path) -> Path:
    """A clone of `remote`, whose branch has an upstream even where the remote is empty."""
    git("clone", "-q", remote, path)
    branch = git("-C", path, "symbolic-ref", "--short", "HEAD")
    git("-C", path, "config", f"branch.{branch}.remote", "origin")
    git("-C", path, "config", f"branch.{branch}.merge", f"refs/heads/{branch}")
    return path


@contextmanager
def log_daemon(device: Path, file: Path) -> Iterator[None]:
    """A log daemon: takes datagrams at the socket `device`, writes lines to `file` as rsyslog does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.bind(str(device))

        def serve() -> None:
            while line := wire.recv(4096):
                text = line.decode().partition(">")[2][len("Nov 21 12:00:00 ") :]
                with file.open("a") as out:
                    out.write(f"2026-11-21T13:00:00.5+03:00 host {text}\n")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                end.sendto(b"", str(device))
            thread.join()


@dataclass
class Authority:
    """An RFC 3161 authority of OpenSSL's, behind HTTP on loopback."""

    folder: Path
    url: str = ""
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    """What it says instead, once each."""
    asked: list[bytes] = field(default_factory=list)

    @property
    def ca(self) -> Path:
        """Its certificate, which signed itself."""
        return self.folder / "tsa.pem"

    @property
    def spec(self) -> str:
        """The anchor that it is."""
        return f"rfc3161:{self.url}#ca={self.ca}"

    def stamp(self, query: bytes) -> tuple[int, bytes]:
        """Its answer to a query."""
        self.asked.append(query)
        if self.answers:
            return self.answers.pop(0)
        asked = self.folder / "query"
        asked.write_bytes(query)
        done = _openssl(
            "ts", "-reply", "-queryfile", str(asked), "-section", "tsa",
            "-config", str(self.folder / "tsa.cnf"),
        )  # fmt: skip
        return 200, done


CONFIGURATION = """[tsa]
dir = {folder}
serial = $dir/serial
signer_cert = $dir/tsa.pem
signer_key = $dir/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


@contextmanager
def authority(folder: Path) -> Iterator[Authority]:
    """Bring one up, with a key and a certificate of its own below `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=folder))
    _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
        "-keyout", str(folder / "tsa.key"), "-out", str(folder / "tsa.pem"), "-subj", "/CN=rehearsal TSA",
        "-addext", "extendedKeyUsage=critical,timeStamping",
    )  # fmt: skip
    found = Authority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = found.stamp(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/tsr"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def _openssl(*words: str) -> bytes:
    return subprocess.run(["openssl", *words], check=True, capture_output=True).stdout
