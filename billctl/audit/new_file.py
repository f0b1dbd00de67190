"""A file that is there whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from billctl.errors import StoreError, UsageError

MODE = 0o600
DRAFT = ".part"


NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""How a file system says that it knows no hard links: link(2), and FAT on a memory stick."""


class FileNotWritten(StoreError):
    """The file could not be written; none was left."""

    sent = "No file was left."
    default_hint = "Check the disk and the folder, then run again."


class FileNotSafe(StoreError):
    """The file is there, and the disk would not promise to keep it."""

    sent = "The file is there, but the disk does not promise to keep it."
    default_hint = "Check the disk, then run again with --force."


@contextmanager
def new_file(path: Path, *, replace: bool = False) -> Iterator[BinaryIO]:
    """A file of mode 0600 to write; when the block ends it is `path`, on disk, in one step.

    Where the block raises, nothing is left. Raises `UsageError` where `path` cannot be made: its folder is
    missing, it is there already and not to be replaced (`replace`), or it is a link or no regular file;
    `FileNotWritten` or `FileNotSafe` for a failure of the disk.
    """
    check(path, replace=replace)
    draft = path.with_name(f"{_lead(path)}{os.urandom(4).hex()}{DRAFT}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(handle)
            _put(draft, path, replace=replace)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
    except OSError as error:
        raise FileNotWritten(f"{path} cannot be written: {_why(error)}", code="file_not_written") from error
    try:
        _sync(path.parent)
    except OSError as error:
        raise FileNotSafe(f"{path.parent} cannot be synced: {_why(error)}", code="file_not_safe") from error


def drafts_of(path: Path) -> list[Path]:
    """What is left of writing `path` by processes that died, or are at it."""
    return [
        each for each in path.parent.iterdir() if each.name.startswith(_lead(path)) and each.suffix == DRAFT
    ]


def _lead(path: Path) -> str:
    return f".{path.name[:200]}."


def check(path: Path, *, replace: bool) -> None:
    """Raise `UsageError` where `path` cannot become a new file."""
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", code="no_folder", hint="Create it first.")
    if path.is_symlink():
        raise UsageError(f"{path} is a link", code="bad_file", hint="Name the file itself.")
    if path.is_dir():
        raise UsageError(f"{path} is a folder", code="bad_file", hint="Name a file in it.")
    if not os.path.lexists(path):
        return
    if not path.is_file():
        raise UsageError(f"{path} is no regular file", code="bad_file", hint="`-` writes to standard output.")
    if not replace:
        raise _exists(path)


def _put(draft: Path, path: Path, *, replace: bool) -> None:
    if replace:
        draft.replace(path)
        return
    try:
        os.link(draft, path)  # unlike a rename, never over what appeared meanwhile
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        draft.replace(path)  # what appeared since the look before the first byte would be lost


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _exists(path: Path) -> UsageError:
    return UsageError(f"{path} is there already", code="file_exists", hint="--force replaces it.")


def _sync(folder: Path) -> None:
    if os.name != "posix":
        return  # elsewhere a folder cannot be opened
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
