"""Other users of this machine, for tests of what the operating system says about whose a file is.

Each is a real user id that programs run under, with a state and a configuration of its own. Only root
can start them; `setpriv` (util-linux) does. Where the interpreter lies in a folder that is root's
alone, they get the capability to read everything (CAP_DAC_READ_SEARCH), and nothing more than that.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.shop import SECONDS, Ran

GROUP = 64_000
"""The number of a group that the users share; it needs no name."""
READ_ALL = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")


@dataclass(frozen=True)
class User:
    """Somebody with a user id of his own. `env` are the settings his programs run under."""

    uid: int
    home: Path
    options: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a program as this user."""
        pipe = subprocess.PIPE
        words = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", f"--groups={GROUP}", *self.options]
        return subprocess.Popen(
            [*words, *command],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def environment(self) -> dict[str, str]:
        """Nothing of the suite's but the path, and this user's own."""
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "BILLCTL_CONFIG_DIR": str(self.home / "config"),
            "BILLCTL_STATE_DIR": str(self.home / "state"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }
        return own | self.env

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start billctl as this user."""
        return self.start(sys.executable, "-m", "billctl", *arguments)

    def run(self, *arguments: str) -> Ran:
        """One command line of billctl as this user."""
        return ended(self.begin(*arguments))

    def write(self, path: Path, text: str) -> None:
        """Let a file come to be as this user's own doing, of mode 0640."""
        program = "import os, sys; os.umask(0o027); open(sys.argv[1], 'x').write(sys.argv[2])"
        done = ended(self.start(sys.executable, "-c", program, str(path), text))
        assert done.code == 0, done.err

    def profile(self, name: str, text: str) -> None:
        """Give the user a profile, and choose it."""
        folder = self.home / "config" / "profiles"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        for each in (folder.parent, folder, path):
            os.chown(each, self.uid, self.uid)
        self.env["BILLCTL_PROFILE"] = name


def ended(process: subprocess.Popen[str]) -> Ran:
    """What a program did that was started."""
    out, err = process.communicate(timeout=SECONDS)
    return Ran(process.returncode, out, err)


@cache
def why_there_are_none() -> str | None:
    """Why this machine lets no test start programs as other users, or None."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "only root can start programs as other users"
    if shutil.which("setpriv") is None:
        return "setpriv (util-linux) is not installed"
    return None if _options() is not None else "the interpreter cannot be read by other users"


@cache
def _options() -> tuple[str, ...] | None:
    """What `setpriv` needs so that another user can run this interpreter."""
    program = "import os, sys, billctl.session; os.listdir(sys.base_prefix)"
    probe = [sys.executable, "-c", program]
    for options in ((), READ_ALL):
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *options, *probe]
        if subprocess.run(command, check=False, capture_output=True, timeout=SECONDS).returncode == 0:
            return options
    return None


@contextmanager
def users(*uids: int, env: Mapping[str, str] | None = None) -> Iterator[tuple[Path, list[User]]]:
    """A folder that everybody can enter, and in it each user's home; skips a test that cannot have it."""
    if why := why_there_are_none():
        pytest.skip(why)
    options = _options() or ()
    with TemporaryDirectory(prefix="billctl-users-") as name:
        base = Path(name)
        base.chmod(0o755)
        people = []
        for uid in uids:
            home = base / str(uid)
            home.mkdir(mode=0o700)
            os.chown(home, uid, uid)
            people.append(User(uid, home, options, dict(env or {})))
        yield base, people
