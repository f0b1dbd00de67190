"""`billctl audit`: who did what, why, and what became of it; and whether the record is whole."""

from collections.abc import Mapping

from billctl.cli.lazy import LazyGroup, Member, from_module, new_app

COMMANDS: Mapping[str, tuple[str, str]] = {
    "list": ("billctl.cli.audit_list", "List what was done, newest first."),
    "show": ("billctl.cli.audit_show", "Show one operation or one record in full."),
    "verify": ("billctl.cli.audit_verify", "Prove the log from its bytes."),
    "anchor": ("billctl.cli.audit_anchor", "Keep the head of the log elsewhere."),
    "export": ("billctl.cli.audit_export", "Export the log as a file that proves itself."),
    "report": ("billctl.cli.audit_report", "Count what was done, with totals per currency."),
    "purge": ("billctl.cli.audit_purge", "Remove what old records say of persons."),
    "reconcile": ("billctl.cli.audit_reconcile", "Settle unknown outcomes by asking the gateways."),
    "resolve": ("billctl.cli.audit_resolve", "Say what became of what no gateway can tell."),
}


class AuditGroup(LazyGroup):
    """The commands of the audit log, each imported when it is entered."""

    def members(self) -> Mapping[str, Member]:
        return {name: from_module(module, text) for name, (module, text) in COMMANDS.items()}


app = new_app(
    """Who did what, why, and what became of it.

    \b
    Examples:
      billctl audit list --since 1d
      billctl audit show op_01KAMZ5Z2Q9X1V6H0N3T8R4W7C
      billctl audit verify
    """,
    group=AuditGroup,
)


@app.callback()
def audit() -> None:
    """The group has no options of its own."""
