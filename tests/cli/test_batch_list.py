"""`billctl batch list` and `batch show`: the plans on the shelf, and how far each is by the log."""

import json
from pathlib import Path

from tests.shop import PAID, PART, PAST_DUE, Shop

FAST = ("--yes", "--rate", "none")


def planned(shop: Shop, *rows: str) -> str:
    """The id of a new plan of refunds on the shelf."""
    source = shop.state_dir.parent / "rows.csv"
    source.write_text("ref,amount\n" + "".join(f"{row}\n" for row in rows))
    made = shop.run("batch", "plan", "refund", str(source), "--reason", "outage", "-o", "json")
    batch: str = made.data["id"]
    return batch


def test_where_no_plan_was_made_there_is_none(shop: Shop) -> None:
    assert shop.run("batch", "list", "-o", "json").data == []
    assert "no plan was made here" in shop.run("batch", "list", "-o", "table").out


def test_a_plan_is_on_the_shelf_with_what_came_of_it(shop: Shop) -> None:
    first = planned(shop, f"stripe:{PAID},12.50")
    second = planned(shop, f"stripe:{PART},5.00", "stripe:ch_SbxNobody0000001,1.00")
    assert shop.run("batch", "apply", second, *FAST).code == 7
    newest, oldest = shop.run("batch", "list", "-o", "json").data
    assert (newest["id"], newest["state"], newest["rows"]) == (second, "done with failures", 2)
    assert newest["run"]["counts"] == {"skipped": 1, "succeeded": 1}
    assert (oldest["id"], oldest["state"], oldest["run"]) == (first, "planned", None)
    assert oldest["totals"] == [{"amount": "12.50", "minor": 1250, "currency": "USD"}]
    rows = [line.split("\t") for line in shop.run("batch", "list").out.splitlines()]
    assert [(row[0], row[7], Path(row[8]).exists()) for row in rows] == [
        (second, "done with failures", True),
        (first, "planned", True),
    ]
    table = shop.run("batch", "list", "-o", "table").out
    assert first in table
    assert "12.50 USD" in table


def test_a_plan_is_shown_with_the_state_of_each_row_by_the_log(shop: Shop) -> None:
    batch = planned(shop, f"stripe:{PAID},12.50", f"stripe:{PART},5.00", "stripe:ch_SbxNobody0000001,1.00")
    assert shop.run("batch", "apply", batch, *FAST, "--canary", "1", "--workers", "1").code == 7
    data = shop.run("batch", "show", batch, "-o", "json").data
    assert data["states"] == {"done": 1, "ready": 1, "left_out": 1}
    assert (data["state"], data["run"]["stop"]) == ("stopped", "canary")
    rows = [json.loads(line) for line in shop.run("batch", "show", batch, "-o", "ndjson").out.splitlines()]
    assert [(row["ref"], row["state"], row["operation"] is None) for row in rows] == [
        (f"stripe:{PAID}", "done", False),
        (f"stripe:{PART}", "ready", True),
        ("stripe:ch_SbxNobody0000001", "left_out", True),
    ]
    table = shop.run("batch", "show", batch, "-o", "table").out
    for part in ("stopped: 1 succeeded, 1 skipped", "outage", "ch_SbxNobody0000001", data["hash"]):
        assert part in table, table


def test_a_batch_is_named_by_its_plan_its_id_or_the_beginning_of_one(shop: Shop) -> None:
    batch = planned(shop, f"stripe:{PAID},12.50")
    path = shop.run("batch", "show", batch, "-o", "json").data["path"]
    for name in (path, batch.lower(), batch[:12]):
        assert shop.run("batch", "show", name, "-o", "json").data["id"] == batch


def test_what_is_no_batch_or_was_changed_is_said(shop: Shop) -> None:
    for name in ("bat_", "bat_00000000000000000000000000", "no.plan", "rows.csv"):
        ran = shop.run("batch", "show", name)
        assert ran.code == 2, name
    path = Path(shop.run("batch", "show", planned(shop, f"stripe:{PAID},12.50"), "-o", "json").data["path"])
    path.write_text(path.read_text().replace('"outage"', '"outrage"'))
    ran = shop.run("batch", "show", str(path))
    assert ran.code == 2
    assert "was changed since the plan was made" in ran.line
    assert shop.run("batch", "apply", str(path), *FAST).code == 2
    assert shop.refunds() == []


def test_it_asks_no_gateway_and_needs_no_profile(shop: Shop) -> None:
    batch = planned(shop, f"stripe:{PAID},12.50")
    shop.use(url="http://127.0.0.1:9")
    shop.env.pop("BILLCTL_PROFILE")
    assert shop.run("batch", "show", batch).code == 0
    assert shop.run("batch", "list").code == 0
    assert PAST_DUE not in shop.run("batch", "list").out
