"""PayPal's shop: one per file of tests for reading, one per test for changing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.openapi_paypal import PayPalSpec
from tests.rehearsal import rehearsed
from tests.sandbox.paypal.wire import Wire


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A shop for reading only."""
    state = tmp_path_factory.mktemp("reading")
    with rehearsed(state, ("paypal",)) as sandbox:
        yield Wire(sandbox.url("paypal").removeprefix("http://"), state, PayPalSpec.find())


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    """A fresh shop."""
    state = tmp_path / "own"
    with rehearsed(state, ("paypal",)) as sandbox:
        yield Wire(sandbox.url("paypal").removeprefix("http://"), state, PayPalSpec.find())
