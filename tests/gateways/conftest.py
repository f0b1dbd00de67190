"""The dearest members of the gateways' contract: some gateways keep them in the default run, not all.

What a member shows there is the same promise; `-m slow` has the others keep it too. What a change does
without a usable answer, and all that costs little, is never left out for any gateway.
"""

from collections.abc import Mapping, Set

import pytest

DEAR: Mapping[str, Set[str]] = {
    "test_a_gateway_that_cannot_prove_who_it_is_got_nothing": {"TestStripe", "TestRecurly"},
    "test_nothing_is_set_in_the_sdk_for_everybody": {"TestPaypal", "TestBraintree"},
    "test_every_instant_read_is_aware_utc_and_every_record_is_of_its_account": {
        "TestStripe",
        "TestWoocommerce",
    },
    "test_a_list_honours_since_and_until": {"TestStripe", "TestWoocommerce", "TestRecurly"},
    "test_a_list_honours_a_status": {"TestStripe", "TestWoocommerce"},
    "test_a_list_honours_its_limit": {"TestStripe", "TestWoocommerce", "TestRecurly"},
    "test_nothing_it_logs_or_prints_shows_a_secret": {"TestStripe", "TestPaypal", "TestWoocommerce"},
    "test_a_list_of_one_customer_is_his_alone": {"TestStripe", "TestWoocommerce", "TestRecurly"},
}
"""Member → the classes that keep it in every run."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark slow what other gateways keep in the default run."""
    if not isinstance(item, pytest.Function) or item.cls is None:
        return
    kept_by = DEAR.get(item.originalname)
    if kept_by and item.cls.__name__ not in kept_by:
        item.add_marker(pytest.mark.slow)
