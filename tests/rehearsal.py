"""Rehearsal gateways for a test, each shop seeded once per run of the suite and copied from then on.

Seeding is tested where it is the subject (tests/sandbox/test_seed.py, test_state.py); everywhere else a
copy of its file is the same shop for a hundredth of the work.
"""

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from billctl import registry
from billctl.sandbox import state
from billctl.sandbox.limits import Load
from billctl.sandbox.server import Sandbox
from billctl.sandbox.state import path_of

STRIPE = ("stripe",)
BUILD = state._build


@contextmanager
def rehearsed(
    state_dir: Path, gateways: tuple[str, ...] = STRIPE, *, loads: Mapping[str, Load] | None = None
) -> Iterator[Sandbox]:
    """The sandboxes of `gateways` on ports of their own, their state below `state_dir`.

    The table of the gateways installed is kept there too, as after any earlier command: finding out is a
    fifth of a short program's work (tests/unit/test_registry.py does without).
    """
    furnish(state_dir, gateways)
    registry.installed(state_dir)
    if "braintree" in gateways:
        _read_xml_once()
    with Sandbox(state_dir, gateways=gateways, loads=loads) as sandbox:
        yield sandbox


def furnish(state_dir: Path, gateways: tuple[str, ...] = STRIPE) -> None:
    """Put the seeded shops of `gateways` below `state_dir`; one that is there already stays as it is."""
    for gateway in gateways:
        path = path_of(state_dir, gateway)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(_seeded(gateway))


@contextmanager
def copying() -> Iterator[None]:
    """Within it a shop that a command of this process makes for itself is a copy too."""

    def copied(path: Path, gateway: str, seeded_at: datetime | None) -> None:
        if seeded_at is None:
            BUILD(path, gateway, None)
        else:
            furnish(path.parent.parent, (gateway,))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "_build", copied)
        yield


@cache
def _seeded(gateway: str) -> bytes:
    """A gateway's state as `prepare` makes it."""
    with TemporaryDirectory() as folder:
        path = path_of(Path(folder), gateway)
        path.parent.mkdir()
        BUILD(path, gateway, datetime.now(UTC))
        return path.read_bytes()


@cache
def _read_xml_once() -> None:
    """Let Braintree's SDK read each text once in this process: its parser was most of the work of a lookup.

    A text read again gives an object of its own, equal to the first; one that cannot be read is tried again.
    """
    from billctl.gateways.braintree.client import sdk_module

    parser = sdk_module().util.xml_util.XmlUtil
    read = parser.dict_from_xml

    @lru_cache(maxsize=4096)
    def kept(xml: str) -> bytes:
        return pickle.dumps(read(xml))

    def dict_from_xml(xml: str) -> Any:
        return pickle.loads(kept(xml))

    parser.dict_from_xml = staticmethod(dict_from_xml)
