"""What the log says of every action, denial and note; and what it never says."""

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billctl.audit.actor import Actor, Origin, current_actor
from billctl.audit.chain import seal
from billctl.audit.entry import read
from billctl.audit.log import CROCKFORD, OUTCOMES, AuditLog, OutcomeNotRecorded, Subject, new_operation_id
from billctl.audit.tail import check_tail
from billctl.audit.verify import verify
from billctl.errors import (
    ApprovalRequired,
    AuthFailed,
    BillctlError,
    Busy,
    NotSent,
    PolicyDenied,
    Refused,
    StoreError,
    UsageError,
)
from billctl.frozen import replace
from billctl.money import Money
from billctl.store.interface import OperationState, RecordFilter, StoredRecord
from billctl.store.schema import instant
from billctl.store.sqlite import SqliteStore, open_store
from tests.unit.test_audit_verify import tamper

NOON = datetime(2026, 11, 21, 12, 0, 0, 250, tzinfo=UTC)
CARD = "4242 4242 4242 4242"
KEY = "sk_live_51Abcdefghijklmnop"
ACTOR = Actor(
    uid=1000,
    login="layla",
    host="billing-1",
    origin=Origin.TERMINAL,
    tty="/dev/pts/1",
    sudo_uid=1001,
    sudo_user="amir",
    claimed="layla@example.com",
)


def subject(
    reason: str = "charged twice", reason_code: str = "duplicate", ticket: str = "zendesk:7"
) -> Subject:
    """A refund of 12.50 USD, with these texts."""
    return Subject(
        action="refund",
        gateway="stripe",
        account="eu",
        account_id="acct_1",
        live=True,
        object_type="charge",
        object_id="ch_1",
        object="stripe|acct_1|ch_1",
        customer="cus_1",
        amount=Money(1250, "USD"),
        reason=reason,
        reason_code=reason_code,
        ticket=ticket,
        again=2,
    )


SUBJECT = subject()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path / "state" / "audit.db")
    yield store
    store.close()


def log(store: SqliteStore, argv: Sequence[str] = ("billctl", "stripe", "refund")) -> AuditLog:
    return AuditLog(
        store,
        actor=ACTOR,
        profile="shop",
        mode="live",
        clock=lambda: NOON,
        source="cli",
        argv=argv,
        randbytes=bytes,
    )


def fields(store: SqliteStore, seq: int) -> dict[str, Any]:
    return read(recorded(store, seq)).fields


def test_the_first_record_says_that_the_log_was_created(store: SqliteStore) -> None:
    assert log(store).note("auth add", account="eu") == 2
    created = fields(store, 1)
    assert created["phase"] == "created"
    assert created["log_id"] == "00" * 16
    assert created["version"]
    assert log(store).note("auth remove", account="eu") == 3


def test_two_runs_that_both_find_an_empty_log_create_it_once(store: SqliteStore) -> None:
    first, second = log(store), log(store)
    looks = iter([0, 0])
    real = store.head
    first.note("auth add")

    class Late:
        """The store as the second run saw it: still empty when it looked."""

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def head(self) -> Any:
            from billctl.audit.chain import EMPTY

            return EMPTY if next(looks, None) == 0 else real()

    second._store = Late()
    second.note("auth add")
    assert [read(record).phase for record in store.records(RecordFilter())] == ["created", "note", "note"]


def test_an_intent_answers_who_what_why_when_and_where(store: SqliteStore) -> None:
    seq = log(store).intent(SUBJECT, operation="op_1", key="k" * 32, before={"refunded": Money(0, "USD")})
    found = fields(store, seq)
    assert {name: found[name] for name in found if name not in ("prev", "seq")} == {
        "phase": "intent",
        "operation": "op_1",
        "key": "k" * 32,
        "object": "stripe|acct_1|ch_1",
        "params": {},
        "time": "2026-11-21T12:00:00.000250Z",
        "action": "refund",
        "gateway": "stripe",
        "account": "eu",
        "account_id": "acct_1",
        "live": True,
        "object_type": "charge",
        "object_id": "ch_1",
        "customer": "cus_1",
        "amount": {"amount": "12.50", "minor": 1250, "currency": "USD"},
        "reason": "charged twice",
        "reason_code": "duplicate",
        "ticket": "zendesk:7",
        "again": 2,
        "before": {"refunded": {"amount": "0.00", "minor": 0, "currency": "USD"}},
        "actor": {
            "uid": 1000,
            "login": "layla",
            "host": "billing-1",
            "origin": "terminal",
            "tty": "/dev/pts/1",
            "sudo_uid": 1001,
            "sudo_user": "amir",
            "claimed": "layla@example.com",
        },
        "profile": "shop",
        "mode": "live",
        "source": "cli",
        "argv": ["billctl", "stripe", "refund"],
        "version": found["version"],
        "format": 2,
    }


