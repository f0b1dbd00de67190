"""The `[audit]` table is read whole, or every fault of it is told with its line and key."""

import os
from pathlib import Path

import pytest

from billctl.profiles import Gateways, Profile, ProfileError
from billctl.profiles.audit import AuditSettings
from billctl.profiles.files import parse_profile

GATEWAYS = Gateways(
    settings_of=lambda _: (),
    names=("stripe",),
    tells_account=lambda _: True,
    settings_faults=lambda _name, _settings, _live: {},
)
GOOD = 'mode = "test"\n[accounts.stripe]\ngateway = "stripe"\n[audit]\n'
EXAMPLE = 'Write anchors = ["git:/var/lib/billctl-anchor", "syslog"].'


def read(text: str) -> Profile:
    return parse_profile(GOOD + text, name="shop", path=Path("shop.toml"), gateways=GATEWAYS)


def test_a_full_table_is_read() -> None:
    assert read(
        'anchors = ["git:/var/lib/billctl-anchor", "syslog", "rfc3161:https://tsa.example/tsr#ca=/etc/tsa.pem"]\n'
        "anchor_hours = 6\nfail_closed = true\nreads = true\nretention_months = 24\n"
    ).audit == AuditSettings(
        anchors=(
            "git:/var/lib/billctl-anchor",
            "syslog",
            "rfc3161:https://tsa.example/tsr#ca=/etc/tsa.pem",
        ),
        anchor_hours=6,
        fail_closed=True,
        reads=True,
        retention_months=24,
    )


def test_what_it_leaves_out_has_a_default() -> None:
    assert read("").audit == AuditSettings(
        anchors=(), anchor_hours=24, fail_closed=False, reads=False, retention_months=12
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('anchors = "syslog"', f"anchors: must be a list of strings, not a string. {EXAMPLE}"),
        ("anchors = [1]", f"anchors[0]: must be a string, not a number. {EXAMPLE}"),
        (
            'anchors = ["git:relative"]',
            "anchors[0]: needs a whole path. Write it like git:/path/to/it.",
        ),
        (
            'anchors = ["syslog", "s3://bucket"]',
            "anchors[1]: names no kind of anchor. Write it like git:/var/lib/billctl-anchor, syslog, "
            "file:/mnt/worm/billctl, rfc3161:https://tsa.example/tsr#ca=/file.",
        ),
        ('anchors = ["syslog", "syslog"]', "anchors[1]: is there twice. Take one out."),
        (
            f"anchors = {[f'file:/{n}' for n in range(9)]}",
            "anchors: names more than 8 anchors. Take some out.",
        ),
        ("fail_closed = true", f"fail_closed: demands an anchor, and there is none. {EXAMPLE}"),
        (
            'anchors = []\nfail_closed = "yes"',
            "fail_closed: must be true or false, not a string. Write fail_closed = false.",
        ),
        ("reads = 1", "reads: must be true or false, not a number. Write reads = false."),
        (
            "anchor_hours = 0",
            "anchor_hours: must be from 1 hour to 8784, a year. Write anchor_hours = 24.",
        ),
        (
            "anchor_hours = 1.5",
            "anchor_hours: must be a whole number, not a number. Write anchor_hours = 24.",
        ),
        (
            "retention_months = 11",
            "retention_months: must be from 12 months to 1200: PCI DSS 10.5.1 demands twelve. "
            "Write retention_months = 12.",
        ),
        (
            "retention_months = true",
            "retention_months: must be a whole number, not true or false. Write retention_months = 12.",
        ),
        ("retension_months = 12", "retension_months: there is no such key. Did you mean retention_months?"),
    ],
)
def test_a_fault_has_its_line_and_key_and_a_way_out(text: str, fault: str) -> None:
    with pytest.raises(ProfileError) as caught:
        read(text + "\n")
    line = 5 + text.count("\n")
    assert [str(each) for each in caught.value.faults][-1] == f"shop.toml line {line}, audit.{fault}"


def test_an_audit_that_is_no_table_is_a_fault() -> None:
    with pytest.raises(ProfileError, match="audit: must be a table, not a string"):
        parse_profile(
            f'audit = "syslog"{os.linesep}{GOOD.removesuffix("[audit]" + chr(10))}',
            name="shop",
            path=Path("shop.toml"),
            gateways=GATEWAYS,
        )


def test_a_secret_in_an_anchor_is_told_without_it() -> None:
    key = "sk_live_" + "51HqCANARYcanaryCANARY"
    with pytest.raises(ProfileError) as caught:
        read(f'anchors = ["file:/x", "{key}"]\n')
    assert key not in str(caught.value.faults)
