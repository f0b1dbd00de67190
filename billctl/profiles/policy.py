"""What a `[policy]` table says once read: what an operator may do alone, and what needs a second person."""

from collections.abc import Mapping

from billctl.frozen import field, frozen

ACTIONS = ("refund", "void", "cancel", "resend", "reactivate", "void-credit")
"""The actions that a rule can name."""

GIVING_BACK = frozenset({"refund", "cancel"})
"""The actions whose amount, where they have one, is money for the customer: what limits for refunds bind."""

Limits = Mapping[str, int]
"""Currency → minor units (ISO 4217)."""


@frozen
class Policy:
    """One file's rules; None, or empty, where it has no such rule.

    `source` is how a refusal names it (`policy shop`, a path). Amounts are in minor units by currency.
    `max_refund` and `max_void` bind every currency: one that they do not name has no limit to be under.
    Limits for refunds bind cancellations that give money back too, by the most that these may give.
    `daily_refund_total` and `approve_above` bind only the currencies they name. A day is the last 24
    hours. `require_ticket` is a pattern of `billctl.profiles.pattern`. `unattended` are the actions
    allowed without a terminal (None: all). `approvers` are logins, or `group:NAME` (None: anyone but
    who asked).
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
    canary: int | None = None
    """Rows of a live batch after which somebody looks before it goes on; 0: nobody has to."""
