"""Products of cases, of which the default run takes each case once and `-m slow` the combinations."""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

import pytest


def crossed(*axes: Mapping[str, Any]) -> list[Any]:
    """Parameters for every combination of one case from each axis (id → value).

    A combination in which more than one axis is not at its first case is marked slow.
    """
    found = []
    for cases in product(*(axis.items() for axis in axes)):
        others = [case for case, axis in zip(cases, axes, strict=True) if case[0] != next(iter(axis))]
        marks = [pytest.mark.slow] if len(others) > 1 else []
        found.append(
            pytest.param(*(value for _, value in cases), id="-".join(k for k, _ in cases), marks=marks)
        )
    return found


def often(cases: Iterable[Any], *chosen: Any) -> list[Any]:
    """Parameters for `cases`, of which all but the `chosen` are marked slow."""
    return [case if case in chosen else pytest.param(case, marks=pytest.mark.slow) for case in cases]
