"""Recurly's shop: one per file of tests for reading, one per test for changing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.openapi_recurly import RecurlySpec
from tests.rehearsal import rehearsed
from tests.sandbox.recurly.wire import Wire


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A shop for reading only."""
    state = tmp_path_factory.mktemp("reading")
    with rehearsed(state, ("recurly",)) as sandbox:
        yield Wire(sandbox.url("recurly").removeprefix("http://"), state, RecurlySpec.find())


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    """A fresh shop."""
    state = tmp_path / "own"
    with rehearsed(state, ("recurly",)) as sandbox:
        yield Wire(sandbox.url("recurly").removeprefix("http://"), state, RecurlySpec.find())
