"""The store's files: created for their owner alone, and refused where others could change them."""

import errno
import os
import stat
import sys
from pathlib import Path

from billctl.errors import StoreError

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
OTHERS_MAY_TOUCH = OTHERS_MAY_WRITE | stat.S_IROTH | stat.S_IXOTH

NETWORK_FILESYSTEMS = frozenset(
    {
        *("9p", "afs", "afpfs", "ceph", "cifs", "davfs", "gfs2", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"),
        *("ocfs2", "orangefs", "smb3", "smbfs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs"),
    }
)
"""Where the shared memory of SQLite's WAL does not work between hosts (sqlite.org/wal.html)."""

KEEP = "Restore the log from a backup. A new one in its place would forget which operations are open."
"""What to do about a file that cannot be the log: never to throw it away unthinkingly."""

HINTS = {
    errno.EACCES: "Give your user access to it, or choose another $BILLCTL_STATE_DIR.",
    errno.EPERM: "Give your user access to it, or choose another $BILLCTL_STATE_DIR.",
    errno.EROFS: "The file system is read-only: make it writable. Another log would not know what is open.",
    errno.ENOSPC: "The disk is full: make room and run again.",
    errno.EDQUOT: "Your disk quota is used up: make room and run again.",
    errno.ENOTDIR: "A file stands where a directory should be: choose another $BILLCTL_STATE_DIR.",
    errno.EEXIST: "A file stands where a directory should be: choose another $BILLCTL_STATE_DIR.",
}


def store_error(path: Path, error: OSError, what: str) -> StoreError:
    """The one line for an operating system's refusal; `what` is a verb (`create`, `lock`)."""
    why = os.strerror(error.errno) if error.errno else str(error)
    hint = HINTS.get(error.errno or 0, "Check the disk and the path, then run again.")
    return StoreError(f"cannot {what} the audit log {path}: {why}", code="store_file", hint=hint)


def prepare(path: Path) -> None:
    """Make sure that `path` is a file of ours to write, in a directory that others cannot write.

    Missing ones are created 0700 and 0600. Raises `StoreError`.
    """
    try:
        path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        # Opened only to create: closing a descriptor of an open SQLite file would drop SQLite's locks on it.
        if not path.exists():
            create(path)
        check_directory(path.parent)
        check_file(path, owned=True)
    except OSError as error:
        raise store_error(path, error, "create") from error


def create(path: Path) -> None:
    """Create `path` empty with mode 0600; one that appears meanwhile is left alone."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE))
    except FileExistsError:
        return


def check_existing(path: Path) -> None:
    """Make sure that `path` is there to read. Raises `StoreError`, with code `store_missing` if it is not."""
    try:
        check_file(path, owned=False)
    except FileNotFoundError:
        raise StoreError(
            f"there is no audit log at {path}", code="store_missing", hint="The first action creates it."
        ) from None
    except OSError as error:
        raise store_error(path, error, "read") from error


def check_directory(path: Path) -> None:
    """Raises `StoreError` when others may write in the directory, or it lies on a network file system."""
    found = path.stat()
    if os.name == "posix" and found.st_mode & OTHERS_MAY_WRITE:
        raise StoreError(
            f"others may write in {path} (mode {stat.S_IMODE(found.st_mode):04o})",
            code="store_mode",
            hint=f"Run `chmod 0700 {path}`, or choose another $BILLCTL_STATE_DIR.",
        )
    kind = filesystem(found.st_dev)
    if kind in NETWORK_FILESYSTEMS:
        raise StoreError(
            f"{path} is on a network file system ({kind}), where concurrent runs would damage the audit log",
            code="store_network",
            hint="Choose a $BILLCTL_STATE_DIR on a local disk.",
        )


def check_file(path: Path, *, owned: bool) -> None:
    """Raises `StoreError` for what is no regular file, is open to others, or (`owned`) is another user's."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        kind = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise StoreError(f"{path} is {kind}, not an audit log", code="store_file", hint=KEEP)
    if os.name != "posix":
        return
    if owned and found.st_uid != os.geteuid():
        raise StoreError(
            f"the audit log {path} belongs to another user (uid {found.st_uid})",
            code="store_owner",
            hint="Run as that user, or choose another $BILLCTL_STATE_DIR.",
        )
    if found.st_mode & OTHERS_MAY_TOUCH:
        raise StoreError(
            f"the audit log {path} is open to others (mode {stat.S_IMODE(found.st_mode):04o})",
            code="store_mode",
            hint=f"Run `chmod 0600 {path}`, then `billctl audit verify`.",
        )


def filesystem(device: int, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """The type of the file system with this device number, or None where the system does not tell.

    Linux only: fields 3 and (after the `-`) 1 of proc(5), /proc/pid/mountinfo.
    """
    if sys.platform != "linux" or not mounts.exists():
        return None
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        mount, _, kind = line.partition(" - ")
        if mount.split(" ", 3)[2] == number:
            return kind.split(" ", 1)[0]
    return None
