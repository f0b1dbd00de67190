"""An anchor in time: a time-stamp authority's signed word that it saw a checkpoint (RFC 3161).

An authority keeps nothing. Its replies are kept in the state folder beside the checkpoints, and whoever
can rewrite the log can delete them there: copy the folder elsewhere. What cannot be done is to make a
reply for an earlier time. Replies are verified offline by the `openssl ts` program, each time they are
read, against the certificates of `#ca=` or else those that the system trusts.

The request is DER by hand (RFC 3161, 2.4.1): version 1, the SHA-256 of the checkpoint's text, a nonce,
and the wish for the authority's certificate. Proved against OpenSSL's own authority; no public one was
asked.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from billctl.audit.anchors.base import Anchored, AnchorUnreachable
from billctl.audit.anchors.programs import Ran, run
from billctl.audit.checkpoint import BadCheckpoint, Checkpoint, parse
from billctl.errors import StoreError
from billctl.paths import ensure_private_dir

LARGEST_REPLY = 64 * 1024
"""Bytes; a reply with a chain of certificates has some six thousand."""

SHA256 = bytes.fromhex("0609608648016503040201")
"""DER of the object identifier 2.16.840.1.101.3.4.2.1 (NIST, id-sha256)."""

NULL = b"\x05\x00"
TRUE = b"\x01\x01\xff"
_INSTANT = re.compile(rb"(\d{14})(?:\.\d+)?Z")


class Rfc3161Anchor:
    """The authority at `url`, whose replies are kept below `folder`; see `anchors.base.Anchor`."""

    def __init__(self, url: str, *, ca: str | None, folder: Path) -> None:
        self.url = url
        self.ca = ca
        self.folder = folder / f"rfc3161-{hashlib.sha256(url.encode()).hexdigest()[:12]}"

    def put(self, checkpoint: Checkpoint, *, time: datetime, limit: float) -> str:
        """Have the checkpoint stamped, verify the reply and keep both."""
        del time  # the authority has its own clock
        text = checkpoint.text().encode()
        query = request_of(text, nonce=int.from_bytes(os.urandom(8)) >> 1)
        reply = self._ask(query, limit)
        with TemporaryDirectory(prefix="billctl-") as folder:
            asked, answered = Path(folder) / "query", Path(folder) / "reply"
            asked.write_bytes(query)
            answered.write_bytes(reply)
            self._verify(answered, "-queryfile", str(asked), limit=limit)
        path = self._keep(checkpoint, text, reply)
        return f"reply kept in {path}"

    def read(self, *, limit: float) -> Sequence[Anchored]:
        """The checkpoints whose kept replies the authority's certificate still proves."""
        try:
            paths = sorted(self.folder.glob("*.checkpoint"))
            marks = [(path, parse(path.read_bytes())) for path in paths]
        except (OSError, BadCheckpoint) as error:
            raise self._unreachable(f"what is kept in {self.folder} cannot be read: {error}") from error
        marks.sort(key=lambda pair: pair[1].size)
        return [Anchored(checkpoint=mark, time=self._proved(path, limit)) for path, mark in marks]

    def _proved(self, path: Path, limit: float) -> datetime:
        reply = path.with_suffix(".tsr")
        self._verify(reply, "-data", str(path), limit=limit)
        time = time_of(reply.read_bytes(), path.read_bytes())
        if time is None:
            raise self._unreachable(f"no time can be found in {reply}")
        return time

    def _ask(self, query: bytes, limit: float) -> bytes:
        import requests
        from urllib3.exceptions import HTTPError

        try:
            with requests.post(
                self.url,
                data=query,
                headers={"Content-Type": "application/timestamp-query"},  # RFC 3161, 3.4
                timeout=limit,
                allow_redirects=False,
                stream=True,
            ) as answer:
                reply = answer.raw.read(LARGEST_REPLY + 1, decode_content=True)
        except (requests.RequestException, HTTPError, OSError) as error:  # HTTPError: amid the body
            raise self._unreachable(f"no answer: {type(error).__name__}") from error
        if answer.status_code != 200 or len(reply) > LARGEST_REPLY:
            raise self._unreachable(f"it answered {answer.status_code} with {len(reply)} bytes")
        return bytes(reply)

    def _keep(self, checkpoint: Checkpoint, text: bytes, reply: bytes) -> Path:
        try:
            ensure_private_dir(self.folder.parent)
            ensure_private_dir(self.folder)
            log = checkpoint.origin.partition("/")[2]
            path = self.folder / f"{log}-{checkpoint.size}-{checkpoint.hash[:8]}.tsr"
            _write(path, reply)
            _write(path.with_suffix(".checkpoint"), text)
        except (OSError, StoreError) as error:
            raise self._unreachable(f"its reply cannot be kept: {error}") from error
        return path

    def _verify(self, reply: Path, *what: str, limit: float) -> None:
        """Raise `AnchorUnreachable` unless `reply` is granted for exactly this, by a certificate we trust."""
        trusted = ("-CAfile", self.ca) if self.ca else _system_trust()
        done = self._openssl("-verify", "-in", str(reply), *what, *trusted, limit=limit)
        if done.code:
            raise AnchorUnreachable(
                f"a time stamp of {self.url} cannot be proved: {done.why()}",
                code="bad_time_stamp",
                hint=f"Name its root certificate: rfc3161:{self.url}#ca=/etc/billctl/tsa.pem.",
            )

    def _openssl(self, *words: str, limit: float) -> Ran:
        return run(("openssl", "ts", *words), limit=limit, env={"OPENSSL_CONF": os.devnull})

    def _unreachable(self, why: str) -> AnchorUnreachable:
        return AnchorUnreachable(
            f"the time-stamp authority {self.url} cannot be used: {why}", code="anchor_unreachable", hint=""
        )


def _write(path: Path, content: bytes) -> None:
    """Write `path` whole and durably: 0600, aside first, then in its place."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _system_trust() -> tuple[str, ...]:
    import ssl

    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return ("-CAfile", paths.cafile)
    return ("-CApath", paths.capath or paths.openssl_capath)


def request_of(content: bytes, *, nonce: int) -> bytes:
    """The TimeStampReq, in DER, for the SHA-256 of `content`; `nonce` is below 2**63."""
    algorithm = _der(0x30, SHA256 + NULL)
    imprint = _der(0x30, algorithm + _der(0x04, hashlib.sha256(content).digest()))
    return _der(0x30, _integer(1) + imprint + _integer(nonce) + TRUE)


def _integer(number: int) -> bytes:
    return _der(0x02, number.to_bytes(number.bit_length() // 8 + 1))


def _der(tag: int, content: bytes) -> bytes:
    """One DER value; everything in a request is shorter than 128 bytes."""
    assert len(content) < 128
    return bytes((tag, len(content))) + content


def time_of(reply: bytes, content: bytes) -> datetime | None:
    """When a verified reply says that it saw `content` (aware UTC, whole seconds); None where it does not.

    In a TSTInfo (RFC 3161, 2.4.2) the hash is followed by the serial number and the GeneralizedTime.
    """
    digest = hashlib.sha256(content).digest()
    rest = reply.partition(b"\x04\x20" + digest)[2]
    if rest[:1] != b"\x02":
        return None
    rest = rest[2 + rest[1] :]
    if rest[:1] != b"\x18" or not (found := _INSTANT.fullmatch(rest[2 : 2 + rest[1]])):
        return None
    return datetime.strptime(found[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
