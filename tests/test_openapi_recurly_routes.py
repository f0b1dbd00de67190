"""Every address of Recurly's sandbox is one of the description's, and takes in its query what that lists."""

from importlib import import_module

import pytest

from billctl.sandbox.recurly.call import Endpoint
from billctl.sandbox.recurly.routes import RESOURCES
from tests.openapi_recurly import RecurlySpec

MODULES = sorted({module for modules in RESOURCES.values() for module in modules})
ENDPOINTS: list[Endpoint] = [
    endpoint
    for module in MODULES
    for endpoint in import_module(f"billctl.sandbox.recurly.{module}").ENDPOINTS
]


@pytest.fixture(scope="module")
def spec() -> RecurlySpec:
    return RecurlySpec.load()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: f"{one.method} {one.path}")
def test_an_address_and_its_query_are_the_descriptions(spec: RecurlySpec, endpoint: Endpoint) -> None:
    described = {(o.method.upper(), o.template): o for o in spec.operations}
    operation = described[endpoint.method, endpoint.path]
    assert set(endpoint.query) - {"cursor"} == set(spec.declared(operation))
    assert (endpoint.body is not None) == ("requestBody" in operation.described)