def test_an_outcome_says_what_became_of_it_and_settles_the_operation(store: SqliteStore) -> None:
    audit = log(store)
    audit.intent(SUBJECT, operation="op_1", key="k")
    seq = audit.outcome(
        SUBJECT,
        operation="op_1",
        state=OperationState.DONE,
        outcome="succeeded",
        result={"id": "re_1", "amount": Money(1250, "USD")},
        after={"refunded": Money(1250, "USD")},
        request_id="req_1",
    )
    entry = read(recorded(store, seq))
    assert (entry.phase, entry.outcome, entry.state) == ("outcome", "succeeded", "done")
    assert entry.fields["result"]["id"] == "re_1"
    assert entry.fields["request_id"] == "req_1"
    assert (entry.customer, entry.ref, entry.amount) == ("cus_1", "eu:ch_1", Money(1250, "USD"))
    assert (entry.login, entry.claimed, entry.operator) == ("layla", "layla@example.com", "layla@example.com")
    assert entry.time == NOON
    found = store.get_operation("op_1")
    assert found
    assert (found.state, found.outcome) == (OperationState.DONE, seq)
    assert verify(store.path).ok


def recorded(store: SqliteStore, seq: int) -> StoredRecord:
    record = store.record(seq)
    assert record
    return record


def test_an_intent_that_is_in_the_way_is_busy_and_not_recorded(store: SqliteStore) -> None:
    audit = log(store)
    audit.intent(SUBJECT, operation="op_1", key="k")
    with pytest.raises(Busy, match="op_1"):
        audit.intent(SUBJECT, operation="op_2", key="another")
    assert store.head().seq == 2


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (PolicyDenied("more than 200.00"), "denied"),
        (UsageError("no reason"), "denied"),
        (Busy("held"), "denied"),
        (Refused("already refunded", code="charge_already_refunded"), "refused"),
        (ApprovalRequired("waits"), "approval_required"),
        (AuthFailed("wrong key"), "not_sent"),
        (NotSent("no route"), "not_sent"),
        (KeyError("bug"), "not_sent"),
    ],
)
def test_every_failed_attempt_is_a_record(store: SqliteStore, error: Exception, outcome: str) -> None:
    entry = read(recorded(store, log(store).denied(SUBJECT, error=error)))
    assert (entry.phase, entry.outcome, entry.reason) == ("denied", outcome, "charged twice")
    assert entry.error
    if isinstance(error, BillctlError):
        assert entry.error == {"class": error.word, "code": error.code, "message": error.message}
    assert store.unsettled() == []


def test_an_outcome_that_cannot_be_written_is_told_with_what_it_was(store: SqliteStore) -> None:
    audit = log(store)
    audit.intent(SUBJECT, operation="op_1", key="k")
    store.close()
    with pytest.raises(OutcomeNotRecorded, match="op_1 is succeeded") as caught:
        audit.outcome(SUBJECT, operation="op_1", state=OperationState.DONE, outcome="succeeded")
    assert isinstance(caught.value, StoreError)
    assert "Nothing was sent" not in caught.value.line()
    assert "reconcile" in caught.value.line()


def test_only_the_contracts_outcomes_are_written(store: SqliteStore) -> None:
    assert "already_done" in OUTCOMES
    with pytest.raises(ValueError, match="fine"):
        log(store).note("auth add", outcome="fine")


