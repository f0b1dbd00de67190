"""The README's line for cron, run as it stands there; what else there is to copy for jobs that run alone."""

import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import typer

from billctl.cli.app import app
from billctl.cli.lazy import USAGE_ERROR
from billctl.cli.options import Choices
from billctl.credentials import Finder
from billctl.profiles import Profile
from billctl.profiles.files import parse_profile
from billctl.session import installed_gateways
from tests.cli.program import billctl

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "profiles" / "examples"
UNITS = sorted([*EXAMPLES.glob("*.service"), *EXAMPLES.glob("*.timer")])
SCHEDULE = re.compile(r"(?:[0-9*/,-]+[ \t]+){5}(?=\S)")


def jobs(text: str) -> list[str]:
    """The commands of a crontab's lines."""
    return [line[found.end() :] for line in text.splitlines() if (found := SCHEDULE.match(line))]


def readme_jobs() -> list[str]:
    """The commands of the crontab lines in the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [job for block in re.findall(r"```crontab\n(.*?)```", text, re.DOTALL) for job in jobs(block)]


def by_cron(job: str) -> subprocess.CompletedProcess[str]:
    """One run as cron does it: /bin/sh, hardly any environment, no terminal."""
    return subprocess.run(
        ["/bin/sh", "-c", job],
        env=cron_environment(),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def cron_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith("BILLCTL_")}
    programs = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return kept | {"HOME": os.environ["HOME"], "PATH": programs, "SHELL": "/bin/sh"}


def resent() -> list[str]:
    rows = json.loads(billctl("audit", "list", "--action", "resend", "-o", "json").stdout)["data"]
    return sorted(row["ref"] for row in rows if row["outcome"] == "succeeded")


def overdue() -> list[str]:
    senders = ("--account", "stripe", "--account", "paypal")
    found = billctl(
        "-p", "sandbox", "invoices", *senders, "--status", "past_due", "--overdue", "3d", "-o", "json"
    )
    return sorted(row["ref"] for row in json.loads(found.stdout)["data"])


@pytest.mark.slow
def test_the_line_for_cron_resends_what_is_overdue_and_does_nothing_the_second_time() -> None:
    job = readme_jobs()[0]
    first = by_cron(job)
    assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
    assert len(overdue()) > 2
    assert resent() == overdue()
    head = last_record()
    second = by_cron(job)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert last_record() == head


@pytest.mark.slow
def test_the_line_for_a_first_follow_up_asks_each_customer_once() -> None:
    job = readme_jobs()[1].replace("--since 4d", "--since 40d")  # the rehearsal's shop is not that young
    for _ in range(2):
        done = by_cron(job)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert len(resent()) == len(set(resent())) > 2


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_a_line_that_is_killed_changes_nothing_but_the_time(rows: int) -> None:
    job, wanted = readme_jobs()[0], overdue()
    kill_when_done(job, rows)
    again = by_cron(job)
    open_at_paypal = [ref for ref in wanted if ref.startswith("paypal:") and ref not in resent()]
    # PayPal keeps no trace of a reminder: of one that was on its way a person says what became of it.
    assert (again.returncode == 0) == (open_at_paypal == []), again.stderr
    assert sent_by_stripe() == {ref.partition(":")[2]: 1 for ref in wanted if ref.startswith("stripe:")}
    assert billctl("audit", "verify").returncode == 0


def kill_when_done(job: str, rows: int) -> None:
    """Begin the job, and kill all of it as soon as the log has so many resends as done."""
    running = subprocess.Popen(["/bin/sh", "-c", job], env=cron_environment(), start_new_session=True)
    until = time.monotonic() + 30
    while len(resent()) < rows and running.poll() is None:
        assert time.monotonic() < until
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()


def sent_by_stripe() -> Counter[str]:
    """How often each invoice was sent, in the books of Stripe's rehearsal."""
    with closing(sqlite3.connect(Path(os.environ["BILLCTL_STATE_DIR"]) / "sandbox" / "stripe.sqlite")) as db:
        events = [json.loads(body) for (body,) in db.execute("SELECT body FROM objects WHERE kind = 'event'")]
    return Counter(
        event["data"]["object"]["id"]
        for event in events
        if event["type"] == "invoice.sent" and (event.get("request") or {}).get("idempotency_key")
    )


def last_record() -> Any:
    return json.loads(billctl("audit", "verify", "-o", "json").stdout)["data"]["head"]


