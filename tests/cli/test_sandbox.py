"""`billctl sandbox`: kept up for other programs, begun anew, looked at, spoiled on purpose."""

import http.client
import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from billctl.cli.sandbox_serving import loads
from billctl.errors import UsageError
from billctl.sandbox import KEYS
from billctl.sandbox.limits import Load
from billctl.sandbox.registry import GATEWAYS
from tests.cli.program import PROGRAM, SECONDS, billctl, document, environment
from tests.rehearsal import furnish


def heed_signals() -> None:
    """Undo what `nohup` and some CI runners do to whatever they start: SIGHUP ignored is inherited."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`sandbox serve` on a free port, with the first line it prints."""
    command = [str(PROGRAM), "sandbox", "serve", "--port", "0", *options]
    with subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,  # noqa: PLW1509  # nothing here runs threads
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            if process.poll() is None:
                process.kill()


def get(base_url: str, path: str, key: str) -> tuple[int, Any]:
    address = urlsplit(base_url)
    assert address.hostname
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=SECONDS)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_the_first_line_comes_when_the_gateway_answers_and_names_address_and_key() -> None:
    with serving() as (_, line):
        gateway, base_url, secret, key = line.rstrip("\n").split("\t")[:4]
        assert (gateway, secret) == ("stripe", "api_key")
        status, customers = get(base_url, "/v1/customers?limit=1", key)
        assert status == 200
        assert customers["object"] == "list"
        assert get(base_url, "/v1/customers", "sk_test_wrong")[0] == 401


@pytest.mark.slow
def test_json_is_one_document_and_then_it_stays() -> None:
    with serving("--output", "json") as (process, line):
        gateway = json.loads(line)["data"]["gateways"][0]
        assert get(gateway["base_url"], "/v1/balance", gateway["key"])[0] == 200
        process.terminate()
        rest, _ = process.communicate(timeout=SECONDS)
        assert rest == ""


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_it_ends_when_told_to_with_the_code_of_an_interruption(number: signal.Signals, code: int) -> None:
    with serving() as (process, line):
        address = urlsplit(line.split("\t")[1])
        process.send_signal(number)
        _, talk = process.communicate(timeout=SECONDS)
    assert process.returncode == code
    assert talk.splitlines() == [
        "billctl: the sandbox is up; Ctrl-C takes it down.",
        "billctl: the sandbox is down; its data is kept.",
    ]
    with socket.socket() as probe:
        assert probe.connect_ex((str(address.hostname), address.port)) != 0


