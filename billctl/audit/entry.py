"""Reading records: a typed view of a record's text."""

import json
from datetime import datetime
from typing import Any

from billctl.errors import StoreError
from billctl.frozen import frozen
from billctl.money import Money
from billctl.store.interface import StoredRecord


@frozen
class Entry:
    """One record. What a record does not say is None; `fields` is all that it says.

    `phase` is `intent`, `outcome`, `denied`, `note` or `created`; `login` the operating system's word,
    `claimed` the operator's own; `time` an aware UTC datetime.
    """

    seq: int
    time: datetime
    phase: str
    action: str | None
    outcome: str | None
    operation: str | None
    state: str | None
    gateway: str | None
    account: str | None
    account_id: str | None
    live: bool | None
    object_type: str | None
    object_id: str | None
    customer: str | None
    amount: Money | None
    reason: str | None
    reason_code: str | None
    ticket: str | None
    login: str | None
    claimed: str | None
    error: dict[str, str] | None
    fields: dict[str, Any]

    @property
    def ref(self) -> str | None:
        """`ACCOUNT:ID` of the object acted on."""
        return f"{self.account}:{self.object_id}" if self.account and self.object_id else None

    @property
    def operator(self) -> str | None:
        """The claimed name where there is one, else the login."""
        return self.claimed or self.login


_COPIED = (
    *("seq", "phase", "action", "outcome", "operation", "state", "gateway", "account", "account_id", "live"),
    *("object_type", "object_id", "customer", "reason", "reason_code", "ticket", "error"),
)


def read(record: StoredRecord | str) -> Entry:
    """The view of a record, or of its text. Raises `StoreError` for a text that is no record of billctl's."""
    body = record if isinstance(record, str) else record.body
    try:
        fields = json.loads(body)
        amount = fields.get("amount")
        actor = fields.get("actor") or {}
        return Entry(
            **{name: fields.get(name) for name in _COPIED},
            time=datetime.fromisoformat(fields["time"]),
            amount=Money(amount["minor"], amount["currency"]) if amount else None,
            login=actor.get("login"),
            claimed=actor.get("claimed"),
            fields=fields,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(
            f"a record of the audit log cannot be read ({type(error).__name__})",
            code="record_unreadable",
            hint="Run `billctl audit verify`.",
        ) from error