@pytest.mark.parametrize("secret", [CARD, KEY, CARD.replace(" ", "-"), CARD.replace(" ", "")])
def test_no_card_number_and_no_key_gets_into_the_log(store: SqliteStore, secret: str) -> None:
    audit = log(store, argv=["billctl", "lookup", secret, f"--reason=paid with {secret}"])
    tainted = subject(reason=f"card {secret}", ticket=secret, reason_code=secret)
    text = {"description": [f"card {secret}", {"note": secret}]}
    audit.intent(tainted, operation="op_1", key="k", before=text)
    audit.outcome(
        tainted,
        operation="op_1",
        state=OperationState.REFUSED,
        outcome="refused",
        result=text,
        after=text,
        error=Refused(f"no: {secret}", code=secret),
    )
    audit.denied(tainted, error=ValueError(secret))
    audit.note("auth add", reason=secret, result=text, error=RuntimeError(secret))
    texts = "\n".join(f"{record.body}\n{record.private}" for record in store.records(RecordFilter()))
    assert secret not in texts
    assert "4242424242" not in texts
    assert store.head().seq == 5


def test_a_card_number_spread_over_several_words_is_masked(store: SqliteStore) -> None:
    seq = log(store, argv=["billctl", "lookup", *CARD.split(), "x"]).note("looked")
    assert fields(store, seq)["argv"] == ["billctl", "lookup", "****", "****", "****", "4242", "x"]


def test_an_id_that_may_belong_to_nothing_and_what_was_chosen_are_masked(store: SqliteStore) -> None:
    number = CARD.replace(" ", "")
    tainted = replace(
        SUBJECT, object_id=number, object=f"stripe|acct|{number}", params={"to": f"{number}@x.org"}
    )
    log(store).denied(tainted, error=UsageError("no such charge"))
    log(store).intent(replace(SUBJECT, params=tainted.params), operation="op_1", key="k")
    assert number not in "".join(f"{r.body}{r.private}" for r in store.records(RecordFilter()))


def test_hashes_are_kept_as_they_are(store: SqliteStore) -> None:
    digest = "4242424242424242" * 4
    assert fields(store, log(store).note("approve", result={"plan_hash": digest}))["result"] == {
        "plan_hash": digest
    }


def test_ids_are_kept_as_they_are(store: SqliteStore) -> None:
    number = "4242424242424242"
    seq = log(store).note(
        "looked", object_type="order", object_id=number, result={"id": number, "text": number}
    )
    assert fields(store, seq)["object_id"] == number
    assert fields(store, seq)["result"] == {"id": number, "text": "************4242"}


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"time": "yesterday"}', '{"time": 5}', "\udcff"])
def test_a_text_that_is_no_record_is_a_store_error(body: str) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        read(StoredRecord(seq=1, hash="", body=body))


def test_operation_ids_sort_by_time_and_keep_their_form() -> None:
    moments = [NOON + timedelta(milliseconds=step) for step in range(3)]
    ids = [new_operation_id(lambda moment=moment: moment, os.urandom) for moment in moments]  # type: ignore[misc]
    assert ids == sorted(ids)
    assert len(set(ids)) == 3
    assert all(len(name) == 29 and set(name[3:]) <= set(CROCKFORD) for name in ids)


def test_an_operation_id_is_the_ulid_of_its_time_and_its_random_bytes() -> None:
    # The example of github.com/ulid/spec: this time part stands for this millisecond.
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=1469918176385)
    assert new_operation_id(lambda: moment, bytes) == "op_01ARYZ6S41" + "0" * 16
    assert new_operation_id(lambda: moment, lambda n: b"\xff" * n) == "op_01ARYZ6S41" + "Z" * 16


# Who acts.


def test_the_login_comes_from_the_password_database_not_from_the_environment() -> None:
    import pwd

    actor = current_actor({"USER": "somebody", "LOGNAME": "somebody", "USERNAME": "somebody"})
    assert actor.login == pwd.getpwuid(os.getuid()).pw_name
    assert actor.uid == os.getuid()
    assert actor.host == os.uname().nodename


