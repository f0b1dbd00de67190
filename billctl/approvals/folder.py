"""The folder through which requests and decisions are exchanged.

Whose a file is, is its owner by fstat(2): a user cannot make a file that belongs to another (only root
can give files away, chown(2)). So that nobody but the owner can have written it, it must be a regular
file with one name that neither group nor others may write. In a folder that several users write to,
the sticky bit lets nobody but a file's owner, the folder's and root remove or rename it (unlink(2)).
"""

import errno
import os
import stat
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from billctl.approvals.model import ID, ApprovalRequest, Decision, Unsound, read_decision, read_request
from billctl.errors import BillctlError, ConfigError, StoreError
from billctl.frozen import frozen
from billctl.paths import ensure_private_dir

FILE_MODE = 0o640
"""The folder's group reads what its members exchange; nobody but the author writes."""
SIZE_LIMIT = 64 * 1024
"""Bytes; a request has about two thousand."""
LISTED_LIMIT = 20_000
"""Files in one folder; more are too many to look through before each command."""
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH

SHARED_EXAMPLE = "install -d -m 3770 -g billing /var/lib/billctl/approvals"


@frozen
class Found:
    """A file's bytes, and the uid of its owner."""

    raw: bytes
    owner: int


class Folder:
    """A folder of requests. `private` is one in the state directory, which only root can share."""

    def __init__(self, path: Path, *, private: bool) -> None:
        self.path = path
        self.private = private

    @staticmethod
    def owner_of(status: os.stat_result) -> int:
        """Whose a file is: the user's number."""
        return status.st_uid

    def check(self) -> None:
        """Raise `ConfigError` for a folder that several people cannot trust; a private one may lack."""
        if sys.platform == "win32":
            raise ConfigError(
                "approvals need a system that says whose a file is, which Windows does not simply do",
                code="approvals_unsupported",
            )
        if self.private:
            return
        try:
            status = self.path.stat()
        except OSError as error:
            raise self._unusable(error) from None
        if not stat.S_ISDIR(status.st_mode):
            raise self._bad("is not a directory", "Name another one as approvals_dir.")
        if status.st_mode & stat.S_IWOTH:
            raise self._bad("can be written by everyone", f"Run `chmod 3770 {self.path}`.")
        if status.st_mode & stat.S_IWGRP and not status.st_mode & stat.S_ISVTX:
            raise self._bad(
                "lets its group remove each other's files: it has no sticky bit",
                f"Run `chmod 3770 {self.path}`.",
            )

    def _bad(self, why: str, hint: str) -> ConfigError:
        return ConfigError(f"the approvals folder {self.path} {why}", code="approvals_dir", hint=hint)

    def _unusable(self, error: OSError) -> BillctlError:
        why = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP}:
            return self._bad(
                f"cannot be used: {why}", f"Let both of you reach it, as with `{SHARED_EXAMPLE}`."
            )
        return StoreError(
            f"the approvals folder {self.path} cannot be used: {why}",
            code="approvals_dir",
            hint="Check the disk, then run again.",
        )

    # Reading

    def ids(self) -> list[str]:
        """The ids of the requests there, newest first: ids sort by the time they were made.

        Raises `ConfigError` and `StoreError` for a folder that cannot be read, or holds too much.
        """
        try:
            with os.scandir(self.path) as entries:
                names = [entry.name for entry in islice(entries, LISTED_LIMIT + 1)]
        except FileNotFoundError:
            if self.private:
                return []
            raise self._unusable(FileNotFoundError(errno.ENOENT, "")) from None
        except OSError as error:
            raise self._unusable(error) from None
        if len(names) > LISTED_LIMIT:
            raise self._bad(f"holds more than {LISTED_LIMIT:,} files", "Remove those of old requests.")
        stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
        return sorted((stem for stem in stems if ID.fullmatch(stem)), reverse=True)

    def request(self, request_id: str) -> ApprovalRequest | None:
        """A request; None where there is none. Raises `Unsound` for a file that is not to be trusted."""
        found = self._read(f"{request_id}.json")
        if found is None:
            return None
        request = read_request(found.raw)
        if request.id != request_id:
            raise Unsound("has another id than its name")
        if request.requester.uid != found.owner:
            raise Unsound(f"was made by uid {found.owner} and says uid {request.requester.uid}")
        return request

    def decision(self, request_id: str) -> Decision | None:
        """The decision on a request, made by the file's owner; None where there is none.

        Raises `Unsound` for a file that is not to be trusted.
        """
        found = self._read(f"{request_id}.decision")
        if found is None:
            return None
        decision = read_decision(found.raw)
        if decision.approver.uid != found.owner:
            raise Unsound(f"was made by uid {found.owner} and says uid {decision.approver.uid}")
        return decision

    def is_used(self, request_id: str) -> bool:
        """Whether an approval has served; whatever stands there under that name counts."""
        return os.path.lexists(self.path / f"{request_id}.used")

    def requests(self) -> Iterator[tuple[str, ApprovalRequest | Unsound]]:
        """Every request there by its id, newest first; what is not to be trusted as the reason why."""
        for request_id in self.ids():
            try:
                request = self.request(request_id)
            except Unsound as fault:
                yield request_id, fault
                continue
            if request is not None:
                yield request_id, request

    def _read(self, name: str) -> Found | None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            descriptor = os.open(self.path / name, flags)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unsound(_why_not_opened(error)) from error
        try:
            status = os.fstat(descriptor)
            if fault := _fault(status):
                raise Unsound(fault)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                raw = file.read(SIZE_LIMIT + 1)
        except OSError as error:
            raise Unsound(_why_not_opened(error)) from error
        finally:
            os.close(descriptor)
        if len(raw) > SIZE_LIMIT:
            raise Unsound("is larger than any of billctl's")
        return Found(raw=raw, owner=self.owner_of(status))

    # Writing

    def put(self, name: str, text: str) -> bool:
        """Make a file of one's own, whole or not at all; False where the name is taken.

        Raises `ConfigError` where the folder cannot be reached, `StoreError` for a failing disk.
        """
        if self.private:
            ensure_private_dir(self.path)
        draft = self.path / f".{name}.{os.urandom(8).hex()}"
        try:
            self._write(draft, text)
            try:
                os.link(draft, self.path / name)
            except FileExistsError:
                return False
            finally:
                draft.unlink()
            _sync(self.path)
        except OSError as error:
            raise self._unusable(error) from None
        return True

    @staticmethod
    def _write(path: Path, text: str) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fchmod(file.fileno(), FILE_MODE)
                os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise


def _fault(status: os.stat_result) -> str | None:
    """Why a file of this status may be another's than its owner's work, or None."""
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file"
    if status.st_nlink != 1:
        return "has a second name"
    if status.st_mode & OTHERS_MAY_WRITE:
        return "can be written by others than its owner"
    if status.st_size > SIZE_LIMIT:
        return "is larger than any of billctl's"
    return None


def _why_not_opened(error: OSError) -> str:
    if error.errno in {errno.ELOOP, errno.EMLINK}:  # EMLINK: FreeBSD's word for it
        return "is a symbolic link"
    return f"cannot be read ({os.strerror(error.errno) if error.errno else error})"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
