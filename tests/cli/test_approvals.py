"""`billctl approvals`: what a second person sees, how he decides, and how it ends when it goes wrong.

Both people are the one who runs the tests: whose a file is, is said here for those that the second one
makes. tests/safety/test_approvals.py has real users.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from billctl.approvals.folder import Folder
from billctl.cli.app import run
from billctl.sandbox import ACCOUNT_ID, STRIPE_LIVE_KEY
from tests.shop import PAID, PAST_DUE, Ran, Shop, open_shop

OTHER = 64_123
"""The second person's user id."""
REFUND = ("stripe", "refund", PAID, "--amount", "12.50", "--reason", "charged twice", "--ticket", "zendesk:1")
NOBODYS = "apr_" + "0" * 26
POLICY = '[policy]\napprove_above = {{ USD = "10.00" }}\napprovals_dir = "{folder}"\n'


class Office:
    """A shop, and a folder of requests that two people share."""

    def __init__(self, shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop = shop
        self.folder = folder
        self.patch = monkeypatch
        self.others: set[int] = set()
        monkeypatch.setattr(
            Folder, "owner_of", staticmethod(lambda s: OTHER if s.st_ino in self.others else s.st_uid)
        )

    def ask(self) -> str:
        """A new request's id."""
        assert self.shop.run(*REFUND, "--yes").code == 15
        (path,) = self.folder.glob("*.json")
        return path.stem

    @contextmanager
    def second(self) -> Iterator[None]:
        """While the second person is there; what is new afterwards is his."""
        before = {entry.inode() for entry in os.scandir(self.folder)}
        with self.patch.context() as patch:
            patch.setattr("billctl.approvals.model.own_uid", lambda: OTHER)
            yield
        self.others |= {entry.inode() for entry in os.scandir(self.folder)} - before

    def decide(self, *arguments: str) -> Ran:
        """A command line of the second person, without a terminal."""
        with self.second():
            return self.shop.run("approvals", *arguments)

    def typed(self, text: str, *arguments: str) -> tuple[int, str]:
        """A command line of the second person on a terminal."""
        with self.second():
            return self.shop.typed(text, "approvals", *arguments)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    folder = tmp_path / "approvals"
    folder.mkdir(mode=0o700)
    with open_shop(tmp_path) as shop:
        shop.use(more=POLICY.format(folder=folder))
        yield Office(shop, folder, monkeypatch)


def test_a_command_that_needs_approval_names_its_request_and_why(office: Office) -> None:
    asked = office.shop.run(*REFUND, "--yes")
    request = next(office.folder.glob("*.json")).stem
    assert asked.code == 15
    assert asked.line.startswith("billctl: 12.50 USD is above 10.00 USD")
    assert f"{request} asks for approval. Nothing was sent." in asked.line
    assert f"`billctl approvals approve {request}`" in asked.line
    assert office.shop.refunds() == []
    (record,) = office.shop.audit("--action", "refund")
    assert record["outcome"] == "approval_required"


def test_the_list_has_what_waits_and_with_all_what_is_over(office: Office) -> None:
    assert office.decide("list").out == ""
    assert "nothing waits" in office.decide("list", "-o", "table").out
    request = office.ask()
    (row,) = office.decide("list", "-o", "json").data
    assert (row["id"], row["status"], row["ref"]) == (request, "pending", f"stripe:{PAID}")
    assert row["amount"] == {"amount": "12.50", "minor": 1250, "currency": "USD"}
    assert row["requester"]["uid"] == os.geteuid()
    assert row["ticket"] == "zendesk:1"
    assert office.decide("list").out.split("\t")[:2] == [request, "pending"]
    assert office.decide("deny", request, "--reason", "paid already").code == 0
    assert office.decide("list", "-o", "json").data == []
    (row,) = office.decide("list", "--all", "-o", "json").data
    assert (row["status"], row["approver"]["uid"], row["decision_reason"]) == (
        "denied",
        OTHER,
        "paid already",
    )


def test_a_request_is_shown_with_everything_that_matters(office: Office) -> None:
    shown = office.decide("show", office.ask(), "-o", "table").out
    for part in (
        "12.50 USD of 49.00 USD",
        "charged twice",
        "zendesk:1",
        ACCOUNT_ID,
        "is above 10.00 USD",
        "approve_above",
        "cus_",
    ):
        assert part in shown


def test_on_a_terminal_the_second_person_sees_it_and_is_asked(office: Office) -> None:
    request = office.ask()
    code, screen = office.typed("n\n", "approve", request, "--reason", "looked at it")
    assert (code, "12.50 USD of 49.00 USD" in screen, "you said no" in screen) == (8, True, True)
    assert office.shop.run(*REFUND, "--yes").code == 15
    code, screen = office.typed("y\n", "approve", request, "--reason", "looked at it")
    assert (code, f"Approved {request}" in screen) == (0, True)
    assert office.shop.run(*REFUND, "--yes").code == 0
    assert office.shop.refunds() == [1250]


def test_live_money_is_approved_by_typing_the_amount(office: Office) -> None:
    more = "allow_unattended = true\n" + POLICY.format(folder=office.folder)
    office.shop.use(mode="live", key=STRIPE_LIVE_KEY, more=more)
    live = ("--yes", "--live", ACCOUNT_ID)
    assert office.shop.run(*REFUND, *live).code == 15
    (path,) = office.folder.glob("*.json")
    words = ("approve", path.stem, "--reason", "looked at it")
    assert "needs --live ACCOUNT_ID" in office.decide(*words, "--yes").line
    assert office.decide(*words, "--yes", "--live", "acct_other").code == 8
    code, screen = office.typed("12.5\n", *words, "--yes", "--live", "acct_other")
    assert (code, "LIVE" in screen) == (8, False)
    code, screen = office.typed("49.00\n", *words)
    assert (code, "LIVE" in screen, "is not the amount asked for" in screen) == (8, True, True)
    assert office.typed("12.50\n", *words)[0] == 0
    assert office.shop.run(*REFUND, *live).code == 0


@pytest.mark.parametrize("word", ["approve", "deny"])
def test_what_cannot_be_decided_ends_with_its_own_exit_code(office: Office, word: str) -> None:
    request = office.ask()
    because = ("--reason", "looked at it", *(("--yes",) if word == "approve" else ()))
    assert office.decide(word, NOBODYS, *because).code == 3
    assert office.decide(word, "op_1", *because).code == 2
    assert office.decide(word, request).code == 2
    own = office.shop.run("approvals", word, request, *because)
    assert (own.code, "is your own request" in own.line) == (8, True)
    assert office.decide(word, request, *because).code == 0
    assert office.decide(word, request, *because).code == 10
    records = office.shop.audit("--action", word)
    assert [record["outcome"] for record in records] == ["denied", "succeeded", "denied", "failed"]
    assert records[1]["ref"] == f"stripe:{PAID}"


def test_somebody_without_the_profile_names_the_folder(office: Office) -> None:
    request = office.ask()
    office.shop.env["BILLCTL_PROFILE"] = "nothing-of-this-name"
    assert office.decide("list").code == 12
    assert office.decide("list", "--dir", str(office.folder), "-o", "json").data[0]["id"] == request
    done = office.decide("approve", request, "--reason", "looked at it", "--yes", "--dir", str(office.folder))
    assert done.code == 0
    assert office.decide("list", "--dir", str(office.folder / "none")).code == 12
    office.shop.env["BILLCTL_PROFILE"] = ""
    told = office.decide("list")
    assert (told.code, "--dir PATH" in told.line) == (12, True)


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "approvals"
    folder.mkdir()
    assert run(["approvals", "list", "--dir", str(folder)]) == 0
    assert run(["approvals", "show", NOBODYS, "--dir", str(folder)]) == 3
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "state" / "audit.sqlite").exists()


