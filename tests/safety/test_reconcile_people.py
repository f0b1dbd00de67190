"""A person's word never moves money twice: after `audit resolve`, right or wrong, the command is run again.

The gateway acted and the outcome could not be recorded; what a reconciliation would find is hidden, so that
a person is let in where a gateway can tell too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from billctl.errors import OutcomeUnknown, StoreError
from billctl.store.sqlite import SqliteStore
from tests.safety.acts import ACTS, Act, opened
from tests.shop import Shop

FAST = {
    "refund part, Stripe",
    "refund part, PayPal",
    "cancel now, Stripe",
    "void by intent, Stripe",
    "resend, PayPal",
}
EVERY = [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in ACTS]

UNKEYED = {"resend, PayPal", "resend, WooCommerce"}
"""E-mails whose gateway knows no key: PayPal keeps no trace, a store's note names the operation alone, and to
run it again is another one. Here a wrong word is believed, and one e-mail more is sent."""


@contextmanager
def resolved(name: str, folder: Path, verdict: str) -> Iterator[tuple[Shop, Act]]:
    """A shop where the act was done, and a person has said `verdict` of it."""
    act = ACTS[name]
    with opened(act, folder / "shop") as shop:
        with mock.patch.object(SqliteStore, "finish", side_effect=StoreError("no space", code="full")):
            assert shop.run(*act.words).code == 9
        assert act.effects(shop) == 1
        blind = mock.patch("billctl.reconcile._look", side_effect=OutcomeUnknown("no trace", code="no_trace"))
        with blind, mock.patch("billctl.reconcile._too_early", return_value=0):
            (row,) = shop.run("audit", "reconcile", "-o", "json").data
        words = ("--as", verdict, "--reason", "so he said", "--yes")
        assert shop.run("audit", "resolve", row["operation"], *words).code == 0
        yield shop, act


@pytest.mark.parametrize("name", EVERY)
def test_what_a_person_says_was_done_is_not_done_again(name: str, tmp_path: Path) -> None:
    with resolved(name, tmp_path, "done") as (shop, act):
        again = shop.run(*act.words, "-o", "json")
        assert act.effects(shop) == 1
        if again.code != 11:  # PayPal does not show all refunds of the payment yet
            assert (again.code, again.data["outcome"]) == (0, "already_done")


@pytest.mark.parametrize("name", EVERY)
def test_what_a_person_wrongly_says_was_not_done_is_still_done_once(name: str, tmp_path: Path) -> None:
    with resolved(name, tmp_path, "not-done") as (shop, act):
        again = shop.run(*act.words, "-o", "json")
        assert again.code in {0, 5, 11}, again.err
        assert act.effects(shop) == (2 if name in UNKEYED else 1)
