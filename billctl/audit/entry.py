"""Reading records: a typed view of a record's text."""

import json
from datetime import datetime
from typing import Any

from billctl.audit.chain import TAIL
from billctl.audit.private import merge
from billctl.errors import StoreError
from billctl.frozen import frozen
from billctl.money import Money
from billctl.store.interface import StoredRecord


@frozen
class Entry:
    """One record with its private part. What it does not say is None; `fields` is all that it says.

    `phase` is `intent`, `outcome`, `followup`, `denied`, `note` or `created`; `login` the operating
    system's word, `claimed` the operator's own; `time` an aware UTC datetime. Where the private part was
    purged, `purged` is true, in `fields` too: customer, reason and what else may name a person are None.
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
    purged: bool = False

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


def read(record: StoredRecord) -> Entry:
    """The view of a record. Raises `StoreError` for a text that is no record of billctl's."""
    try:
        fields = json.loads(record.body)
        purged = record.private is None and fields.get(TAIL) is not None
        if record.private is not None:
            fields = merge(fields, record.private)
        elif purged:
            fields["purged"] = True
        amount = fields.get("amount")
        actor = fields.get("actor") or {}
        return Entry(
            **{name: fields.get(name) for name in _COPIED},
            time=datetime.fromisoformat(fields["time"]),
            amount=Money(amount["minor"], amount["currency"]) if amount else None,
            login=actor.get("login"),
            claimed=actor.get("claimed"),
            fields=fields,
            purged=purged,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(
            f"a record of the audit log cannot be read ({type(error).__name__})",
            code="record_unreadable",
            hint="Run `billctl audit verify`.",
        ) from error
