"""Rehearsal gateways: each speaks its gateway's own wire protocol on loopback, with state on disk.

Nothing here moves money. The keys below open only a sandbox that runs on this machine.
"""

from collections.abc import Mapping
from typing import Final

ACCOUNT_ID: Final = "acct_1SbxBillctlShop0"
"""The Stripe account that every sandbox key opens."""

STRIPE_KEY: Final = "sk_test_billctlSandboxNotARealKey"
"""Reads and changes the test-mode shop."""

STRIPE_RESTRICTED_KEY: Final = "rk_test_billctlSandboxReadOnlyKey"
"""Reads the test-mode shop; every change is refused with Stripe's 403."""

STRIPE_LIVE_KEY: Final = "sk_live_billctlSandboxPlayMoneyKey"
"""Opens the same account's live mode: its own copy of the shop, every object `livemode: true`."""

KEYS: Final[Mapping[str, Mapping[str, str]]] = {"stripe": {"api_key": STRIPE_KEY}}
"""Gateway name → secret name (as profiles name it) → the key that opens the sandbox."""