def test_what_a_requester_wrote_does_not_drive_the_second_persons_terminal(office: Office) -> None:
    words = list(REFUND)
    words[words.index("charged twice")] = "twice \x1b[2J\u202e \x9b31m"
    assert office.shop.run(*words, "--yes").code == 15
    (path,) = office.folder.glob("*.json")
    code, screen = office.typed("n\n", "approve", path.stem, "--reason", "looked at it")
    assert code == 8
    assert not {"\x1b", "\u202e", "\x9b"} & set(screen)
    assert "^[[2J" in screen
    for output in ("table", "tsv", "csv", "json", "ndjson"):
        assert not {"\x1b", "\u202e", "\x9b"} & set(office.decide("list", "-o", output).out)


def test_garbage_in_the_folder_is_left_out_and_told(office: Office) -> None:
    request = office.ask()
    (office.folder / f"{NOBODYS}.json").write_text("\x1b[2J")
    (office.folder / "notes.txt").write_text("not ours")
    listed = office.decide("list", "-o", "json")
    assert [row["id"] for row in listed.data] == [request]
    assert listed.document["warnings"] == [f"{NOBODYS} is left out: its file is not JSON"]
    assert office.decide("show", NOBODYS).code == 8


def test_an_approval_lifts_no_limit_that_the_second_person_was_not_shown(office: Office) -> None:
    limited = POLICY.format(folder=office.folder) + 'daily_refund_total = { USD = "20.00" }\n'
    office.shop.use(more=limited)
    request = office.ask()
    assert office.decide("approve", request, "--reason", "looked at it", "--yes").code == 0
    other = office.shop.charge_with("pm_card_visa", 5000)
    spend = ("stripe", "refund", other, "--amount", "9.00", "--reason", "charged twice", "--yes")
    assert office.shop.run(*spend).code == 0
    assert office.shop.run(*REFUND, "--yes").code == 8
    asks = office.shop.run(*REFUND, "--yes", "--request-approval")
    assert asks.code == 15
    assert f"{request} was asked before daily_refund_total stood against it" in asks.err
    assert office.shop.refunds(PAID) == []


