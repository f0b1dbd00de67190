"""What billctl refuses by itself: the live guard, and changes with nobody there to ask."""

from typing import Any

import pytest

from billctl.errors import PolicyDenied
from billctl.gateway import Identity
from billctl.policy.live import check_live_assertion, check_unattended

IDENTITY = Identity(id="acct_1Abc", name="Example GmbH", live=True)


@pytest.mark.parametrize(
    ("asserted", "identity"),
    [(None, IDENTITY), (None, None), ("acct_1Abc", IDENTITY)],
)
def test_a_named_account_that_is_the_credentials_own_passes(
    asserted: str | None, identity: Identity | None
) -> None:
    check_live_assertion(asserted, identity)


@pytest.mark.parametrize(
    ("asserted", "identity"),
    [
        ("acct_other", IDENTITY),
        ("ACCT_1ABC", IDENTITY),
        ("acct_1Abc ", IDENTITY),
        ("", IDENTITY),
        ("acct_1Abc", None),
        ("acct_1Abc", Identity(id=None, name=None, live=True)),
    ],
)
def test_any_other_named_account_is_denied(asserted: str, identity: Identity | None) -> None:
    with pytest.raises(PolicyDenied) as caught:
        check_live_assertion(asserted, identity)
    assert caught.value.code == "wrong_live_account"
    assert caught.value.exit_code == 8


PASSES: list[dict[str, Any]] = [
    {"yes": True, "live": False, "asserted": None, "allowed": False},
    {"yes": True, "live": False, "asserted": "acct_1Abc", "allowed": False},
    {"yes": True, "live": True, "asserted": "acct_1Abc", "allowed": True},
]


@pytest.mark.parametrize("case", PASSES)
def test_with_everything_said_it_goes_ahead_unattended(case: dict[str, Any]) -> None:
    check_unattended(**case, profile="shop")


@pytest.mark.parametrize(
    ("yes", "live", "asserted", "allowed", "code"),
    [
        (False, False, None, False, "not_confirmed"),
        (False, False, None, True, "not_confirmed"),
        (False, True, "acct_1Abc", True, "not_confirmed"),
        (True, True, None, True, "no_live_account"),
        (True, True, None, False, "no_live_account"),
        (True, True, "acct_1Abc", False, "unattended_not_allowed"),
    ],
)
def test_with_anything_missing_it_is_denied_and_says_what(
    yes: bool, live: bool, asserted: str | None, allowed: bool, code: str
) -> None:
    with pytest.raises(PolicyDenied) as caught:
        check_unattended(yes=yes, live=live, asserted=asserted, allowed=allowed, profile="shop")
    assert caught.value.code == code
    assert caught.value.line().endswith(caught.value.hint)
    assert "Nothing was sent." in caught.value.line()
