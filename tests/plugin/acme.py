"""The example plugin, for tests that use it without installing it."""

from billctl_acme import AcmeGateway, mapping, shop
from billctl_acme.client import Client
from billctl_acme.shop import KEY, Shop

__all__ = ["KEY", "AcmeGateway", "Client", "Shop", "mapping", "shop"]
