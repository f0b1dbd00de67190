"""Hostile text in the rows of a batch and in what its gateways say is shown everywhere, and obeyed nowhere.

The rehearsal shops have a customer whose name and words are made of escape sequences, bidi controls and
markup; here the operator's own words are too. (Every single view: test_text_views.py.)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gateway_shops import Street, open_street
from tests.safety.test_secrets import CANARIES, shown
from tests.safety.test_text_views import driving

HOSTILE = "Mal\u202eice \u009b31mred\u2066 [bold red]x[/] =cmd|'/c calc'!A1"
TRAPS = (
    "stripe:ch_SbxTrap00000001",
    "paypal:SBXTRAP0000000001",
    "braintree:trap0001",
    "woocommerce:1282",
    "recurly:traptx000001",
)
"""Charges of the customer whom every gateway calls by a name that drives terminals."""
MOVES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What draws a live view and its colours."""
THEIRS = ("\x1b[31mice", "\x1b]0;owned", "\u009b31m", "\u202e")


@dataclass(frozen=True)
class Trapped:
    """A plan of a refund at each gateway and a row that names nothing, each with a hostile reason."""

    street: Street
    plan: Path

    @property
    def applying(self) -> tuple[str, ...]:
        """The words of an apply."""
        return ("batch", "apply", str(self.plan), "--rate", "none")


@pytest.fixture
def trapped(tmp_path: Path) -> Iterator[Trapped]:
    with open_street(tmp_path) as street:
        rows = tmp_path / "rows.csv"
        lines = [f'{ref},yes,"{HOSTILE}"' for ref in (*TRAPS, "stripe:ch_Nothing1")]
        rows.write_text("\n".join(["ref,full,reason", *lines]) + "\n", encoding="utf-8")
        plan = tmp_path / "x.plan"
        planned = street.run("batch", "plan", "refund", str(rows), "--out", str(plan), "--rate", "none")
        assert planned.code == 7, planned
        check_shown(planned.out, planned.err)
        yield Trapped(street, plan)


def check_shown(*texts: str) -> None:
    """Nothing in them drives a terminal but what billctl itself draws with."""
    for text in texts:
        for theirs in THEIRS:
            assert theirs not in text
        assert driving(MOVES.sub("", text), structure="\n\t\r") == []
        assert shown(text) == []


def test_a_terminal_obeys_nothing_of_a_batch(trapped: Trapped) -> None:
    street, plan = trapped.street, str(trapped.plan)
    code, applied = street.typed("y\n", *trapped.applying)
    assert code == 7, applied
    seen = [street.typed("", *words)[1] for words in (("batch", "show", plan), ("batch", "list"))]
    check_shown(applied, *seen)


def test_no_file_of_a_batch_holds_what_a_terminal_would_obey_or_a_secret(trapped: Trapped) -> None:
    log = trapped.plan.with_name("run.log")
    ran = trapped.street.run(*trapped.applying, "--yes", "--log-file", str(log), "-v", "-o", "csv")
    assert ran.code == 7, ran
    written = [*trapped.plan.parent.glob("x.*"), log, *trapped.street.state_dir.glob("batches/*.json")]
    assert len(written) == 5, written
    check_shown(ran.out, ran.err, *(path.read_text(encoding="utf-8") for path in written))
    assert shown(HOSTILE + CANARIES[0].decode()), "the search finds what is there"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "tsv", "table"])
def test_no_form_of_output_of_a_batch_is_obeyed(trapped: Trapped, form: str) -> None:
    street, plan = trapped.street, str(trapped.plan)
    for words in (
        ("batch", "show", plan),
        ("batch", "list"),
        (*trapped.applying, "--dry-run"),
        (*trapped.applying, "--yes"),
        ("batch", "show", plan),
    ):
        ran = street.run(*words, "-o", form)
        assert ran.code in {0, 7}, ran
        check_shown(ran.out, ran.err)
