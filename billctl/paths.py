"""Where configuration and state live, and who may write there.

`env` is the environment to read `BILLCTL_CONFIG_DIR` and `BILLCTL_STATE_DIR` from; without them
platformdirs decides. An empty variable counts as unset.
"""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from billctl.errors import BillctlError, StoreError

OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def config_dir(env: Mapping[str, str]) -> Path:
    """The directory of `config.toml` and `profiles/`; it need not exist."""
    if named := env.get("BILLCTL_CONFIG_DIR"):
        return Path(named).absolute()
    from platformdirs import user_config_path

    return user_config_path("billctl", appauthor=False)


def state_dir(env: Mapping[str, str]) -> Path:
    """The directory of the audit log, locks, plans and sandbox data; it need not exist."""
    if named := env.get("BILLCTL_STATE_DIR"):
        return Path(named).absolute()
    from platformdirs import user_state_path

    return user_state_path("billctl", appauthor=False)


def shipped_profiles_dir() -> Path:
    """The profiles that come with billctl: inside the installed package, or the checkout's `profiles/`."""
    package = Path(__file__).parent
    packed = package / "shipped_profiles"
    return packed if packed.is_dir() else package.parent / "profiles"


def others_problem(status: os.stat_result, *, root_may_own: bool) -> str | None:
    """Why a file or directory with this `status` is not this user's alone to change, or None."""
    if sys.platform == "win32":
        return None  # access there is a matter of ACLs, which a mode does not show
    user = os.geteuid()
    if status.st_uid != user and not (root_may_own and status.st_uid == 0):
        return f"belongs to another user (uid {status.st_uid}, you are uid {user})"
    if status.st_mode & OTHERS_MAY_WRITE:
        return "can be written by other users"
    return None


def ensure_private_dir(path: Path, error: type[BillctlError] = StoreError) -> Path:
    """Create `path` with mode 0700 where it is missing, and return it.

    Raises `error` where it cannot be created, is no directory, belongs to another user or can be
    written by others.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            pass
        else:
            path.chmod(0o700)  # the umask may have taken the owner's own bits
        status = path.stat()
    except OSError as failure:
        raise error(
            f"{path} cannot be used: {failure.strerror or failure}",
            hint="Make it a directory of yours, or name another one.",
        ) from None
    if not stat.S_ISDIR(status.st_mode):
        raise error(f"{path} is not a directory", hint="Move that file away, or name another directory.")
    if problem := others_problem(status, root_may_own=False):
        raise error(f"{path} {problem}", hint=f"Make it yours alone: chmod 700 {path}, or name another one.")
    return path
