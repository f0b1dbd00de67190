"""The store's payment methods: what each of them can do by itself."""

from typing import NamedTuple

from billctl.errors import NotFound
from billctl.gateways.woocommerce.client import Client
from billctl.gateways.woocommerce.errors import reading_answer
from billctl.gateways.woocommerce.values import text

FIELDS = ("id", "method_title", "method_supports")


class Method(NamedTuple):
    """A payment method as the store has it: its title, and what it supports in WooCommerce's words."""

    title: str
    supports: frozenset[str]


def method(client: Client, name: str) -> Method | None:
    """The payment method of that name; None where the store has it no more. Raises the errors of a read."""
    try:
        found = client.get(f"payment_gateways/{name}", {"_fields": FIELDS})
    except NotFound:
        return None
    with reading_answer(client.account.name, change=False):
        return Method(text(found, "method_title") or name, frozenset(map(str, found["method_supports"])))


def supported(client: Client, name: str) -> frozenset[str]:
    """What the payment method of that name supports; nothing where the store has it no more."""
    found = method(client, name)
    return found.supports if found else frozenset()
