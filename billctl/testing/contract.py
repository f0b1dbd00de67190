"""The contract of a gateway, as tests: the promises at the top of `billctl.gateway`.

Subclass `GatewayContract` in a test module, name the class, and say how to build it:

    class TestMine(GatewayContract):
        gateway_class = MineGateway
        sdk_modules = ("minesdk",)
        charge_id = "…"                       # a charge of base_url() with money left on it
        unknown_charge_id = "…"

        def make_account(self, base_url, *, name="one", read_timeout=30.0, key=1): ...
        def base_url(self): ...               # of a sandbox that knows the objects named here

`test_every_promise_has_an_example` says what else it needs for what the gateway declares; the attributes
are those of `billctl.testing.harness.Harness`. Before the import, `pytest.register_assert_rewrite(
"billctl.testing")` makes failures show values.
"""

from billctl.testing.changing import ChangePromises
from billctl.testing.copying import CopyPromises
from billctl.testing.crediting import CreditPromises
from billctl.testing.declaration import DeclarationPromises
from billctl.testing.documents import DocumentPromises
from billctl.testing.failing import FailurePromises
from billctl.testing.reading import ReadPromises
from billctl.testing.secrecy import SecrecyPromises


class GatewayContract(
    DeclarationPromises,
    ReadPromises,
    ChangePromises,
    CreditPromises,
    DocumentPromises,
    FailurePromises,
    CopyPromises,
    SecrecyPromises,
):
    """Test methods for one gateway. The names are the promises."""
