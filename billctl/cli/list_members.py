"""The list commands as members of a group: one for each kind of record, loaded when entered."""

from collections.abc import Mapping
from typing import Any

from billctl.cli.lazy import Member

LISTS = ("customers", "charges", "refunds", "subscriptions", "invoices", "disputes")


def list_members(*, across: bool) -> Mapping[str, Member]:
    """The lists of one gateway, or (`across`) of all accounts of the profile."""
    return {kind: _member(kind, across=across) for kind in LISTS}


def _member(kind: str, *, across: bool) -> Member:
    def load() -> Any:
        from billctl.cli import lists

        return lists.command(kind, across=across)

    return Member(f"List {kind} of every account." if across else f"List {kind}.", load)
