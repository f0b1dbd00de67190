"""Makes the contract's failures show values."""

import pytest

pytest.register_assert_rewrite("billctl.testing")
