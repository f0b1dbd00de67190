"""The `[policy]` table: what an operator may do by himself, and what needs a second person."""

from collections.abc import Mapping

from billctl.frozen import field, frozen

Limits = Mapping[str, int]
"""Currency → minor units (ISO 4217)."""


@frozen
class Policy:
    """One policy file's or profile's rules; None, or empty, where it has no such rule.

    `source` is how a refusal names it (`policy shop`, a path). Amounts are in minor units by currency.
    A table of `max_refund` or `max_void` also says which currencies are allowed at all; the tables of
    a day's total and of approvals bind only the currencies they name. A day is the last 24 hours.
    `tickets` are patterns that must all match. `unattended` are the actions allowed without a terminal
    (None: all). `approvers` are logins, or `group:NAME` (None: anyone but who asked).
    """

    source: str
    max_refund: Limits | None = None
    max_void: Limits | None = None
    daily_refund_total: Limits | None = None
    daily_actions: Mapping[str, int] = field(default_factory=dict)
    """Action → how many of it in a day for one operator."""
    approve_above: Limits | None = None
    currencies: tuple[str, ...] | None = None
    max_charge_age_days: int | None = None
    require_ticket: str | None = None
    reason_codes: tuple[str, ...] | None = None
    deny_when_disputed: bool = False
    unattended: tuple[str, ...] | None = None
    approvers: tuple[str, ...] | None = None
    approvals_dir: str | None = None
    """The folder that requests and decisions are exchanged through; None is the state folder's own."""
    approval_hours: int | None = None
    """Hours until a request, and an approval, expires."""
