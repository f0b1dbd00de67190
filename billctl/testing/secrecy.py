"""Promises about what stays apart: secrets from every text, one account from another, the SDK from all."""

import base64
import json
import logging
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from types import ModuleType

from billctl.errors import BillctlError
from billctl.gateway import Gateway
from billctl.parallel import gather
from billctl.testing import servers
from billctl.testing.harness import NOWHERE, failure
from billctl.testing.sending import Sending

PLAIN = (str, int, float, bool, type(None))
SHORTEST_SECRET = 6
"""Characters; shorter values stand in any text by chance."""

PRISTINE = """
import importlib, json, sys
sys.path[:] = {path!r}
for name in {names!r}:
    importlib.import_module(name)
from billctl.testing.secrecy import plain_values
print(json.dumps(plain_values({names!r})))
"""


def plain_values(names: tuple[str, ...]) -> dict[str, str]:
    """What can be set in the loaded modules called `names` and below: `module.name` → its value's repr.

    Plain values of modules and of the classes they define; the names of what is private to Python left out.
    """
    return {
        f"{where}.{name}": repr(value)
        for where, space in _spaces(names)
        for name, value in list(space.items())
        if isinstance(value, PLAIN) and not name.startswith("__")
    }


def _spaces(names: tuple[str, ...]) -> Iterator[tuple[str, dict[str, object]]]:
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and name.split(".")[0] in {each.split(".")[0] for each in names}:
            yield name, vars(module)
            for kind in list(vars(module).values()):
                if isinstance(kind, type) and kind.__module__ == name:
                    yield f"{name}.{kind.__qualname__}", dict(vars(kind))


class _Listening(logging.Handler):
    """Keeps every log record as text, its arguments and exceptions too."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        told = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        self.lines.append(f"{record.getMessage()} {record.args!r} {told}")


@contextmanager
def overheard() -> Iterator[Callable[[], str]]:
    """Whatever is logged at any level, or written to the standard streams, until the block ends."""
    root, listening, streams = logging.getLogger(), _Listening(), StringIO()
    level = root.level
    root.addHandler(listening)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(streams), redirect_stderr(streams):
            yield lambda: "\n".join(listening.lines) + streams.getvalue()
    finally:
        root.setLevel(level)
        root.removeHandler(listening)


def told_by(error: BaseException) -> str:
    """All that an error says, and all errors behind it."""
    behind: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in behind:
        behind.append(link)
        link = link.__cause__ or link.__context__
    lines = [error.line()] if isinstance(error, BillctlError) else []
    return "\n".join([*lines, *(f"{each!r} {each} {each.args!r}" for each in behind)])


class SecrecyPromises(Sending):
    """Secrets, two accounts, the SDK's globals."""

    def _secrets(self, gateway: Gateway, seen: list[servers.Request]) -> set[str]:
        """The account's secrets, in each form they travel in, and the tokens they were changed for."""
        plain = {str(secret) for secret in gateway.account.secrets.values()}
        coded = {base64.b64encode(secret.encode()).decode() for secret in plain}
        carried = {request.headers.get("authorization", "").rpartition(" ")[2] for request in seen}
        return {secret for secret in plain | coded | carried if len(secret) >= SHORTEST_SECRET}

    def test_nothing_printed_of_it_shows_a_secret(self) -> None:
        gateway = self._gateway(NOWHERE)
        shown = repr(gateway) + repr(gateway.account) + repr(vars(gateway))
        assert not [secret for secret in self._secrets(gateway, []) if secret in shown]

    def test_no_error_shows_a_secret_nor_does_what_lies_behind_it(self) -> None:
        broken = (servers.dropping, servers.garbage, servers.cutting, servers.answer(401, "{}"))
        shown = gather([partial(self._secrets_told, behaviour) for behaviour in broken])
        assert [secret for secrets in shown for secret in secrets] == []

    def _secrets_told(self, behaviour: servers.Behaviour) -> list[str]:
        """The secrets that stand in the errors of a gateway which so breaks down."""
        with self._spoiling(behaviour) as between, servers.LoopbackServer(behaviour) as broken:
            gateway, lost = self._gateway(between.url), self._gateway(self._at(broken))
            calls = [partial(read, lost) for read in self._reads().values()]
            calls += [partial(change.send, gateway) for change in self._changes().values()]
            told = "\n".join(map(told_by, gather([partial(failure, call) for call in calls])))
            seen = [*between.server.requests, *broken.requests]
        return [secret for secret in self._secrets(gateway, seen) if secret in told]

    def test_no_error_about_wrong_credentials_shows_them(self) -> None:
        gateway = self._gateway(key=2)
        told = told_by(failure(lambda: gateway.get_charge(self.charge_id)))
        assert not [secret for secret in self._secrets(gateway, []) if secret in told]

    def test_nothing_it_logs_or_prints_shows_a_secret(self) -> None:
        with overheard() as heard, self._spoiling(servers.dropping) as between:
            gateway = self._gateway(between.url)
            for read in self._reads().values():
                read(gateway)
            gather([partial(failure, partial(c.send, gateway)) for c in self._changes().values()])
            text, secrets = heard(), self._secrets(gateway, between.server.requests)
        assert not [secret for secret in secrets if secret in text]

    def test_two_accounts_never_meet(self) -> None:
        with servers.LoopbackServer(servers.dropping) as one, servers.LoopbackServer(servers.dropping) as two:
            gateways = [
                self._gateway(self._at(one), name="one", read_timeout=self.short, key=1),
                self._gateway(self._at(two), name="two", read_timeout=self.short, key=2),
            ]
            calls = [partial(gateway.get_charge, self.charge_id) for gateway in gateways * 4]
            errors = gather([partial(failure, call) for call in calls])
            assert [error.account for error in errors] == ["one", "two"] * 4
            seen = [
                {request.headers.get("authorization") for request in server.requests} for server in (one, two)
            ]
            assert seen[0]
            assert seen[1]
            assert not seen[0] & seen[1]

    def test_nothing_is_set_in_the_sdk_for_everybody(self) -> None:
        """What the SDK's modules hold after use is what they hold when they are imported afresh."""
        for key in (1, 2):
            gateway = self._gateway(key=key)
            for read in self._reads().values():
                try:
                    read(gateway)
                except BillctlError:
                    continue  # of wrong credentials, which is not the question here
        with self._spoiling(servers.dropping) as between:
            gateway = self._gateway(between.url)
            gather([partial(failure, partial(c.send, gateway)) for c in self._changes().values()])
        program = PRISTINE.format(path=sys.path, names=self.sdk_modules)
        done = subprocess.run(  # noqa: S603 - this interpreter, on a program made of this class's own names
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
        )
        fresh: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        fresh |= {name: repr(value) for name, value in self.sdk_settings.items()}
        used = plain_values(self.sdk_modules)
        changed = {name: (fresh[name], used[name]) for name in fresh.keys() & used.keys()}
        assert {name: values for name, values in changed.items() if values[0] != values[1]} == {}