def test_what_moves_no_money_can_be_sent_to_a_second_person_too(office: Office) -> None:
    resend = ("stripe", "resend", PAST_DUE, "--reason", "asked for it", "--yes", "--request-approval")
    assert office.shop.run(*resend).code == 15
    (path,) = office.folder.glob("*.json")
    assert office.decide("approve", path.stem, "--reason", "fine by me", "--yes").code == 0
    assert office.shop.run(*resend).code == 0
    assert office.shop.sent_invoices() == 1


def approvals_line(office: Office) -> tuple[str, str]:
    """What `doctor` says of the folder: status and detail."""
    checks = office.shop.run("doctor", "-o", "json").data["checks"]
    found = [(check["status"], check["detail"]) for check in checks if check["check"] == "approvals"]
    (line,) = found
    return line


def test_doctor_says_whether_two_people_can_meet_in_the_folder(office: Office) -> None:
    folder = office.folder
    assert approvals_line(office) == ("warning", f"{folder} can be written by its owner alone")
    folder.chmod(0o1770)
    status, detail = approvals_line(office)
    assert (status, "whom the other may not read" in detail) == ("warning", True)
    folder.chmod(0o3770)
    status, detail = approvals_line(office)
    assert (status, detail.startswith(f"{folder}, shared by group ")) == ("ok", True)
    folder.chmod(0o2770)
    status, detail = approvals_line(office)
    assert (status, "no sticky bit" in detail) == ("failed", True)
    office.shop.use(more='[policy]\napprove_above = { USD = "10.00" }\n')
    status, detail = approvals_line(office)
    assert (status, "only root could decide" in detail) == ("warning", True)
