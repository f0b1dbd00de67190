"""Who runs billctl: what the operating system says, and what the operator claims.

The login is the password database's name for the process's real user id; `$USER` is not read.
`sudo_uid` and `sudo_user` are what sudo(8) leaves in the environment, `claimed` is
`$BILLCTL_OPERATOR`: both can be set by whoever runs the program, and stand beside the login, never
in its place.
"""

import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from billctl.frozen import fields, frozen
from billctl.text import mask

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
CRON_PROGRAMS = frozenset({"cron", "crond", "anacron", "fcron", "dcron", "cronie"})
MAX_ANCESTORS = 32


class Origin(StrEnum):
    """Where a run comes from; `service` is systemd, `pipe` any other run without a terminal."""

    TERMINAL = "terminal"
    CI = "ci"
    CRON = "cron"
    SERVICE = "service"
    PIPE = "pipe"


@frozen
class Actor:
    """Who acts. `uid` is None on Windows; `tty` is the terminal's device, if there is one."""

    uid: int | None
    login: str
    host: str
    origin: Origin
    tty: str | None = None
    sudo_uid: int | None = None
    sudo_user: str | None = None
    claimed: str | None = None

    def data(self) -> dict[str, Any]:
        """The parts that have a value."""
        return {
            name: str(value) if isinstance(value, Origin) else value
            for name, value in fields(self).items()
            if value is not None
        }


def current_actor(env: Mapping[str, str]) -> Actor:
    """The actor of this process; `env` is its environment."""
    uid = os.getuid() if hasattr(os, "getuid") else None
    tty = _tty()
    claimed = env.get("BILLCTL_OPERATOR", "").strip()
    sudo_uid = env.get("SUDO_UID", "")
    return Actor(
        uid=uid,
        login=_login(uid, env),
        host=os.uname().nodename if hasattr(os, "uname") else env.get("COMPUTERNAME", ""),
        origin=_origin(env, tty),
        tty=tty,
        sudo_uid=int(sudo_uid) if sudo_uid.isascii() and sudo_uid.isdigit() else None,
        sudo_user=env.get("SUDO_USER") or None,
        claimed=mask(claimed) or None,
    )


def _login(uid: int | None, env: Mapping[str, str]) -> str:
    if uid is None:
        return env.get("USERNAME", "")
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def _tty() -> str | None:
    for descriptor in (0, 1, 2):
        try:
            return os.ttyname(descriptor)
        except (OSError, AttributeError):  # closed, no terminal, or Windows
            continue
    return None


def _origin(env: Mapping[str, str], tty: str | None) -> Origin:
    if env.get("CI", "").lower() in TRUE_WORDS:
        return Origin.CI
    if tty:
        return Origin.TERMINAL
    if any(program.lower() in CRON_PROGRAMS for program in _ancestors()):
        return Origin.CRON
    return Origin.SERVICE if "INVOCATION_ID" in env else Origin.PIPE


def _ancestors(proc: Path = Path("/proc")) -> Iterator[str]:
    """The programs above this one, nearest first; none where there is no /proc (proc(5), /proc/pid/stat)."""
    pid = os.getppid()
    for _ in range(MAX_ANCESTORS):
        try:
            stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # no /proc, or the ancestor has gone
            return
        name, _, rest = stat.partition("(")[2].rpartition(")")
        yield name
        pid = int(rest.split()[1])
        if pid <= 0:
            return
