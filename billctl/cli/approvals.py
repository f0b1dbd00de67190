"""`billctl approvals`: what waits for a second person, and his yes or no."""

from collections.abc import Mapping

from billctl.cli.lazy import LazyGroup, Member, from_module, new_app

COMMANDS: Mapping[str, tuple[str, str]] = {
    "list": ("billctl.cli.approvals_list", "List what waits for a second person."),
    "show": ("billctl.cli.approvals_show", "Show one request in full."),
    "approve": ("billctl.cli.approvals_approve", "Let another user's request pass, once."),
    "deny": ("billctl.cli.approvals_deny", "Refuse another user's request."),
}


class ApprovalsGroup(LazyGroup):
    """The commands of approvals, each imported when it is entered."""

    def members(self) -> Mapping[str, Member]:
        return {name: from_module(module, text) for name, (module, text) in COMMANDS.items()}


app = new_app(
    """What waits for a second person, and his yes or no.

    \b
    Examples:
      billctl approvals list
      billctl approvals show apr_01KAMZ5Z2Q9X1V6H0N3T8R4W7C
      billctl approvals approve apr_01KAMZ5Z2Q9X1V6H0N3T8R4W7C --reason "checked"

    What this enforces and what not: `billctl help approvals`.
    """,
    group=ApprovalsGroup,
)


@app.callback()
def approvals() -> None:
    """The group has no options of its own."""