@pytest.mark.slow
def test_quiet_says_nothing_but_data() -> None:
    with serving("--quiet", "--gateway", "stripe") as (process, line):
        assert line.startswith("stripe\t")
        process.terminate()
        assert process.communicate(timeout=SECONDS) == ("", "")


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = billctl("sandbox", "serve", "--gateway", "stripe", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr == (
        f"billctl: port {port} on 127.0.0.1 cannot be had: Address already in use. "
        "Nothing was sent. Choose another one, or --port 0 for any free one.\n"
    )


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_what_is_no_port_is_refused(port: str) -> None:
    assert billctl("sandbox", "serve", "--port", port).returncode == 2


def test_a_served_sandbox_and_the_commands_share_one_shop() -> None:
    charge = lookup_charge()
    with serving() as (_, line):
        _, base_url, _, key = line.rstrip("\n").split("\t")[:4]
        assert get(base_url, f"/v1/charges/{charge}", key)[1]["id"] == charge


def lookup_charge() -> str:
    found = document("--profile", "sandbox", "lookup", "layla@example.com")
    charge: str = found["data"]["customers"][0]["charges"][0]["id"]
    return charge


# status and reset


def counts() -> dict[str, int]:
    """Objects of each kind."""
    objects: dict[str, int] = document("sandbox", "status")["data"]["gateways"][0]["objects"]
    return objects


def test_a_sandbox_that_was_never_used_says_so() -> None:
    done = billctl("sandbox", "status", "-o", "table")
    assert done.stdout == "The sandbox has not been used yet.\n"
    assert document("sandbox", "status")["data"] == {"gateways": []}


def test_status_counts_objects_and_names_armed_faults() -> None:
    billctl("sandbox", "fault", "429", "--on", "GET /v1/charges", "--times", "3")
    assert counts()["customer"] >= 40
    table = billctl("sandbox", "status", "-o", "table").stdout
    assert "GET /v1/charges  the next 3 requests" in table
    rows = [row.split("\t") for row in billctl("sandbox", "status").stdout.splitlines()]
    assert {row[1]: int(row[2]) for row in rows} == counts()


def test_reset_begins_anew_and_forgets_faults() -> None:
    billctl("sandbox", "reset", "--yes")
    before = counts()
    charge = lookup_charge()
    refund = ("stripe", "refund", charge, "--amount", "1.00", "--reason", "charged twice", "--yes")
    assert billctl("--profile", "sandbox", *refund).returncode == 0
    billctl("sandbox", "fault", "500-after")
    assert counts()["refund"] == before["refund"] + 1
    assert billctl("sandbox", "reset", "--yes").returncode == 0
    assert counts() == before
    assert document("sandbox", "status")["data"]["gateways"][0]["faults"] == []


def test_reset_without_a_terminal_needs_yes_and_touches_nothing() -> None:
    billctl("sandbox", "fault", "429")
    done = billctl("sandbox", "reset")
    assert done.returncode == 8
    assert "Add --yes" in done.stderr
    assert len(document("sandbox", "status")["data"]["gateways"][0]["faults"]) == 1


def make_garbage() -> None:
    folder = Path(os.environ["BILLCTL_STATE_DIR"]) / "sandbox"
    folder.mkdir(mode=0o700, parents=True)
    (folder / "stripe.sqlite").write_bytes(b"not a database" * 1000)
    folder.parent.chmod(0o700)


@pytest.mark.parametrize("command", [("status",), ("fault", "429"), ("serve", "--port", "0")])
def test_data_that_is_garbage_is_one_line_and_says_what_to_do(command: tuple[str, ...]) -> None:
    make_garbage()
    done = billctl("sandbox", *command)
    assert done.returncode == 9
    assert done.stderr.count("\n") == 1
    assert "begin anew with `billctl sandbox reset`" in done.stderr


def test_reset_replaces_data_that_is_garbage() -> None:
    make_garbage()
    assert billctl("sandbox", "reset", "--yes").returncode == 0
    assert counts()["customer"] >= 40


def test_a_state_directory_that_is_a_file_is_one_line() -> None:
    Path(os.environ["BILLCTL_STATE_DIR"]).write_text("")
    done = billctl("sandbox", "status")
    assert done.returncode == 9
    assert "is not a directory" in done.stderr


def limited(*arguments: str, largest: int) -> subprocess.CompletedProcess[str]:
    """One command line that can write no file beyond `largest` bytes: a disk that is full.

    It keeps no compiled modules: Python would cut them off at that length, and the next command reads them.
    """
    return subprocess.run(
        [PROGRAM, *arguments],
        check=False,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),
    )


USES = [
    ("-p", "sandbox", "lookup", "layla@example.com"),
    ("-p", "sandbox", "stripe", "charges"),
    ("-p", "sandbox", "doctor"),
    ("sandbox", "status"),
    ("sandbox", "reset", "--yes"),
    ("sandbox", "serve", "--port", "0"),
]


@pytest.mark.parametrize(
    "command",
    [USES[0], *(pytest.param(use, marks=pytest.mark.slow) for use in USES[1:])],
)
def test_a_disk_that_is_full_is_one_line_and_says_what_to_do(command: tuple[str, ...]) -> None:
    state = Path(os.environ["BILLCTL_STATE_DIR"])
    state.mkdir(mode=0o700)
    furnish(state, GATEWAYS)
    done = limited(*command, largest=1000)
    assert done.returncode == 9
    (line,) = [line for line in done.stderr.splitlines() if "sandbox's data" in line]
    assert "Nothing was sent. Give " in line
    assert "unexpected" not in done.stderr