# What is there to copy


def commands(shell: str) -> Iterator[list[str]]:
    """The arguments of every billctl in a line of shell, those behind `bash -c` too."""
    lexer = shlex.shlex(shell, posix=True, punctuation_chars="|;&>")
    lexer.whitespace_split = True
    words = list(lexer)
    if "-c" in words:
        yield from commands(words[words.index("-c") + 1])
        return
    begun: list[str] | None = None
    for word in [*words, ";"]:
        if set(word) <= set("|;&>"):
            if begun is not None:
                yield begun
            begun = None
        elif begun is not None:
            begun.append(word)
        elif Path(word).name == "billctl":
            begun = []


def check_parses(arguments: list[str]) -> None:
    """Let the program itself read a command line, and do nothing; raises what the program would."""
    root: Any = typer.main.get_command(app)
    context = root.make_context("billctl", list(arguments), obj=Choices())
    while hasattr(context.command, "resolve_command"):
        words = [*context._protected_args, *context.args]
        name, command, rest = context.command.resolve_command(context, words)
        context = command.make_context(name, rest, parent=context)


def settings(unit: Path, key: str) -> list[str]:
    """The values of a key in a unit file."""
    lines = unit.read_text(encoding="utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


def examples() -> list[list[str]]:
    lines = jobs((EXAMPLES / "crontab").read_text(encoding="utf-8"))
    lines += [line for unit in UNITS for line in settings(unit, "ExecStart")]
    return [command for line in [*lines, *readme_jobs()] for command in commands(line)]


def test_a_wrong_command_would_be_noticed() -> None:
    for wrong in (
        ["watch", "--onyl", "unknown"],
        ["batch", "rum", "resend", "-"],
        ["batch", "run", "resend"],
    ):
        with pytest.raises(USAGE_ERROR):
            check_parses(wrong)


def test_every_command_that_is_there_to_copy_is_one_of_billctls() -> None:
    found = examples()
    for command in found:
        check_parses(command)
    assert {tuple(word for word in command if word.isalpha())[:2] for command in found} >= {
        ("invoices", "open"),
        ("batch", "run"),
        ("audit", "reconcile"),
    }
    assert len(found) >= 14


def test_a_crontab_has_nothing_that_cron_reads_in_its_own_way() -> None:
    text = (EXAMPLES / "crontab").read_text(encoding="utf-8")
    assert len(jobs(text)) == 6
    assert not [job for job in [*jobs(text), *readme_jobs()] if "%" in job]
    names = [line.partition("=")[0] for line in text.splitlines() if re.match(r"[A-Z_]+=", line)]
    assert names == ["SHELL", "PATH", "MAILTO", "BILLCTL_PROFILE"]
    leftover = [line for line in text.splitlines() if line and not re.match(r"#|[A-Z_]+=", line)]
    assert len(leftover) == 6


def test_no_job_asks_what_it_could_only_ask_a_person() -> None:
    changing = [command for command in examples() if command[0] == "batch"]
    assert changing
    for command in changing:
        assert {"--yes", "--reason"} <= set(command)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for each in UNITS:  # a timer is verified with its service
        text = each.read_text(encoding="utf-8").replace("/usr/local/bin/billctl", "/bin/true")
        (tmp_path / each.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / unit.name], capture_output=True, text=True, check=False
    )
    told = [line for line in done.stderr.splitlines() if unit.stem in line]
    assert (done.returncode, told) == (0, [])


def test_each_service_has_its_timer_and_the_credential_that_billctl_looks_for(
    tmp_path: Path,
) -> None:
    services = [unit for unit in UNITS if unit.suffix == ".service"]
    assert {unit.stem for unit in UNITS if unit.suffix == ".timer"} == {unit.stem for unit in services}
    profile = load_profile_text((EXAMPLES / "cron.toml").read_text(encoding="utf-8"))
    for service in services:
        assert "BILLCTL_PROFILE=cron" in settings(service, "Environment")
        (credential,) = settings(service, "LoadCredential")
        name = credential.partition(":")[0]
        (tmp_path / name).write_text("sk_test_from_a_credential_file")
        (tmp_path / name).chmod(0o600)
        found = Finder(profile, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).find("stripe", "api_key")
        assert str(found.value) == "sk_test_from_a_credential_file"


def load_profile_text(text: str) -> Profile:
    return parse_profile(text, name="cron", path=Path("cron.toml"), gateways=installed_gateways(os.environ))
