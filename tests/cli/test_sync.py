"""`billctl GATEWAY sync`: what is copied is said, with its age; forgetting; who cannot."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.errors import NoAnswer
from billctl.gateway import Capability, LocalCopy
from tests.cli.program import billctl, document
from tests.unit.acme import Acme, installed


class Ledger(Acme):
    """It keeps a copy that ends an hour before it was asked for."""

    capabilities: ClassVar[frozenset[Capability]] = Acme.capabilities | {Capability.SYNC}
    copies: ClassVar[list[LocalCopy]] = []
    asked: ClassVar[list[datetime]] = []

    def sync(self, since: datetime) -> LocalCopy:
        self.asked.append(since)
        if self.says == "breaks":
            raise NoAnswer("the connection broke")
        until = datetime.now(UTC) - timedelta(hours=3, minutes=5)
        self.copies[:] = [LocalCopy(since=since, until=until, records=1234)]
        return self.copies[0]

    def local_copy(self) -> LocalCopy | None:
        return self.copies[0] if self.copies else None

    def forget_copy(self) -> LocalCopy | None:
        return self.copies.pop() if self.copies else None


@pytest.fixture(autouse=True)
def _profile(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path_factory, monkeypatch, ledger=f"{__name__}:Ledger")
    monkeypatch.setattr(Ledger, "copies", [])
    monkeypatch.setattr(Ledger, "asked", [])
    use(tmp_path)
    monkeypatch.setenv("BILLCTL_PROFILE", "shop")


def use(tmp_path: Path, says: str = "hello", account: str = "") -> None:
    folder = tmp_path / "config" / "profiles"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "shop.toml").write_text(
        f'mode = "test"\n[accounts.books]\ngateway = "ledger"\nsays = "{says}"\n{account}'
        '[accounts.acme]\ngateway = "acme"\n'
    )


def test_a_first_copy_reaches_a_year_back_and_says_what_it_covers() -> None:
    data = document("ledger", "sync")["data"]
    year = datetime.now(UTC) - Ledger.asked[0]
    assert abs(year - timedelta(days=365)) < timedelta(minutes=1)
    assert (data["account"], data["gateway"], data["state"], data["records"]) == (
        *("books", "ledger", "kept"),
        1234,
    )
    assert data["since"] < data["until"]


def test_a_person_reads_how_old_it_is() -> None:
    first, second = billctl("ledger", "sync", "--since", "2026-01-31", "-o", "table").stdout.splitlines()
    assert first == "books  copy of 1,234 payments since 2026-01-31"
    assert second.endswith(", 3 hours ago")


def test_the_next_copy_reaches_as_far_back_as_the_first_or_as_is_said() -> None:
    billctl("ledger", "sync", "--since", "30d")
    billctl("ledger", "sync")
    assert Ledger.asked[1] == Ledger.asked[0]
    billctl("ledger", "sync", "--since", "90d")
    assert Ledger.asked[2] < Ledger.asked[1]


def test_forgetting_deletes_the_copy_and_says_what_it_was() -> None:
    billctl("ledger", "sync")
    data = document("ledger", "sync", "--forget")["data"]
    assert (data["state"], data["records"]) == ("deleted", 1234)
    assert Ledger.copies == []
    again = billctl("ledger", "sync", "--forget", "-o", "table")
    assert (again.returncode, again.stdout) == (0, "books  there is no copy\n")


def test_a_copy_that_breaks_off_is_that_failure(tmp_path: Path) -> None:
    use(tmp_path, says="breaks")
    assert billctl("ledger", "sync").returncode == 11


def test_nothing_is_copied_from_another_account_than_the_profile_names(tmp_path: Path) -> None:
    use(tmp_path, account='account_id = "somebody-else"\n')
    assert billctl("ledger", "sync").returncode == 12
    assert Ledger.asked == []


def test_forgetting_since_a_date_is_a_usage_error() -> None:
    assert billctl("ledger", "sync", "--forget", "--since", "3d").returncode == 2
    assert Ledger.asked == []


def test_a_gateway_without_a_copy_says_so_and_does_not_offer_it() -> None:
    ran = billctl("acme", "sync")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("billctl: acme cannot keep a copy of its history.")
    assert "sync" not in billctl("acme", "--help").stdout
    assert "sync" in billctl("ledger", "--help").stdout