@pytest.mark.parametrize("command", [use for use in USES if use != ("sandbox", "status")])
def test_a_file_in_place_of_the_sandboxs_directory_is_one_line(command: tuple[str, ...]) -> None:
    state = Path(os.environ["BILLCTL_STATE_DIR"])
    state.mkdir(mode=0o700)
    (state / "sandbox").write_text("")
    (state / "sandbox").chmod(0o600)
    done = billctl(*command)
    assert done.returncode == 9
    (line,) = [line for line in done.stderr.splitlines() if "sandbox's data" in line]
    assert "cannot be used: File exists. Nothing was sent. Give " in line


# fault


def test_a_single_lost_answer_heals_and_the_help_says_so() -> None:
    charge = lookup_charge()
    billctl("sandbox", "fault", "answer-lost", "--on", "POST /v1/refunds")
    refund = ("stripe", "refund", charge, "--amount", "1.00", "--reason", "charged twice", "--yes")
    assert billctl("--profile", "sandbox", *refund).returncode == 0
    text = billctl("sandbox", "fault", "--help").stdout
    assert 'answer-lost --on "POST /v1/refunds" --times 9' in text
    assert "re-sent once" in text


@pytest.mark.slow
def test_an_armed_fault_is_met_by_the_next_matching_request_only() -> None:
    arm = ("sandbox", "fault", "403", "--on", "GET /v1/customers")
    assert document(*arm)["data"]["faults"][0]["remaining"] == 1
    with serving() as (_, line):
        _, base_url, _, key = line.rstrip("\n").split("\t")[:4]
        assert get(base_url, "/v1/charges?limit=1", key)[0] == 200
        assert get(base_url, "/v1/customers?limit=1", key)[0] == 403
        assert get(base_url, "/v1/customers?limit=1", key)[0] == 200


def test_a_refusal_carries_the_code_that_was_asked_for() -> None:
    billctl("sandbox", "fault", "refuse", "--status", "402", "--code", "expired_card")
    with serving() as (_, line):
        _, base_url, _, key = line.rstrip("\n").split("\t")[:4]
        status, body = get(base_url, "/v1/charges", key)
    assert (status, body["error"]["code"]) == (402, "expired_card")


def test_a_lost_answer_makes_a_refund_unknown_and_reconcile_settles_it() -> None:
    charge = lookup_charge()
    billctl("sandbox", "fault", "answer-lost", "--on", "POST /v1/refunds", "--times", "9")
    refund = ("stripe", "refund", charge, "--amount", "1.00", "--reason", "charged twice", "--yes")
    assert billctl("--profile", "sandbox", *refund).returncode == 6
    billctl("sandbox", "fault", "--clear")
    assert billctl("--profile", "sandbox", "audit", "reconcile").returncode == 0


