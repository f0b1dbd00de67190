"""A `[policy]` table is read whole, or refused with every fault; a central one where it can be trusted."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from billctl.errors import ConfigError
from billctl.frozen import replace
from billctl.profiles import Mode, Profile
from billctl.profiles import central as central_module
from billctl.profiles.central import central_policy, policies_of
from billctl.profiles.faults import Faults, ProfileError
from billctl.profiles.files import parse_toml
from billctl.profiles.pattern import LONGEST, matches, pattern_problem
from billctl.profiles.policy import Policy
from billctl.profiles.policy_table import EXAMPLES, policy_of


def read(text: str) -> Policy:
    """The policy of a file with a `[policy]` table. Raises `ProfileError` with its faults."""
    faults = Faults()
    data = parse_toml(text, "shop.toml")
    policy = policy_of(data["policy"], "policy shop", faults)
    faults.raise_any("shop.toml", text)
    assert policy is not None
    return policy


def test_a_table_is_read_into_minor_units() -> None:
    policy = read(
        "[policy]\n"
        'max_refund = { USD = "200.00", KWD = "1.5", JPY = "٣٠٠٠" }\n'
        "daily_actions = { refund = 20, cancel = 0 }\n"
        'approvers = ["omar", "group:finance"]\n'
        "unattended = []\n"
    )
    assert policy == Policy(
        source="policy shop",
        max_refund={"USD": 20_000, "KWD": 1_500, "JPY": 3_000},
        daily_actions={"refund": 20, "cancel": 0},
        approvers=("omar", "group:finance"),
        unattended=(),
    )


def test_an_empty_table_has_no_rule() -> None:
    assert read("[policy]\n") == Policy(source="policy shop")


@pytest.mark.parametrize("key", EXAMPLES)
def test_every_example_in_a_message_is_good(key: str) -> None:
    policy = read(f"[policy]\n{EXAMPLES[key]}\n")
    assert policy != Policy(source="policy shop")
    assert getattr(policy, key)


def test_a_limit_of_nothing_is_a_limit() -> None:
    policy = read('[policy]\nmax_refund = { USD = "0.00" }\napprove_above = { JPY = "0" }\n')
    assert policy == Policy(source="policy shop", max_refund={"USD": 0}, approve_above={"JPY": 0})


FAULTS = {
    "max_refund = 200": "policy.max_refund: must be a table of currencies, not a number",
    "max_refund = {}": "policy.max_refund: names no currency",
    "max_refund = { USD = 200.0 }": "policy.max_refund.USD: must be an amount in quotes, not a number",
    'max_refund = { USD = "1,000" }': "policy.max_refund.USD: '1,000' is not an amount: separators are "
    "ambiguous; write it like 1234.50",
    'max_refund = { JPY = "1.5" }': "policy.max_refund.JPY: '1.5' is not an amount: JPY has no decimals",
    'max_refund = { usd = "1" }': "policy.max_refund.usd: is no ISO 4217 currency",
    'max_void = { XYZ = "1" }': "policy.max_void.XYZ: is no ISO 4217 currency",
    "daily_refund_total = true": "policy.daily_refund_total: must be a table of currencies, "
    "not true or false",
    'approve_above = { USD = "-5" }': "policy.approve_above.USD: '-5' is not an amount: "
    "an amount has no sign",
    "daily_actions = { refunds = 5 }": "policy.daily_actions.refunds: is no action",
    "daily_actions = { refund = -1 }": "policy.daily_actions.refund: must be from 0 to 1000000",
    "daily_actions = { refund = true }": "policy.daily_actions.refund: must be a whole number, "
    "not true or false",
    "daily_actions = { refund = 1.5 }": "policy.daily_actions.refund: must be a whole number, not a number",
    "max_charge_age_days = 0": "policy.max_charge_age_days: must be from 1 to 36500",
    "max_charge_age_days = nan": "policy.max_charge_age_days: must be a whole number, not a number",
    "currencies = []": "policy.currencies: is empty, and would allow nothing at all",
    'currencies = ["USD", "usd"]': 'policy.currencies[1]: "usd" is no ISO 4217 currency',
    'currencies = "USD"': "policy.currencies: must be a list of strings, not a string",
    'reason_codes = ["Duplicate"]': 'policy.reason_codes[0]: "Duplicate" is no reason code: lower-case '
    "letters, digits, _ . and -",
    "reason_codes = [1]": "policy.reason_codes[0]: must be a string, not a number",
    'deny_when_disputed = "yes"': "policy.deny_when_disputed: must be true or false, not a string",
    'unattended = ["refunds"]': (
        'policy.unattended[0]: "refunds" is no action: refund, void, cancel, resend, reactivate, void-credit'
    ),
    'approvers = ["group:"]': 'policy.approvers[0]: "group:" is neither a login nor group:NAME',
    'approvers = ["a b"]': 'policy.approvers[0]: "a b" is neither a login nor group:NAME',
    'approvals_dir = "approvals"': "policy.approvals_dir: is no absolute path",
    "approval_hours = 721": "policy.approval_hours: must be from 1 to 720",
    "canary = -1": "policy.canary: must be from 0 to 1000000",
    'require_ticket = ""': "policy.require_ticket: is empty",
    'require_ticket = "("': "policy.require_ticket: is no regular expression: missing ), unterminated "
    "subpattern at position 0",
    'require_ticket = "(a+)+"': "policy.require_ticket: repeats a group that holds a repetition "
    "or alternatives",
    'max_refnd = { USD = "1" }': "policy.max_refnd: there is no such key",
    'password = "x"': "policy.password: secrets do not belong in a profile",
}


@pytest.mark.parametrize("line", FAULTS)
def test_a_fault_is_told_with_its_line_and_key(line: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read(f"[policy]\n{line}\n")
    (fault,) = caught.value.faults
    assert fault.place_and_what() == f"shop.toml line 2, {FAULTS[line]}"
    assert fault.todo


# Patterns

GOOD = (
    "^(zendesk|freshdesk|helpscout|intercom|front):.+$",
    "(?:jira|gh):[A-Z]{2,10}-[0-9]{1,6}",
    r"zendesk:[0-9]+(-[a-z]+)?",
    r"[^]\s]+",
    r"[]a(+*)]+\)\++",
    "(ab)+",
)


@pytest.mark.parametrize("pattern", GOOD)
def test_a_pattern_of_a_plain_form_is_taken(pattern: str) -> None:
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+", "(a*)*", "(a|b)+", "(a|a)*", "((a)+b)+", "(a?){50}", "(?:a{1,9})+", r"([a\]]+)+", "(x(a+))*",
        r"(a)\1", "(?=a)a", "(?P<x>a)", "(?i)a", "(?#a)", "[[a]b]", "a{99999999999999999999}", "*", "[",
        "a\\", "(" * 5_000, "a" * (LONGEST + 1),
    ],
)  # fmt: skip
def test_a_pattern_that_could_take_for_ever_or_means_nothing_is_refused(pattern: str) -> None:
    assert pattern_problem(pattern)


@pytest.mark.parametrize("pattern", GOOD)
def test_a_pattern_that_is_taken_is_quick_on_the_worst_ticket(pattern: str) -> None:
    begun = time.monotonic()
    for ticket in ("a" * LONGEST, "zendesk:" + "1" * 190 + "!", "]" * LONGEST, "ab" * 99 + "!"):
        matches(pattern, ticket)
    assert time.monotonic() - begun < 1.0


@pytest.mark.parametrize("ticket", ["zendesk:" + "1" * LONGEST, "zendesk:٣", "x zendesk:1", "zendesk:"])
def test_only_the_whole_of_a_short_ascii_text_matches(ticket: str) -> None:
    assert matches("zendesk:.+", "zendesk:1")
    assert not matches("zendesk:.+", ticket)


# The central policy

CENTRAL = '[policy]\nmax_refund = { USD = "100.00" }\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    return folder / "policy.toml"


def put(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o644)
    return path


def at(path: Path, mode: Mode = Mode.LIVE) -> Policy | None:
    return central_policy(mode, path, owner=os.geteuid())


@pytest.mark.parametrize("mode", Mode)
def test_a_central_policy_binds_both_modes_and_is_called_by_its_path(path: Path, mode: Mode) -> None:
    assert at(put(path, CENTRAL), mode) == Policy(source=str(path), max_refund={"USD": 10_000})


def test_without_a_file_there_is_none(path: Path) -> None:
    assert at(path) is None


def test_it_may_bind_one_mode_only(path: Path) -> None:
    put(path, f'applies_to = ["live"]\n{CENTRAL}')
    assert at(path, Mode.TEST) is None
    assert at(path, Mode.LIVE) is not None


def test_it_may_forbid_live_changes_without_a_terminal_whatever_profiles_say(path: Path) -> None:
    put(path, f"allow_unattended = false\n{CENTRAL}")
    live, test = at(path, Mode.LIVE), at(path, Mode.TEST)
    assert live is not None
    assert test is not None
    assert (live.unattended, test.unattended) == ((), None)
    put(path, "allow_unattended = true\n[policy]\nunattended = []\n")
    assert (at(path) or live).unattended == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("max_refund = 5\n", "line 1, max_refund: there is no such key"),
        (
            "[policy]\nmax_refund = 5\n",
            "line 2, policy.max_refund: must be a table of currencies, not a number",
        ),
        ("policy = 5\n", "line 1, policy: must be a table, not a number"),
        ("applies_to = []\n", "line 1, applies_to: is empty, and would bind nothing"),
        ('applies_to = ["sandbox"]\n', 'line 1, applies_to[0]: must be "live" or "test", not \'sandbox\''),
        ('applies_to = "live"\n', "line 1, applies_to: must be a list of modes, not a string"),
        ('allow_unattended = "no"\n', "line 1, allow_unattended: must be true or false, not a string"),
        ("what\n", "line 1: this is not TOML: Expected '=' after a key in a key/value pair"),
    ],
)
def test_a_fault_in_it_stops_everything(path: Path, text: str, fault: str) -> None:
    with pytest.raises(ProfileError) as caught:
        at(put(path, text))
    assert caught.value.exit_code == 12
    assert caught.value.faults[0].place_and_what() == f"{path} {fault}"


def test_one_that_others_can_write_is_not_trusted(path: Path) -> None:
    put(path, CENTRAL).chmod(0o664)
    with pytest.raises(ConfigError) as caught:
        at(path)
    assert caught.value.line() == (
        f"the central policy cannot be trusted: {path} can be written by others than root. "
        f"Nothing was sent. Run `chmod go-w {path}`."
    )


def test_nor_is_one_in_a_folder_that_others_can_write(path: Path) -> None:
    put(path, CENTRAL).parent.chmod(0o775)
    with pytest.raises(ConfigError, match="can be written by others"):
        at(path)


def test_nor_one_behind_a_link_out_of_a_folder_that_others_can_write(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    path.symlink_to(put(other / "policy.toml", CENTRAL))
    assert at(path) is not None
    other.chmod(0o777)
    with pytest.raises(ConfigError, match=r"other can be written by others"):
        at(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_nor_one_that_belongs_to_somebody_else(path: Path) -> None:
    os.chown(put(path, CENTRAL), 65534, 65534)
    with pytest.raises(ConfigError, match="belongs to uid 65534, not to root"):
        central_policy(Mode.LIVE, path)


@pytest.mark.parametrize("make", ["dangling", "circle", "folder"])
def test_one_that_cannot_be_read_stops_everything(path: Path, make: str) -> None:
    match make:
        case "dangling":
            path.symlink_to(path.parent / "gone")
        case "circle":
            path.symlink_to(path)
        case "folder":
            path.mkdir(mode=0o755)
    with pytest.raises(ConfigError) as caught:
        at(path)
    assert caught.value.exit_code == 12


@contextmanager
def somebody() -> Iterator[None]:
    """While the program runs as a user who may not do everything."""
    own = os.geteuid()
    try:
        if own == 0:
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(own)


def test_one_in_a_folder_that_only_root_may_enter_stops_everything(path: Path) -> None:
    put(path, CENTRAL).parent.chmod(0)
    with somebody(), pytest.raises(ConfigError, match="cannot be read: Permission denied") as caught:
        central_policy(Mode.LIVE, path)
    path.parent.chmod(0o700)
    assert caught.value.exit_code == 12


def profile(**more: object) -> Profile:
    own = Policy(source="policy shop", max_refund={"USD": 5_000})
    usual = Profile(name="shop", path=Path("shop.toml"), mode=Mode.TEST, accounts={}, policy=own)
    return replace(usual, **more)


def test_a_profile_keeps_its_own_and_the_central_policy_the_sandbox_only_its_own(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(central_module, "PATH", put(path, CENTRAL))
    monkeypatch.setattr(central_module, "ROOT", os.geteuid())
    sources = [policy.source for policy in policies_of(profile())]
    assert sources == ["policy shop", str(path)]
    assert [policy.source for policy in policies_of(profile(policy=None))] == [str(path)]
    assert [policy.source for policy in policies_of(profile(sandbox=True))] == ["policy shop"]


def test_the_lines_that_an_example_leaves_to_choose_are_good() -> None:
    example = (Path(__file__).parents[2] / "profiles/examples/one-shop.toml").read_text(encoding="utf-8")
    policy = read(example[example.index("[policy]") :].replace("\n# ", "\n"))
    assert policy.max_refund == {"USD": 20_000, "EUR": 18_000}
    assert policy.require_ticket is not None
    assert matches(policy.require_ticket, "zendesk:35436")
