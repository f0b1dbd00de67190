"""Failures of the shipped contract show their values, as those of tests do."""

import pytest

pytest.register_assert_rewrite("billctl.testing.contract")