def test_faults_can_be_listed_and_disarmed_one_kind_or_all() -> None:
    for kind in ("429", "429", "html", "500-after"):
        billctl("sandbox", "fault", kind)
    listed = document("sandbox", "fault", "--list")["data"]
    assert [fault["kind"] for fault in listed["faults"]] == ["429", "429", "html", "500-after"]
    assert {"answer-lost", "hang-after", "cut-body"} <= {row["kind"] for row in listed["kinds"]}
    left = document("sandbox", "fault", "--clear", "429")["data"]["faults"]
    assert [fault["kind"] for fault in left] == ["html", "500-after"]
    assert document("sandbox", "fault", "--clear")["data"]["faults"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "which fault?"),
        (("answer-lots",), "Did you mean answer-lost?"),
        (("nonsense",), "See `billctl sandbox fault --list`."),
        (("429", "--on", "/v1/refunds"), "is no request"),
        (("429", "--on", ""), "is no request"),
        (("429", "--gateway", "acme"), "There is one of stripe"),
        (("429", "--times", "0"), "--times"),
        (("late", "--seconds", "-1"), "--seconds"),
        (("refuse", "--status", "200"), "--status"),
    ],
)
def test_what_the_sandbox_does_not_know_is_refused_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    done = billctl("sandbox", "fault", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert billctl("sandbox", "status").stdout == ""


def test_a_reset_shop_knows_nothing_of_operations_of_the_old_one() -> None:
    refund = ("--profile", "sandbox", "stripe", "refund", "ch_SbxLayla0000001", "--amount", "1.00")
    why = ("--reason", "charged twice", "--yes")
    assert document(*refund, *why)["data"]["outcome"] == "succeeded"
    assert document(*refund, *why)["data"]["outcome"] == "already_done"
    billctl("sandbox", "reset", "--yes")
    assert document(*refund, *why)["data"]["outcome"] == "succeeded"


@pytest.mark.slow
def test_each_gateway_that_is_up_has_a_port_of_its_own_and_a_line_for_each_secret() -> None:
    with serving("--output", "json") as (_, line):
        rows = json.loads(line)["data"]["gateways"]
    told = [(row["gateway"], row["secret"]) for row in rows]
    assert told == [(name, secret) for name in GATEWAYS for secret in KEYS[name]]
    assert len({row["base_url"] for row in rows}) == len(GATEWAYS)


def test_a_gateway_nobody_rehearses_is_refused_in_one_line() -> None:
    done = billctl("sandbox", "serve", "--gateway", "abacus", "--port", "0")
    assert done.returncode == 2
    assert done.stderr.startswith("billctl: there is no sandbox of 'abacus'. Nothing was sent. ")
    assert billctl("sandbox", "fault", "401", "--gateway", "abacus").returncode == 2


def test_faults_are_armed_at_one_gateway_and_cleared_at_all() -> None:
    armed = document("sandbox", "fault", "401", "--gateway", "stripe")["data"]["faults"]
    assert [(fault["gateway"], fault["kind"]) for fault in armed] == [("stripe", "401")]
    assert document("sandbox", "fault", "--list")["data"]["faults"] == armed
    assert document("sandbox", "fault", "--clear")["data"]["faults"] == []


def test_what_an_adapter_keeps_of_the_sandbox_outlives_a_run_and_ends_with_a_reset() -> None:
    kept = Path(os.environ["BILLCTL_STATE_DIR"]) / "sandbox" / "kept" / "paypal"
    look = ("--profile", "sandbox", "lookup", "layla@example.com", "--account", "paypal")
    billctl(*look)
    tokens = sorted(kept.glob("token-*.json"))
    billctl(*look)
    assert sorted(kept.glob("token-*.json")) == tokens
    assert len(tokens) == 1
    assert tokens[0].stat().st_mode & 0o777 == 0o600
    billctl("sandbox", "reset", "--yes")
    assert not kept.exists()
    assert billctl(*look).returncode == 0


def test_what_a_gateway_cannot_do_names_what_can_be_done_instead() -> None:
    why = ("--reason", "customer asks", "--yes")
    resend = billctl("--profile", "sandbox", "braintree", "resend", "layla001", *why)
    assert resend.returncode == 2
    assert "Send the customer the charge's details yourself." in resend.stderr
    cancel = billctl("--profile", "sandbox", "paypal", "cancel", "I-SBXLAYLA0001", *why)
    assert cancel.returncode == 2
    assert "PayPal ends a subscription only at once: with --now" in cancel.stderr


@pytest.mark.slow
def test_a_gateway_that_is_told_its_limit_keeps_to_it() -> None:
    with serving("--gateway", "stripe", "--limit", "stripe=1") as (_, line):
        base_url, _, key = line.rstrip("\n").split("\t")[1:4]
        assert [get(base_url, "/v1/balance", key)[0] for _ in range(2)] == [200, 429]


def test_a_limit_is_for_each_endpoint_and_for_all_of_one_gateway() -> None:
    assert loads(["stripe=25,100", "paypal=3"], ["stripe", "paypal", "braintree"], 0.2) == {
        "stripe": Load(endpoint=25, in_all=100, latency=0.2),
        "paypal": Load(endpoint=3, latency=0.2),
        "braintree": Load(latency=0.2),
    }


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("25", "'25' is no limit"),
        ("stripe=0", "is no limit"),
        ("stripe=25,", "is no limit"),
        ("stripe=-1", "is no limit"),
        ("stripe=٢٥", "is no limit"),
        ("paypal=3", "'paypal', which is not being served"),
    ],
)
def test_a_limit_that_is_none_is_refused(limit: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        loads([limit], ["stripe"], 0.0)
