"""What a plugin author needs to test a gateway: `GatewayContract`, and servers that misbehave (`servers`).

It needs no test runner to be imported; `GatewayContract` is a class of plain test methods that pytest
collects from a subclass.
"""

from billctl.testing.contract import GatewayContract

__all__ = ["GatewayContract"]
