"""The SQLite schema as numbered migrations, and the form of the instants it compares.

What is filtered by is a generated column over the record's own text, so that a filter can never
disagree with the bytes that were hashed. The table `private` holds the personal part of a record, which
alone can be deleted, and only while the last record is that of a purge which names it. `record_filter`
holds the columns of low variety beside the number, so that a rare combination of them is found by reading
a narrow index, newest first.
"""

from datetime import UTC, datetime

APPLICATION_ID = 0x62696C6C
"""`bill` in ASCII: tells a billctl store from another program's SQLite file."""

Migration = tuple[str, ...]
"""Statements that run in one transaction."""

FILTERED = {
    "operation": "$.operation",
    "customer": "$.customer",
    "object_id": "$.object_id",
    "time": "$.time",
    "action": "$.action",
    "outcome": "$.outcome",
    "account": "$.account",
    "login": "$.actor.login",
    "claimed": "$.actor.claimed",
}
"""Generated columns and the place in a record's text that each shows."""

PURGE = "audit purge"
"""The action of a record that says which private parts were purged (`result.ranges`)."""

PRIVATE_SINCE = 2
"""The schema's version from which records have private parts."""

UNSETTLED_SQL = "state IN ('open', 'unknown')"
ACTIVE_SQL = "state IN ('open', 'unknown', 'done')"

_GENERATED = ",\n    ".join(
    f"{name} TEXT GENERATED ALWAYS AS (json_extract(body, '{path}')) VIRTUAL"
    for name, path in FILTERED.items()
)

_FIRST: Migration = (
    f"""CREATE TABLE record (
    seq INTEGER PRIMARY KEY CHECK (seq > 0),
    hash TEXT NOT NULL CHECK (length(hash) = 64),
    body TEXT NOT NULL CHECK (json_extract(body, '$.seq') = seq),
    {_GENERATED}
) STRICT""",
    "CREATE INDEX record_operation ON record (operation) WHERE operation IS NOT NULL",
    "CREATE INDEX record_customer ON record (customer) WHERE customer IS NOT NULL",
    "CREATE INDEX record_object ON record (object_id) WHERE object_id IS NOT NULL",
    "CREATE INDEX record_filter ON record (seq, time, action, outcome, account, login, claimed)",
    # REPLACE deletes the old row without firing a DELETE trigger: a record that is not the next is refused.
    """CREATE TRIGGER record_insert BEFORE INSERT ON record
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM record)
  OR json_extract(NEW.body, '$.prev') IS NOT
     coalesce((SELECT hash FROM record WHERE seq = NEW.seq - 1), printf('%064d', 0))
BEGIN SELECT RAISE(ABORT, 'a record is only ever appended'); END""",
    """CREATE TRIGGER record_update BEFORE UPDATE ON record
BEGIN SELECT RAISE(ABORT, 'a record is never changed'); END""",
    """CREATE TRIGGER record_delete BEFORE DELETE ON record
BEGIN SELECT RAISE(ABORT, 'a record is never deleted'); END""",
    """CREATE TABLE operation (
    intent_seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    object TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'unknown', 'done', 'refused', 'not_sent')),
    outcome_seq INTEGER CHECK (outcome_seq > intent_seq),
    CHECK ((state = 'open') = (outcome_seq IS NULL))
) STRICT""",
    f"CREATE UNIQUE INDEX operation_object ON operation (object) WHERE {UNSETTLED_SQL}",
    f"CREATE UNIQUE INDEX operation_key ON operation (key) WHERE {ACTIVE_SQL}",
    f"CREATE INDEX operation_unsettled ON operation (intent_seq) WHERE {UNSETTLED_SQL}",
    "CREATE INDEX operation_outcome ON operation (outcome_seq, intent_seq) WHERE outcome_seq IS NOT NULL",
    f"""CREATE TRIGGER operation_insert BEFORE INSERT ON operation
WHEN NEW.state <> 'open'
  OR EXISTS (SELECT 1 FROM operation WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM operation WHERE object = NEW.object AND {UNSETTLED_SQL})
  OR EXISTS (SELECT 1 FROM operation WHERE key = NEW.key AND {ACTIVE_SQL})
  OR EXISTS (SELECT 1 FROM operation WHERE intent_seq = NEW.intent_seq)
BEGIN SELECT RAISE(ABORT, 'an operation is opened once'); END""",  # noqa: S608 - our own constants
    """CREATE TRIGGER operation_update BEFORE UPDATE ON operation
WHEN OLD.state NOT IN ('open', 'unknown') OR NEW.outcome_seq IS NULL
  OR NEW.outcome_seq <= coalesce(OLD.outcome_seq, 0)
  OR NEW.id <> OLD.id OR NEW.key <> OLD.key OR NEW.object <> OLD.object OR NEW.intent_seq <> OLD.intent_seq
  OR EXISTS (SELECT 1 FROM operation WHERE outcome_seq = NEW.outcome_seq)
BEGIN SELECT RAISE(ABORT, 'only an unsettled operation gets an outcome'); END""",
    """CREATE TRIGGER operation_delete BEFORE DELETE ON operation
BEGIN SELECT RAISE(ABORT, 'an operation is never deleted'); END""",
)

_SECOND: Migration = (
    """CREATE TABLE private (
    seq INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    customer TEXT GENERATED ALWAYS AS (json_extract(body, '$.customer')) VIRTUAL
) STRICT""",
    "CREATE INDEX private_customer ON private (customer) WHERE customer IS NOT NULL",
    """CREATE TRIGGER private_insert BEFORE INSERT ON private
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) FROM record)
  OR (SELECT json_extract(body, '$.private') FROM record WHERE seq = NEW.seq) IS NULL
  OR EXISTS (SELECT 1 FROM private WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'a private part is only ever appended with its record'); END""",
    """CREATE TRIGGER private_update BEFORE UPDATE ON private
BEGIN SELECT RAISE(ABORT, 'a private part is never changed'); END""",
    # In the transaction of a purge its record is the last.
    """CREATE TRIGGER private_delete BEFORE DELETE ON private
WHEN NOT EXISTS (
    SELECT 1 FROM record, json_each(record.body, '$.result.ranges') AS range
    WHERE record.seq = (SELECT max(seq) FROM record) AND record.action = 'audit purge'
      AND OLD.seq < record.seq
      AND OLD.seq BETWEEN json_extract(range.value, '$[0]') AND json_extract(range.value, '$[1]')
)
BEGIN SELECT RAISE(ABORT, 'a private part is only purged under a record that says so'); END""",
)

MIGRATIONS: tuple[Migration, ...] = (_FIRST, _SECOND)
"""Migration N brings a store from `user_version` N - 1 to N. A released one is never changed."""

VERSION = len(MIGRATIONS)


def instant(moment: datetime) -> str:
    """`2026-11-21T14:02:00.000000Z`: UTC with six decimals always, so that text order is time order.

    A naive datetime raises `ValueError`.
    """
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
