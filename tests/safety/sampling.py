"""What the slow run takes of what is too much for it: another share every day, so that all comes by in time.

The exhaustive run takes all. A run names its share at its end; `BILLCTL_SAMPLE=N` takes it again.
"""

import os

import pytest

SAMPLE = int(os.environ["BILLCTL_SAMPLE"])
"""The day's number unless it was given (tests/conftest.py)."""


def sampled(number: int, *, of: int) -> list[pytest.MarkDecorator]:
    """The marks of a case: slow in every `of`th run, in which others are not."""
    return [pytest.mark.full, pytest.mark.slow] if number % of == SAMPLE % of else [pytest.mark.full]
