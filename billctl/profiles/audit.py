"""The `[audit]` table: where the log's head is anchored, how strictly, and how long records are kept."""

from billctl.frozen import frozen

LEAST_RETENTION = 12
"""Months (PCI DSS 10.5.1)."""


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