def test_a_user_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)
    assert current_actor({}).login == "#3999999999"


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, (None, None, None)),
        ({"SUDO_UID": "1000", "SUDO_USER": "amir"}, (1000, "amir", None)),
        ({"SUDO_UID": "١٠", "SUDO_USER": ""}, (None, None, None)),
        ({"BILLCTL_OPERATOR": "  layla@example.com "}, (None, None, "layla@example.com")),
        ({"BILLCTL_OPERATOR": " "}, (None, None, None)),
    ],
)
def test_claims_stand_beside_the_login(env: dict[str, str], expected: tuple[object, ...]) -> None:
    actor = current_actor(env)
    assert (actor.sudo_uid, actor.sudo_user, actor.claimed) == expected


def test_a_terminal_is_named_and_ci_says_so() -> None:
    import pty
    import subprocess
    import sys

    script = """import os; from billctl.audit.actor import current_actor
actor = current_actor(os.environ); print(actor.origin, actor.tty)"""
    main, end = pty.openpty()
    try:
        name = os.ttyname(end)
        for ci, origin in (("", "terminal"), ("true", "ci")):
            done = subprocess.run(
                [sys.executable, "-c", script],
                stdin=end,
                capture_output=True,
                text=True,
                check=True,
                env=os.environ | {"CI": ci},
            )
            assert done.stdout.split() == [origin, name]
    finally:
        os.close(main)
        os.close(end)


def test_without_a_terminal_a_run_is_a_pipe_or_a_service() -> None:
    import subprocess
    import sys

    script = (
        "import os; from billctl.audit.actor import current_actor; print(current_actor(os.environ).origin)"
    )
    base = {name: value for name, value in os.environ.items() if name not in ("CI", "INVOCATION_ID")}
    for env, origin in ((base, "pipe"), (base | {"INVOCATION_ID": "ab"}, "service")):
        done = subprocess.run(
            [sys.executable, "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            env=env,
            start_new_session=True,
        )
        assert done.stdout.strip() == origin


def test_a_run_below_cron_says_so(tmp_path: Path) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("there is no /proc here")
    import shutil
    import subprocess
    import sys

    # A program of that name, started as cron starts its jobs: through a shell, without a terminal.
    cron = tmp_path / "cron"
    shutil.copy("/bin/sh", cron)
    script = (
        "import os; from billctl.audit.actor import current_actor; print(current_actor(os.environ).origin)"
    )
    env = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        [cron, "-c", f"{sys.executable} -c '{script}'; :"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        env=env,
    )
    assert done.stdout.strip() == "cron"


# The last records, looked at before each action.


def test_a_tail_whose_private_parts_are_whole_or_purged_is_whole(store: SqliteStore) -> None:
    audit = log(store)
    check_tail(store)
    for _ in range(3):
        audit.note("looked", reason="why")
    check_tail(store)
    audit.purge(((2, 3),), before=NOON, customer=None, account=None, reason="yearly")
    check_tail(store)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            "UPDATE private SET body = replace(body, 'why', 'way') WHERE seq = 4",
            "4: its private part was changed",
        ),
        ("DELETE FROM private WHERE seq = 4", "4: its private part is missing"),
        ("INSERT INTO private (seq, body) VALUES (6, '{}')", "6: its private part was changed"),
        ("UPDATE record SET body = replace(body, 'looked', 'locked') WHERE seq = 2", "2: it was changed"),
    ],
)
def test_a_tail_whose_private_parts_are_not_whole_stops_everything(
    store: SqliteStore, change: str, why: str
) -> None:
    audit = log(store)
    for _ in range(3):
        audit.note("looked", reason="why")
    audit.purge(((2, 3),), before=NOON, customer=None, account=None, reason="yearly")
    store.append(lambda seq, prev: seal(seq, prev, {"phase": "note", "time": instant(NOON)}))
    tamper(store.path, change)
    with pytest.raises(StoreError, match=why):
        check_tail(store)


def test_a_record_is_json_that_any_program_reads(store: SqliteStore) -> None:
    seq = log(store).intent(SUBJECT, operation="op_1", key="k")
    assert json.loads(recorded(store, seq).body)["amount"]["minor"] == 1250
