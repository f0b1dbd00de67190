"""The group of commands that every installed gateway gets, whatever it can do.

A gateway brings operations, never commands: these are billctl's, the same for all, so none can skip
the reason, the confirmation or the audit log. What a gateway cannot do is said when it is asked.
"""

from collections.abc import Mapping, Set
from typing import Any

from billctl import registry
from billctl.cli.lazy import LazyGroup, Member, from_module
from billctl.cli.list_members import list_members
from billctl.gateway import Capability

ACTIONS: Mapping[str, tuple[str, str]] = {
    "show": ("billctl.cli.show", "Show one object by its id."),
    "refund": ("billctl.cli.refund", "Give money back on a charge, in full or in part."),
    "void": ("billctl.cli.void", "Release a charge that is not settled."),
    "cancel": ("billctl.cli.cancel", "End a subscription."),
    "resend": ("billctl.cli.resend", "E-mail an invoice or its receipt again."),
    "sync": ("billctl.cli.sync", "Copy the history to this machine, for fast lookups."),
}
SHOWN_WITH = {"sync": Capability.SYNC}
"""Commands that help names only for a gateway that can: most need none."""


class GatewayGroup(LazyGroup):
    """The commands of one gateway, which can do `capabilities`."""

    def __init__(self, *, capabilities: Set[Capability], **settings: Any) -> None:
        super().__init__(**settings)
        self._capabilities = capabilities

    def members(self) -> Mapping[str, Member]:
        actions = {name: from_module(module, text) for name, (module, text) in ACTIONS.items()}
        return {**actions, **list_members(across=False)}

    def list_commands(self, ctx: Any) -> list[str]:
        names = super().list_commands(ctx)
        return [name for name in names if SHOWN_WITH.get(name) in {None, *self._capabilities}]


def command_group(entry: registry.Entry) -> Any:
    """The group of the gateway `entry`. Raises `ConfigError` naming the package when it is broken."""
    return GatewayGroup(
        capabilities=registry.load(entry).capabilities,
        name=entry.name,
        help=f"""Show, list, refund, void, cancel and resend at {entry.name}.

    \b
    Examples:
      billctl {entry.name} charges --since 7d
      billctl {entry.name} refund CHARGE --amount 12.50 --reason "charged twice"
      billctl {entry.name} cancel SUBSCRIPTION --at-period-end --reason "moving away"
    """,
        rich_markup_mode=None,
    )
