"""The README's commands, run as they stand there."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from billctl.errors import BillctlError, Interrupted
from tests.cli.program import billctl
from tests.rehearsal import copying

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _copied_shops() -> Iterator[None]:
    with copying():
        yield


def block(name: str) -> list[str]:
    """The lines of the shell block between `<!-- name -->` and `<!-- /name -->`."""
    found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```\n<!-- /{name} -->", README, re.DOTALL)
    assert found, f"the README has no block {name}"
    return found[1].splitlines()


def blocks() -> list[list[str]]:
    return [found.splitlines() for found in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]


def shell(line: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What a line does: in a shell, or in this process where it is a command of billctl and nothing else."""
    words = shlex.split(line, comments=True)
    if words[0] == "billctl" and not set("|&;<>()$`*") & {*line.partition(" # ")[0]}:
        return billctl(*words[1:], env={k: v for k, v in env.items() if k.startswith("BILLCTL_")})
    programs = str(Path(sys.executable).parent)
    env = env | {"PATH": f"{programs}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-c", line], env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )


def test_the_tour_works_from_top_to_bottom() -> None:
    export, *lines = block("tour")
    name, _, value = export.removeprefix("export ").partition("=")
    env = dict(os.environ) | {name: value}
    assert len(lines) + 1 == 10
    answers = {line: shell(line, env) for line in lines}
    for line, answer in answers.items():
        assert answer.returncode == 0, f"{line}\n{answer.stderr}"
        assert "Traceback" not in answer.stderr
    rows = [
        answer.stdout.split("\t")
        for line, answer in answers.items()
        if " refund " in line or " void " in line
    ]
    assert [row[3] for row in rows] == ["", "succeeded", "already_done", *["succeeded"] * 3]
    listed = next(answer.stdout for line, answer in answers.items() if "audit list" in line)
    told = [row.split("\t")[3] for row in listed.splitlines()]
    assert told == ["refund", "refund", "void", "refund", "log created"]
    assert shell("billctl audit verify -o json --jq .data.whole", env).stdout == "true\n"


@pytest.mark.slow
def test_a_batch_is_planned_looked_at_and_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    env = dict(os.environ) | {"BILLCTL_PROFILE": "sandbox"}
    lines = block("batch")
    answers = [shell(line, env) for line in lines]
    assert [answer.returncode for answer in answers] == [0] * 5
    planned = [line.split("\t")[2:4] for line in answers[1].stdout.splitlines()]
    assert len(planned) > 2
    assert {state for _, state in planned} == {"ready"}
    assert [(answer.stdout, answer.stderr) for answer in answers[3:]] == [("", "")] * 2
    results = [json.loads(line) for line in (tmp_path / "overdue.results.ndjson").read_text().splitlines()]
    assert {row["ref"] for row in results} == {ref for ref, _ in planned}
    assert {row["outcome"] for row in results} == {"already_done"}


def test_the_rehearsal_of_a_lost_answer_ends_settled() -> None:
    lines = next(lines for lines in blocks() if any("sandbox fault answer-lost" in line for line in lines))
    env = dict(os.environ) | {"BILLCTL_PROFILE": "sandbox"}
    codes = [shell(line, env).returncode for line in lines]
    assert codes == [0, 6, 0, 0]
    again = shell(lines[1].split("#")[0] + " -o json --jq .data.outcome", env)
    assert (again.returncode, again.stdout) == (0, "already_done\n")


def test_the_exit_codes_are_those_of_the_program() -> None:
    listed = {int(code): word for code, word in re.findall(r"^\| (\d+) \| (\w+) \|", README, re.MULTILINE)}
    kinds = {0: "ok"} | {
        kind.exit_code: kind.word for kind in family(BillctlError) if kind is not Interrupted
    }
    assert listed.items() <= kinds.items()


def family(kind: type[BillctlError]) -> list[type[BillctlError]]:
    return [kind, *(descendant for child in kind.__subclasses__() for descendant in family(child))]


def test_every_file_of_the_tree_is_there() -> None:
    tree = next(text for text in re.findall(r"```\n(billctl/\n.*?)```", README, re.DOTALL))
    names = [
        name for line in tree.splitlines() for name in re.findall(r"[\w/]+(?:\.py|/)", line.split("   ")[0])
    ]
    missing = [n for n in names if not (ROOT / n).exists() and not (ROOT / "billctl" / n).exists()]
    assert missing == []


@pytest.mark.slow
def test_the_first_command_installs_and_shows_the_customer(tmp_path: Path) -> None:
    clone = tmp_path / "billctl"
    ignored = shutil.ignore_patterns(".venv", ".git", ".peers", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, clone, ignore=ignored)
    (command,) = block("try-command")
    answer = subprocess.run(
        ["bash", "-c", command], cwd=clone, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert answer.returncode == 0, answer.stderr
    first = answer.stdout.splitlines()[0]
    assert first.startswith("customer\tstripe:cus_SbxLayla000001\t")
    assert "\tLayla Haddad <layla@example.com>\t" in first
    assert "charge\tstripe:ch_SbxLayla0000001\t" in answer.stdout
