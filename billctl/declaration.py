"""What a gateway class must say of itself to be used: a declaration of the right form, for this interface."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from billctl.gateway import Gateway

SETTING_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
ACCOUNT_KEYS = frozenset({"gateway", "account_id", "base_url"})
"""What an account of any gateway says in a profile; a gateway's own settings come besides."""


def api_fault(kind: "type[Gateway]", package: str, *, ours: bool) -> str | None:
    """Why a class of `package` is not one for this version of the interface; None where it is.

    Ours move with the interface and need not name one.
    """
    from billctl.gateway import API, Gateway

    named: object = kind.api
    if not ours and not any("api" in vars(base) for base in _above(kind, Gateway)):
        return f"it does not say which plugin api it is written for; this is {API}: `api = {API}`"
    if type(named) is not int:
        return f"its plugin api is {named!r}, not a whole number"
    if named == API:
        return None
    older, newer = ("billctl", package) if named > API else (package, "billctl")
    return f"it is written for plugin api {named}, this is {API}; upgrade {older}, not {newer}"


def _above(kind: type, root: type) -> list[type]:
    """A class and those it derives from, down to `root`, which is left out."""
    return [base for base in kind.__mro__ if issubclass(base, root) and base is not root]


def declaration_fault(kind: "type[Gateway]") -> str | None:
    """What is wrong with what a gateway class says of itself, in a few words; None where nothing is."""
    from billctl.gateway import Capability, Setting

    offered: object = kind.capabilities
    if not isinstance(offered, frozenset) or not all(isinstance(item, Capability) for item in offered):
        return "its capabilities are not a frozenset of billctl.gateway.Capability"
    settings: object = kind.settings
    if not isinstance(settings, tuple) or not all(isinstance(item, Setting) for item in settings):
        return "its settings are not a tuple of billctl.gateway.Setting"
    examples: object = kind.id_examples
    if not isinstance(examples, Mapping) or not all(isinstance(item, str) for item in examples.values()):
        return "its id_examples are not a mapping of kinds to ids"
    limits: object = kind.limits
    if not isinstance(limits, Mapping) or not set(limits) <= offered:
        return "its limits are not a mapping of capabilities that it declares to sentences"
    return _setting_fault([setting.name for setting in settings])


def _setting_fault(names: list[object]) -> str | None:
    for name in names:
        if not isinstance(name, str) or not SETTING_NAME.fullmatch(name):
            return f"its setting {name!r} is not named in lower-case letters, digits and _"
        if name in ACCOUNT_KEYS:
            return f"its setting {name!r} has the name of a key that every account has"
        if names.count(name) > 1:
            return f"it has two settings called {name!r}"
    return None
