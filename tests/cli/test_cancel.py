"""`billctl stripe cancel`: when the period ends or at once, again, and after it has ended."""

from billctl.sandbox import ACCOUNT_ID
from tests.shop import SUBSCRIPTION, WHY, Shop, changes, recorded

CANCEL = ("stripe", "cancel", SUBSCRIPTION)


def test_by_default_it_ends_when_the_paid_period_does(shop: Shop) -> None:
    ran = shop.run(*CANCEL, *WHY, "-o", "json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.document["command"] == "stripe cancel"
    data = ran.data
    assert (data["action"], data["ref"], data["outcome"]) == ("cancel", f"stripe:{SUBSCRIPTION}", "succeeded")
    assert data["amount"] is None
    assert data["result"]["cancel_at_period_end"] is True
    assert data["result"]["status"] == "active"
    assert data["audit"]["outcome"] == data["audit"]["intent"] + 1
    assert shop.subscription()["cancel_at_period_end"] is True
    assert shop.subscription()["status"] == "active"


def test_the_default_can_be_said(shop: Shop) -> None:
    assert shop.run(*CANCEL, "--at-period-end", *WHY).code == 0
    assert shop.subscription()["cancel_at_period_end"] is True


def test_now_ends_it_now(shop: Shop) -> None:
    ran = shop.run(*CANCEL, "--now", *WHY, "-o", "json")
    assert (ran.code, ran.data["outcome"], ran.data["result"]["status"]) == (0, "succeeded", "canceled")
    assert shop.subscription()["status"] == "canceled"


def test_the_same_cancellation_again_is_already_done(shop: Shop) -> None:
    for option in ("--at-period-end", "--now"):
        first = shop.run(*CANCEL, option, *WHY, "-o", "json").data
        with recorded(shop) as proxy:
            again = shop.run(*CANCEL, option, *WHY, "-o", "json")
        assert (again.code, again.data["outcome"]) == (0, "already_done")
        assert again.data["operation"] == first["operation"]
        assert changes(proxy) == []


def test_what_is_set_to_end_can_still_be_ended_now(shop: Shop) -> None:
    assert shop.run(*CANCEL, *WHY).code == 0
    assert shop.run(*CANCEL, "--now", *WHY).code == 0
    assert shop.subscription()["status"] == "canceled"


def test_what_has_ended_cannot_be_set_to_end(shop: Shop) -> None:
    shop.run(*CANCEL, "--now", *WHY)
    ran = shop.run(*CANCEL, *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (5, "subscription_already_canceled")


def test_a_second_time_on_purpose_is_refused_as_there_is_nothing_left_to_do(shop: Shop) -> None:
    shop.run(*CANCEL, *WHY)
    ran = shop.run(*CANCEL, *WHY, "--again", "2", "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (5, "subscription_already_canceling")
    assert "To end it at once: --now." in ran.line


def test_a_dry_run_says_when_it_would_end_and_changes_nothing(shop: Shop) -> None:
    before = shop.fingerprint()
    ran = shop.run(*CANCEL, "--now", "--reason", "moving away", "--dry-run", "-o", "json")
    assert ran.code == 0
    assert ran.data["plan"]["ends"] == "now"
    assert ran.data["plan"]["money"] == "no refund of the time that is left"
    assert shop.fingerprint() == before


def test_canceling_now_makes_no_invoice_and_no_proration(shop: Shop) -> None:
    with recorded(shop) as proxy:
        shop.run(*CANCEL, "--now", *WHY)
    assert changes(proxy) == [("DELETE", f"/v1/subscriptions/{SUBSCRIPTION}")]


def test_without_the_log_the_stamp_still_says_that_it_was_this_operation(shop: Shop) -> None:
    first = shop.run(*CANCEL, *WHY, "-o", "json").data
    for path in shop.state_dir.glob("audit.sqlite*"):
        path.unlink()
    ran = shop.run(*CANCEL, *WHY, "-o", "json")
    assert (ran.code, ran.data["outcome"]) == (0, "already_done")
    assert first["outcome"] == "succeeded"


def test_a_pipe_gets_one_row(shop: Shop) -> None:
    row = shop.run(*CANCEL, *WHY).out.rstrip("\n").split("\t")
    assert row[1:6] == ["cancel", f"stripe:{SUBSCRIPTION}", "succeeded", "", ""]
    assert row[6] == SUBSCRIPTION


def test_a_cancellation_that_was_undone_since_is_not_called_done(shop: Shop) -> None:
    assert shop.run("stripe", "cancel", SUBSCRIPTION, *WHY).code == 0
    shop.reactivate()
    again = shop.run("stripe", "cancel", SUBSCRIPTION, *WHY, "-o", "json")
    assert (again.code, again.document["errors"][0]["code"]) == (10, "operation_done")
    assert "is not as it left it" in again.line
    assert "--again 2" in again.line
    assert shop.run("stripe", "cancel", SUBSCRIPTION, *WHY, "--again", "2").code == 0
    assert shop.subscription()["cancel_at_period_end"] is True


def test_what_was_done_in_test_mode_is_not_called_done_in_live_mode(shop: Shop) -> None:
    assert shop.run("stripe", "cancel", SUBSCRIPTION, "--now", *WHY).code == 0
    shop.live(unattended=True)
    live = shop.run("stripe", "cancel", SUBSCRIPTION, "--now", *WHY, "--live", ACCOUNT_ID, "-o", "json")
    assert (live.code, live.data["outcome"]) == (0, "succeeded")
