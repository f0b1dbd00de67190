"""Nobody approves his own request, and an approval lets exactly one change pass (P14).

The requester, the approver and others are real users of this machine; each has his own audit log. What a
decision is worth is taken from the operating system, which these tests therefore do not stand in for:
see tests/unit/test_approvals.py for every single reason a decision does not count.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from billctl.sandbox import ACCOUNT_ID, STRIPE_KEY, STRIPE_LIVE_KEY
from tests.shop import PAID, Shop, open_shop
from tests.users import GROUP, User, ended, users

AMINA, OMAR, NORA = 65_534, 1, 2
REFUND = ("stripe", "refund", PAID, "--amount", "12.50", "--reason", "charged twice", "--yes")
OTHER_REFUND = ("stripe", "refund", PAID, "--amount", "20.00", "--reason", "broken", "--yes")


@dataclass(frozen=True)
class House:
    """A shop whose refunds above 10.00 USD need a second person, and three people."""

    shop: Shop
    folder: Path
    amina: User
    omar: User
    nora: User

    def ask(self, *command: str) -> str:
        """The id of the request that amina's command leads to."""
        before = set(self.folder.glob("*.json"))
        assert self.amina.run(*(command or REFUND)).code == 15
        (new,) = set(self.folder.glob("*.json")) - before
        return new.stem

    def approve(self, request: str) -> None:
        """Omar says yes."""
        done = self.omar.run("approvals", "approve", request, "--reason", "looked at it", "--yes")
        assert done.code == 0, done.err

    def forge(self, request: str, *, uid: int) -> str:
        """The text of an approval of a request by `uid`, as billctl itself would write it."""
        import hashlib

        raw = (self.folder / f"{request}.json").read_bytes()
        document = json.loads(raw)
        decision = {
            "approved": True,
            "approver": {"host": "vm", "login": "omar", "uid": uid},
            "billctl": "approval decision",
            "decided": document["created"],
            "format": 1,
            "id": request,
            "plan_hash": document["plan_hash"],
            "reason": "looked at it",
            "request_hash": hashlib.sha256(raw).hexdigest(),
        }
        return json.dumps(decision, sort_keys=True, separators=(",", ":"))


@contextmanager
def opened(tmp_path: Path, *, live: bool = False) -> Iterator[House]:
    """The shop on a port, the users with the same profile each, the key with amina alone."""
    with open_shop(tmp_path) as shop, users(AMINA, OMAR, NORA) as (base, people):
        folder = base / "approvals"
        folder.mkdir()
        os.chown(folder, 0, GROUP)
        folder.chmod(0o3770)
        account = f'account_id = "{ACCOUNT_ID}"\n' if live else ""
        mode = 'mode = "live"\nallow_unattended = true\n' if live else 'mode = "test"\n'
        for user in people:
            user.profile(
                "shop",
                f'{mode}[policy]\napprove_above = {{ USD = "10.00" }}\napprovers = ["nobody", "daemon"]\n'
                f'approvals_dir = "{folder}"\n'
                f'[accounts.stripe]\ngateway = "stripe"\nbase_url = "{shop.url}"\n{account}',
            )
        people[0].env["BILLCTL_STRIPE_API_KEY"] = STRIPE_LIVE_KEY if live else STRIPE_KEY
        yield House(shop, folder, *people)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path) as found:
        yield found


def test_a_refund_above_the_limit_takes_two_users_and_both_are_on_record(house: House) -> None:
    request = house.ask()
    assert house.shop.refunds() == []
    own = house.amina.run("approvals", "approve", request, "--reason", "my own", "--yes")
    assert own.code == 8
    assert "is your own request" in own.line
    house.approve(request)
    done = house.amina.run(*REFUND, "-o", "json")
    assert (done.code, house.shop.refunds()) == (0, [1250])

    intent = house.amina.run("audit", "show", str(done.data["audit"]["intent"]), "-o", "json").data[0]
    assert intent["approval"]["id"] == request
    assert (intent["approval"]["requester"], intent["approval"]["approver_uid"]) == ("nobody", OMAR)
    (listed,) = house.omar.run("approvals", "list", "--all", "-o", "json").data
    assert (listed["status"], listed["approver"]["login"]) == ("used", "daemon")
    kept = house.omar.run("audit", "list", "--action", "approve", "-o", "json").data
    assert [(note["login"], note["outcome"], note["object_id"]) for note in kept] == [
        ("daemon", "succeeded", PAID)
    ]


def test_a_decision_that_another_user_should_have_made_is_not_taken_from_the_requester(house: House) -> None:
    request = house.ask()
    decision = house.folder / f"{request}.decision"
    house.amina.write(decision, house.forge(request, uid=OMAR))
    refused = house.amina.run(*REFUND)
    assert (refused.code, house.shop.refunds()) == (8, [])
    assert f"was made by uid {AMINA} and says uid {OMAR}" in refused.line


