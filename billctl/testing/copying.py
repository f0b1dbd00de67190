"""Promises of a gateway that keeps a copy of its history on this machine."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from billctl.errors import NetworkError
from billctl.frozen import replace
from billctl.gateway import Capability, Gateway
from billctl.testing import servers
from billctl.testing.harness import Between, Harness, failure
from billctl.testing.reading import is_aware_utc

SINCE = timedelta(days=60)


class CopyPromises(Harness):
    """`sync`, `local_copy` and `forget_copy`."""

    @contextmanager
    def _keeping(self) -> Iterator[tuple[Path, Between]]:
        """A folder for the copy, and a server in front of the sandbox that counts."""
        with TemporaryDirectory() as folder, self._between(lambda upstream: upstream.pass_on) as between:
            yield Path(folder) / "gateways" / "it", between

    def _keeper(self, url: str, folder: Path) -> Gateway:
        return self.gateway_class(replace(self.make_account(url), state_dir=folder))

    def test_a_copy_is_there_after_it_was_fetched_and_gone_after_it_was_forgotten(self) -> None:
        if not self._can(Capability.SYNC):
            return
        with self._keeping() as (folder, between):
            gateway = self._keeper(between.url, folder)
            assert gateway.local_copy() is None
            made = gateway.sync(datetime.now(UTC) - SINCE)
            assert made.records > 0
            assert is_aware_utc(made.since)
            assert is_aware_utc(made.until)
            asked = len(between.server.requests)
            assert self._keeper(between.url, folder).local_copy() == made
            assert gateway.forget_copy() == made
            assert gateway.local_copy() is None
            assert gateway.forget_copy() is None
            assert len(between.server.requests) == asked, "the copy was looked at over the network"

    def test_a_copy_is_open_to_its_user_alone_and_holds_no_secret(self) -> None:
        if not self._can(Capability.SYNC):
            return
        with self._keeping() as (folder, between):
            gateway = self._keeper(between.url, folder)
            gateway.sync(datetime.now(UTC) - SINCE)
            files = [path for path in folder.rglob("*") if path.is_file()]
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
            secrets = [str(secret).encode() for secret in gateway.account.secrets.values()]
            assert not [path for path in files for secret in secrets if secret in path.read_bytes()]

    def test_fetching_again_asks_no_more_than_at_first_and_loses_nothing(self) -> None:
        if not self._can(Capability.SYNC):
            return
        with self._keeping() as (folder, between):
            since = datetime.now(UTC) - SINCE
            first = self._keeper(between.url, folder).sync(since)
            asked = len(between.server.requests)
            again = self._keeper(between.url, folder).sync(since)
            assert len(between.server.requests) - asked <= asked
            assert (again.since, again.records) == (first.since, first.records)
            assert again.until >= first.until

    def test_a_copy_survives_a_gateway_that_is_down(self) -> None:
        if not self._can(Capability.SYNC):
            return
        with TemporaryDirectory() as name, servers.LoopbackServer(self._failing_later()) as server:
            folder, since = Path(name) / "it", datetime.now(UTC) - SINCE
            made = self._keeper(self._at(server), folder).sync(since)
            self._down = True
            later = self._keeper(self._at(server), folder)
            assert isinstance(failure(lambda: later.sync(since)), NetworkError)
            assert later.local_copy() == made

    _down = False

    def _failing_later(self) -> servers.Behaviour:
        upstream = servers.Upstream(self.base_url())
        return servers.only(lambda _request: self._down, servers.dropping, upstream.pass_on)
