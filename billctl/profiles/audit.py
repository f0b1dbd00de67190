"""The `[audit]` table: where the log's head is anchored, how strictly, and how long records are kept."""

from billctl.frozen import frozen
from billctl.profiles.faults import Faults
from billctl.profiles.values import Table, note_type, note_unknown_keys
from billctl.profiles.words import KeyPath

LEAST_RETENTION = 12
"""Months (PCI DSS 10.5.1)."""

MOST_ANCHORS = 8

EXAMPLES = {
    "anchors": 'anchors = ["git:/var/lib/billctl-anchor", "syslog"]',
    "anchor_hours": "anchor_hours = 24",
    "fail_closed": "fail_closed = false",
    "reads": "reads = false",
    "retention_months": f"retention_months = {LEAST_RETENTION}",
}
"""How each key is written; the keys are the ones the table may have."""

NUMBERS = {
    "anchor_hours": (1, 24 * 366, "must be from 1 hour to 8784, a year"),
    "retention_months": (
        LEAST_RETENTION,
        1200,
        f"must be from {LEAST_RETENTION} months to 1200: PCI DSS 10.5.1 demands twelve",
    ),
}
"""Key → least, most, and what to say of any other number."""


@frozen
class AuditSettings:
    """What a profile says about the audit log.

    `anchors` are specifications as `billctl.audit.anchors` reads them. `anchor_hours` is how old the
    last anchoring may become before an action renews it; with `fail_closed` nothing is sent where
    that fails. `reads` records lookups too. `retention_months` is never below 12.
    """

    anchors: tuple[str, ...] = ()
    anchor_hours: int = 24
    fail_closed: bool = False
    reads: bool = False
    retention_months: int = LEAST_RETENTION


def audit_settings(data: Table, faults: Faults) -> AuditSettings:
    """What the `[audit]` table of the profile `data` says; to be used only if `faults` stays empty."""
    table = data.get("audit", {})
    if not isinstance(table, dict):
        note_type(("audit",), table, "a table", "Write it as [audit].", faults)
        return AuditSettings()
    note_unknown_keys(table, ("audit",), EXAMPLES, faults)
    anchors = _anchors(table, faults)
    fail_closed = _flag(table, "fail_closed", faults)
    if fail_closed and not table.get("anchors"):
        what = "demands an anchor, and there is none"
        faults.add(("audit", "fail_closed"), what, f"Write {EXAMPLES['anchors']}.")
    return AuditSettings(
        anchors=anchors,
        anchor_hours=_number(table, "anchor_hours", AuditSettings().anchor_hours, faults),
        fail_closed=fail_closed,
        reads=_flag(table, "reads", faults),
        retention_months=_number(table, "retention_months", LEAST_RETENTION, faults),
    )


def _flag(table: Table, key: str, faults: Faults) -> bool:
    value = table.get(key, False)
    if isinstance(value, bool):
        return value
    note_type(("audit", key), value, "true or false", f"Write {EXAMPLES[key]}.", faults)
    return False


def _number(table: Table, key: str, default: int, faults: Faults) -> int:
    value = table.get(key, default)
    least, most, wrong = NUMBERS[key]
    if isinstance(value, bool) or not isinstance(value, int):
        note_type(("audit", key), value, "a whole number", f"Write {EXAMPLES[key]}.", faults)
    elif not least <= value <= most:
        faults.add(("audit", key), wrong, f"Write {EXAMPLES[key]}.")
    else:
        return value
    return default


def _anchors(table: Table, faults: Faults) -> tuple[str, ...]:
    value = table.get("anchors", [])
    path: KeyPath = ("audit", "anchors")
    if not isinstance(value, list):
        note_type(path, value, "a list of strings", f"Write {EXAMPLES['anchors']}.", faults)
        return ()
    if len(value) > MOST_ANCHORS:
        faults.add(path, f"names more than {MOST_ANCHORS} anchors", "Take some out.")
    for number, text in enumerate(value):
        _note_anchor(text, (*path, number), faults)
        if text in value[:number] and not faults.at((*path, number)):
            faults.add((*path, number), "is there twice", "Take one out.")
    return tuple(text for text in value if isinstance(text, str))


def _note_anchor(text: object, path: KeyPath, faults: Faults) -> None:
    from billctl.audit.anchors.spec import BadSpec, parse

    if not isinstance(text, str):
        note_type(path, text, "a string", f"Write {EXAMPLES['anchors']}.", faults)
        return
    try:
        parse(text)
    except BadSpec as bad:
        faults.add(path, bad.message, bad.hint)