@pytest.mark.slow
def test_a_decision_in_a_file_that_others_had_a_hand_in_is_not_taken_from_the_approver(house: House) -> None:
    """The same file, byte for byte the approver's own, counts once it is there as billctl puts it."""
    request = house.ask()
    decision, draft = house.folder / f"{request}.decision", house.folder / "draft"
    house.omar.write(draft, house.forge(request, uid=OMAR))
    decision.symlink_to(draft)
    assert house.amina.run(*REFUND).code == 8
    decision.unlink()
    decision.hardlink_to(draft)
    assert house.amina.run(*REFUND).code == 8
    draft.unlink()
    decision.chmod(0o660)
    assert house.amina.run(*REFUND).code == 8
    assert house.shop.refunds() == []
    decision.chmod(0o640)
    assert (house.amina.run(*REFUND).code, house.shop.refunds()) == (0, [1250])


@pytest.mark.slow
def test_nobody_removes_or_replaces_what_another_decided(house: House) -> None:
    """The folder's sticky bit, which billctl insists on, keeps a denial where it is."""
    request = house.ask()
    denied = house.omar.run("approvals", "deny", request, "--reason", "paid by bank transfer")
    assert denied.code == 0
    decision = house.folder / f"{request}.decision"
    program = "import os, sys; os.unlink(sys.argv[1])"
    assert ended(house.amina.start(sys.executable, "-c", program, str(decision))).code == 1
    refused = house.amina.run(*REFUND)
    assert (refused.code, house.shop.refunds()) == (8, [])
    assert "daemon denied" in refused.line
    assert "paid by bank transfer" in refused.line


@pytest.mark.slow
def test_who_is_not_among_the_approvers_lets_nothing_pass(house: House) -> None:
    request = house.ask()
    stranger = house.nora.run("approvals", "approve", request, "--reason", "looked at it", "--yes")
    assert stranger.code == 8
    assert "is not among the approvers" in stranger.line
    assert house.amina.run(*REFUND).code == 15


@pytest.mark.slow
def test_what_changed_at_the_gateway_in_between_is_another_plan(house: House) -> None:
    request = house.ask()
    house.approve(request)
    house.shop.run("stripe", "refund", PAID, "--amount", "1.00", "--reason", "meanwhile", "--yes")
    drifted = house.amina.run(*REFUND)
    assert (drifted.code, house.shop.refunds()) == (15, [100])
    assert f"{request} does not fit any more" in drifted.line


@pytest.mark.slow
def test_twenty_runs_of_one_approved_refund_at_once_refund_once(house: House) -> None:
    house.approve(house.ask())
    runs = [house.amina.begin(*REFUND) for _ in range(20)]
    codes = [ended(run).code for run in runs]
    assert set(codes) <= {0, 10}
    assert 0 in codes
    assert house.shop.refunds() == [1250]


@pytest.mark.slow
def test_twenty_runs_with_a_log_each_refund_once_for_one_approval(house: House) -> None:
    """The store that lets one operation through is not shared: the key at the gateway is."""
    house.approve(house.ask())
    runs = []
    for number in range(20):
        state = house.amina.home / f"state-{number}"
        alone = User(house.amina.uid, house.amina.home, house.amina.options, dict(house.amina.env))
        alone.env["BILLCTL_STATE_DIR"] = str(state)
        runs.append(alone.begin(*REFUND))
    codes = [ended(run).code for run in runs]
    assert 0 in codes
    assert house.shop.refunds() == [1250]


@pytest.mark.slow
def test_an_approval_for_one_refund_lets_no_other_pass(house: House) -> None:
    house.approve(house.ask())
    assert house.amina.run(*OTHER_REFUND).code == 15
    assert house.amina.run(*REFUND, "--again", "2").code == 15
    assert house.shop.refunds() == []


@pytest.mark.slow
def test_live_money_is_approved_for_the_account_that_is_named(tmp_path: Path) -> None:
    with opened(tmp_path, live=True) as house:
        request = house.ask(*REFUND, "--live", ACCOUNT_ID)
        words = ("approvals", "approve", request, "--reason", "looked at it", "--yes")
        for more, said in (((), "needs --live"), (("--live", "acct_other"), "--live names 'acct_other'")):
            refused = house.omar.run(*words, *more)
            assert refused.code == 8
            assert said in refused.line
        assert house.omar.run(*words, "--live", ACCOUNT_ID).code == 0
        assert house.amina.run(*REFUND, "--live", ACCOUNT_ID).code == 0
        assert house.shop.refunds(key=STRIPE_LIVE_KEY) == [1250]
