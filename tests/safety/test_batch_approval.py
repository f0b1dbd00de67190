"""A plan above the limits is approved as one thing, by another user, and as it was reviewed."""

import hashlib
from pathlib import Path

import pytest

from tests.safety.test_approvals import House, opened
from tests.shop import PAID, PART

ROWS = f"ref,amount,reason\nstripe:{PAID},12.50,charged twice\nstripe:{PART},20.00,broken on arrival\n"


def planned(house: House) -> Path:
    """Amina's plan."""
    rows, plan = house.amina.home / "rows.csv", house.amina.home / "refunds.plan"
    house.amina.write(rows, ROWS)
    made = house.amina.run("batch", "plan", "refund", str(rows), "--out", str(plan))
    assert made.code == 0, made.err
    return plan


@pytest.mark.slow
def test_another_user_approves_a_plan_as_one_thing_and_sees_what_it_is(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        plan = planned(house)
        apply = ("batch", "apply", str(plan), "--yes")
        request = house.ask(*apply)
        assert house.shop.refunds() == []
        shown = house.omar.run("approvals", "show", request, "-o", "table").out
        for part in (
            *("batch refund", "2 rows, 32.50 USD", "is above 10.00 USD", "approve_above"),
            *(f"stripe:{PAID}, 12.50 USD", f"stripe:{PART}, 20.00 USD", "broken on arrival"),
        ):
            assert part in shown
        assert "guest" not in shown
        own = house.amina.run("approvals", "approve", request, "--reason", "my own", "--yes")
        assert own.code == 8
        house.approve(request)
        done = house.amina.run(*apply, "-o", "json")
        assert (done.code, done.data["counts"]) == (0, {"succeeded": 2})
        assert house.shop.refunds() == [1250]
        (listed,) = house.omar.run("approvals", "list", "--all", "-o", "json").data
        assert (listed["status"], listed["ref"]) == ("used", f"batch:{done.data['id']}")


@pytest.mark.slow
def test_a_plan_that_is_edited_after_it_was_approved_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as house:
        plan = planned(house)
        apply = ("batch", "apply", str(plan), "--yes")
        house.approve(house.ask(*apply))
        body = "".join(plan.read_text().splitlines(keepends=True)[:-1])
        body = body.replace("12.50", "22.50").replace("1250", "2250").replace("32.50", "42.50")
        body = body.replace("3250", "4250")
        digest = hashlib.sha256(body.encode()).hexdigest()
        plan.write_text(f'{body}{{"type":"end","sha256":"{digest}"}}\n')
        refused = house.amina.run(*apply)
        assert (refused.code, house.shop.refunds()) == (2, [])
        for known in (house.amina.home / "state" / "batches").glob("bat_*.json"):
            known.unlink()  # as on a machine that never saw the plan that was made
        asked = house.amina.run(*apply)
        assert (asked.code, house.shop.refunds()) == (15, [])
