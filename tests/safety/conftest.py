"""What the safety tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal import copying
from tests.shop import Shop, open_shop


@pytest.fixture(scope="package", autouse=True)
def _copied_shops() -> Iterator[None]:
    with copying():
        yield


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A rehearsal shop of this test's own."""
    with open_shop(tmp_path) as opened:
        yield opened
