"""`billctl help plugins`, the author's page: what it says is what is there."""

import re
from textwrap import dedent
from typing import Any

from billctl.cli import help as help_command
from billctl.declaration import api_fault, declaration_fault
from billctl.gateway import API, Gateway
from billctl.testing import GatewayContract
from tests.unit.test_imports import PLUGIN_API

PAGE = help_command._topic("plugins")


def example() -> type[Gateway]:
    """The class of the page, run as it stands there."""
    found = re.search(r"^  from billctl\.gateway import.*?(?=^  name )", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    space: dict[str, Any] = {}
    exec(dedent(found[0]), space)
    gateway: type[Gateway] = space["AcmeGateway"]
    return gateway


def test_the_modules_it_names_are_those_a_gateway_may_import() -> None:
    named = set(re.findall(r"^  billctl\.(\w+) ", PAGE, re.MULTILINE))
    assert named == PLUGIN_API | {"testing"}


def test_its_class_is_a_gateway_that_can_be_used() -> None:
    assert api_fault(example(), "billctl-acme", ours=False) is None
    assert declaration_fault(example()) is None


def test_its_class_implements_what_it_declares() -> None:
    class Contract(GatewayContract):
        gateway_class = example()

    Contract().test_every_declared_capability_is_implemented_and_nothing_is_implemented_undeclared()


def test_it_tells_the_version_of_the_interface() -> None:
    assert f"this billctl has {API}." in " ".join(PAGE.split())


def test_it_names_a_package_that_is_there() -> None:
    from tests.plugin import PACKAGE

    assert f"tests/plugin/{PACKAGE.name}" in PAGE
    assert PACKAGE.is_dir()
