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

PAYPAL_CLIENT_ID: Final = "billctlSandboxPaypalClientId"
PAYPAL_CLIENT_SECRET: Final = "billctlSandboxPaypalSecretNotReal"  # noqa: S105 opens play money only
"""Open the test-mode shop of the PayPal sandbox."""

PAYPAL_LIVE_CLIENT_ID: Final = "billctlSandboxPaypalPlayMoneyId"
PAYPAL_LIVE_CLIENT_SECRET: Final = "billctlSandboxPaypalPlayMoneySecret"  # noqa: S105 as above
"""Open its live mode: another copy of the shop."""

BRAINTREE_MERCHANT_ID: Final = "sbxbillctlmerchant"
BRAINTREE_PUBLIC_KEY: Final = "sbxbillctlpublickey"
BRAINTREE_PRIVATE_KEY: Final = "sbxbillctlprivatekeynotreal"
"""Open the test-mode shop of the Braintree sandbox."""

BRAINTREE_LIVE_MERCHANT_ID: Final = "sbxbillctlplaymoney"
BRAINTREE_LIVE_PUBLIC_KEY: Final = "sbxbillctlplaypublickey"
BRAINTREE_LIVE_PRIVATE_KEY: Final = "sbxbillctlplayprivatekey"
"""Open its live mode: another copy of the shop."""

WOOCOMMERCE_URL: Final = "https://shop.example"
"""What the WooCommerce sandbox's store calls its own address."""
WOOCOMMERCE_KEY: Final = "ck_billctlsandboxnotarealconsumerkey0000001"
WOOCOMMERCE_SECRET: Final = "cs_billctlsandboxnotarealconsumersecret0001"  # noqa: S105 opens play money only
"""Open the test-mode store of the WooCommerce sandbox for reading and writing."""

WOOCOMMERCE_READ_KEY: Final = "ck_billctlsandboxreadonlyconsumerkey0000001"
WOOCOMMERCE_READ_SECRET: Final = "cs_billctlsandboxreadonlysecret00000000001"  # noqa: S105 as above
"""Read the same store; every change is refused as WooCommerce refuses a read key's."""

WOOCOMMERCE_LIVE_KEY: Final = "ck_billctlsandboxplaymoneyconsumerkey000001"
WOOCOMMERCE_LIVE_SECRET: Final = "cs_billctlsandboxplaymoneysecret0000000001"  # noqa: S105 as above
"""Open another copy of the store, for profiles in live mode: a store itself knows no modes."""

RECURLY_KEY: Final = "billctlsandboxrecurlynotarealkey"
"""Opens the Recurly sandbox's site of mode development."""

RECURLY_LIVE_KEY: Final = "billctlsandboxrecurlyplaymoneykey"
"""Opens its site of mode production: another copy of the shop."""

RECURLY_SITE: Final = "billctl-sandbox"
RECURLY_LIVE_SITE: Final = "billctl-playmoney"
"""Their subdomains."""

KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "stripe": {"api_key": STRIPE_KEY},
    "paypal": {"client_secret": PAYPAL_CLIENT_SECRET},
    "braintree": {"private_key": BRAINTREE_PRIVATE_KEY},
    "woocommerce": {"consumer_key": WOOCOMMERCE_KEY, "consumer_secret": WOOCOMMERCE_SECRET},
    "recurly": {"api_key": RECURLY_KEY},
}
"""Gateway name → secret name (as profiles name it) → the key that opens the sandbox."""

SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "paypal": {"client_id": PAYPAL_CLIENT_ID},
    "braintree": {"merchant_id": BRAINTREE_MERCHANT_ID, "public_key": BRAINTREE_PUBLIC_KEY},
    "woocommerce": {"url": WOOCOMMERCE_URL},
}
"""Gateway name → setting (as profiles name it) → what it is at the sandbox."""
