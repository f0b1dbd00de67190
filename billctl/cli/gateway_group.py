"""The group of commands that every installed gateway gets, whatever it can do.

A gateway brings operations, never commands: these are billctl's, the same for all, so none can skip
the reason, the confirmation or the audit log. What a gateway cannot do is said when it is asked.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from billctl import registry
from billctl.cli.lazy import LazyGroup, Member, from_module
from billctl.cli.list_members import list_members
from billctl.gateway import Capability, Gateway

ACTIONS: Mapping[str, tuple[str, str]] = {
    "show": ("billctl.cli.show", "Show one object by its id."),
    "refund": ("billctl.cli.refund", "Give money back on a charge, in full or in part."),
    "void": ("billctl.cli.void", "Release a charge that is not settled."),
    "cancel": ("billctl.cli.cancel", "End a subscription."),
    "reactivate": ("billctl.cli.reactivate", "Let a subscription go on that is set to end."),
    "resend": ("billctl.cli.resend", "E-mail an invoice or its receipt again."),
    "void-credit": ("billctl.cli.void_credit", "Take a credit invoice back."),
    "pdf": ("billctl.cli.pdf", "Write an invoice as a PDF file."),
    "link": ("billctl.cli.link", "Print the link to a customer's invoices."),
    "sync": ("billctl.cli.sync", "Copy the history to this machine, for fast lookups."),
}
SHOWN_WITH = {
    "reactivate": Capability.REACTIVATE,
    "void-credit": Capability.VOID_CREDIT,
    "pdf": Capability.INVOICE_PDF,
    "link": Capability.INVOICE_LINK,
    "sync": Capability.SYNC,
}
"""Commands that help names only for a gateway that can: most need none."""

RARE = frozenset({"--line", "--refund"})
"""Options that help names only for a gateway that can, or that says what to do instead."""

PARTS: Mapping[str, Sequence[tuple[Capability, str, str]]] = {
    "refund": (
        (Capability.REFUND, "", "refund"),
        (Capability.PARTIAL_REFUND, "--amount", "refund in part"),
        (Capability.REFUND_LINES, "--line", "refund lines of an invoice"),
    ),
    "void": ((Capability.VOID, "", "void a charge"),),
    "cancel": (
        (Capability.CANCEL_NOW, "--now", "cancel at once"),
        (Capability.CANCEL_AT_PERIOD_END, "--at-period-end", "cancel at the period's end"),
        (Capability.CANCEL_REFUND, "--refund", "refund while it cancels"),
    ),
    "resend": (
        (Capability.RESEND_INVOICE, "", "resend an invoice"),
        (Capability.RESEND_TO, "--to", "send an invoice to another address"),
    ),
    "reactivate": ((Capability.REACTIVATE, "", "reactivate a subscription"),),
    "void-credit": ((Capability.VOID_CREDIT, "", "void a credit invoice"),),
    "pdf": ((Capability.INVOICE_PDF, "", "make a PDF of an invoice"),),
    "link": ((Capability.INVOICE_LINK, "", "link to a customer's invoices"),),
}
"""What belongs to a command: the capability that it needs, the option that asks for it (none: all of the
command), and how it is called."""


class GatewayGroup(LazyGroup):
    """The commands of one gateway; their help speaks of it and of what it cannot do."""

    def __init__(self, *, gateway: type[Gateway], **settings: Any) -> None:
        super().__init__(**settings)
        self._gateway = gateway

    def members(self) -> Mapping[str, Member]:
        actions = {name: from_module(module, text) for name, (module, text) in ACTIONS.items()}
        return {
            name: self._own(name, member)
            for name, member in {**actions, **list_members(across=False)}.items()
        }

    def list_commands(self, ctx: Any) -> list[str]:
        names = super().list_commands(ctx)
        return [name for name in names if SHOWN_WITH.get(name) in {None, *self._gateway.capabilities}]

    def _own(self, name: str, member: Member) -> Member:
        """The member with help of this gateway's: its name and what works in the examples, then what it
        cannot do; of a command that it cannot do at all, what that is and what to do instead."""
        missing = [part for part in _parts(name) if part[0] not in self._gateway.capabilities]
        options = {option for _, option, _ in missing if option}
        never = any(not option for _, option, _ in missing)

        def load() -> Any:
            command = member.load()
            for parameter in command.params:
                parameter.hidden = parameter.hidden or not (options & RARE).isdisjoint(parameter.opts)
            lines = command.help.replace("billctl GATEWAY ", f"billctl {self.name} ").splitlines()
            text = "\n".join(line for line in lines if options.isdisjoint(line.split()))
            said = text.partition("\n\n")[0] if never else text.rstrip()
            command.help = "\n\n".join([said, *self._refusals(missing)])
            return command

        return Member(f"Not at {self.name}." if never else member.help, load)

    def _refusals(self, missing: Sequence[tuple[Capability, str, str]]) -> list[str]:
        whole = [part for part in missing if not part[1]]
        told = [part for part in missing if part[1] not in RARE or part[0] in self._gateway.instead]
        return [
            f"{self.name} cannot {what}. {self._gateway.instead.get(capability, '')}".rstrip()
            for capability, _, what in whole or told
        ]


def _parts(name: str) -> Sequence[tuple[Capability, str, str]]:
    listing = next((one for one in Capability if one == f"list_{name}"), None)
    return ((listing, "", f"list {name}"),) if listing else PARTS.get(name, ())


def _verbs(gateway: type[Gateway]) -> str:
    """The verbs that this gateway can, as a sentence."""
    own = [name for name in ("refund", "void", "cancel", "resend") if _able(gateway, name)]
    *first, last = ["show", "list", *own]
    return f"{', '.join(first)} and {last}".capitalize()


def _able(gateway: type[Gateway], command: str) -> bool:
    """Whether the gateway can the command, or one of its forms where it has several."""
    parts = PARTS[command]
    needed = {part[0] for part in parts if not part[1]} or {part[0] for part in parts}
    return not needed.isdisjoint(gateway.capabilities)


def command_group(entry: registry.Entry) -> Any:
    """The group of the gateway `entry`. Raises `ConfigError` naming the package when it is broken."""
    gateway = registry.load(entry)
    when = "--at-period-end" if Capability.CANCEL_AT_PERIOD_END in gateway.capabilities else "--now"
    return GatewayGroup(
        gateway=gateway,
        name=entry.name,
        help=f"""{_verbs(gateway)} at {entry.name}.

    \b
    Examples:
      billctl {entry.name} charges --since 7d
      billctl {entry.name} refund CHARGE --amount 12.50 --reason "charged twice"
      billctl {entry.name} cancel SUBSCRIPTION {when} --reason "moving away"
    """,
        rich_markup_mode=None,
    )
