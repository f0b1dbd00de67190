"""`billctl audit anchor`, and what anchors do to `verify`, `doctor`, `profile show` and to actions."""

from pathlib import Path

import pytest

from billctl.audit.anchors.file import FileAnchor
from billctl.audit.checkpoint import parse
from tests.shop import PAID, WHY, Shop


def use(shop: Shop, audit: str) -> None:
    """Let profile `shop` have these audit settings."""
    shop.use(more=f"[audit]\n{audit}\n")


def anchored(folder: Path) -> list[int]:
    return [each.checkpoint.size for each in FileAnchor(folder / "heads").read(limit=1)]


def test_the_head_goes_to_every_anchor_of_the_profile(shop: Shop, tmp_path: Path) -> None:
    use(shop, f'anchors = ["file:{tmp_path}/a", "file:{tmp_path}/b"]')
    shop.run("stripe", "refund", PAID, "--amount", "5", *WHY)
    ran = shop.run("audit", "anchor", "-o", "json")
    assert (ran.code, ran.err) == (0, "")
    assert [(row["anchor"], row["status"]) for row in ran.data["anchors"]] == [
        (f"file:{tmp_path}/a", "anchored"),
        (f"file:{tmp_path}/b", "anchored"),
    ]
    mark = parse(ran.data["checkpoint"])
    assert (mark.origin, mark.size, mark.hash) == (
        ran.data["origin"],
        ran.data["size"],
        ran.data["head"],
    )
    (row, *_) = shop.audit("--action", "audit anchor")
    assert (row["outcome"], row["phase"]) == ("succeeded", "note")


def test_an_anchor_can_be_named_without_any_profile(shop: Shop, tmp_path: Path) -> None:
    shop.env.pop("BILLCTL_PROFILE")
    ran = shop.run("audit", "anchor", "--to", f"file:{tmp_path}/heads", "-o", "table")
    assert ran.code == 0
    assert ran.out.startswith("2 records, head ")
    assert anchored(tmp_path) == [2]
    assert shop.run("audit", "anchor", "-q", "-o", "table", "--to", f"file:{tmp_path}/heads").out == ""


def test_some_that_fail_are_partial_and_all_that_fail_are_the_stores_failure(
    shop: Shop, tmp_path: Path
) -> None:
    lost, kept = f"file:{tmp_path}/unmounted/heads", f"file:{tmp_path}/heads"
    some = shop.run("audit", "anchor", "--to", lost, "--to", kept, "-o", "json")
    assert (some.code, some.document["exit"]["class"]) == (7, "partial")
    assert [row["status"] for row in some.data["anchors"]] == ["failed", "anchored"]
    none = shop.run("audit", "anchor", "--to", lost)
    assert none.code == 9
    assert "unmounted/heads cannot be written: No such file or directory" in none.line
    assert [row["outcome"] for row in shop.audit("--action", "audit anchor")] == [
        "failed",
        "failed",
        "pending",
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("anchor", "--to", "s3:/bucket"), "--to 's3:/bucket' names no kind of anchor"),
        (("verify", "--anchor", "git:x"), "--anchor 'git:x' needs a whole path"),
        (("anchor",), "profile shop names no anchor"),
    ],
)
def test_what_names_no_anchor_is_a_usage_error(shop: Shop, arguments: tuple[str, ...], why: str) -> None:
    ran = shop.run("audit", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.line


def test_verify_says_when_and_where_the_log_was_last_anchored(shop: Shop, tmp_path: Path) -> None:
    use(shop, f'anchors = ["file:{tmp_path}/heads"]')
    shop.run("audit", "anchor")
    ran = shop.run("audit", "verify", "-o", "table")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("3 records, chain whole, head ")
    assert " · last anchored 20" in ran.out
    assert ran.out.endswith(" (file), 1 record since\n")
    (anchor,) = shop.run("audit", "verify", "-o", "json").data["anchors"]
    assert (anchor["status"], anchor["checkpoints"], anchor["last"]["size"]) == ("agrees", 1, 2)


def test_a_profiles_anchor_that_cannot_be_read_is_a_warning_and_a_named_one_an_error(
    shop: Shop, tmp_path: Path
) -> None:
    spec = f"file:{tmp_path}/heads"
    use(shop, f'anchors = ["{spec}"]')
    shop.run("audit", "anchor")
    (tmp_path / "heads").unlink()
    ran = shop.run("audit", "verify", "-o", "table")
    assert ran.code == 0
    assert ran.out.endswith("· not anchored\n")
    assert f"not compared with {spec}" in ran.line
    named = shop.run("audit", "verify", "--anchor", spec, "-o", "json")
    assert (named.code, named.document["errors"][0]["code"]) == (9, "not_compared")
    assert named.data["whole"] is False


def test_verify_needs_no_profile_that_can_be_read(shop: Shop) -> None:
    shop.run("audit", "anchor", "--to", "file:/nosuch/x")
    shop.profile("shop", "no TOML")
    ran = shop.run("audit", "verify")
    assert ran.code == 0
    assert "the profile's anchors were not compared" in ran.line


def test_a_refund_anchors_the_log_when_it_is_due(shop: Shop, tmp_path: Path) -> None:
    use(shop, f'anchors = ["file:{tmp_path}/heads"]')
    ran = shop.run("stripe", "refund", PAID, "--amount", "5", *WHY)
    assert (ran.code, ran.err) == (0, "")
    assert anchored(tmp_path) == [3]
    shop.run("stripe", "refund", PAID, "--amount", "6", *WHY)
    assert anchored(tmp_path) == [3]


def test_an_anchor_that_fails_after_a_refund_is_a_warning(shop: Shop, tmp_path: Path) -> None:
    use(shop, f'anchors = ["file:{tmp_path}/unmounted/heads"]')
    ran = shop.run("stripe", "refund", PAID, "--amount", "5", *WHY, "-o", "json")
    assert (ran.code, ran.data["outcome"]) == (0, "succeeded")
    assert any("the log was not anchored" in warning for warning in ran.document["warnings"])


def test_a_demanded_anchor_that_fails_stops_a_refund_before_it_is_sent(shop: Shop, tmp_path: Path) -> None:
    use(shop, f'anchors = ["file:{tmp_path}/unmounted/heads"]\nfail_closed = true')
    ran = shop.run("stripe", "refund", PAID, "--amount", "5", *WHY)
    assert ran.code == 9
    assert (
        "unmounted/heads cannot be written: No such file or directory, and the profile demands it" in ran.line
    )
    assert "Nothing was sent." in ran.line
    assert shop.refunds() == []
    assert ("refund", "not_sent") in shop.operations()
    (tmp_path / "unmounted").mkdir()
    assert shop.run("stripe", "refund", PAID, "--amount", "5", *WHY).code == 0
    assert shop.refunds() == [500]


def test_lookups_are_recorded_where_the_profile_asks_and_only_there(shop: Shop) -> None:
    shop.run("lookup", "layla@example.com")
    assert shop.run("audit", "list", "-o", "json").data == []
    use(shop, "reads = true")
    assert shop.run("lookup", "layla@example.com").code == 0
    assert shop.run("lookup", "4242 4242 4242 4242").code != 0
    rows = shop.audit("--action", "lookup")
    assert len(rows) == 2
    shown = shop.run("audit", "show", str(rows[-1]["seq"]), "-o", "json").out
    assert "layla@example.com" in shown
    assert "cus_SbxLayla000001" in shown
    masked = shop.run("audit", "show", str(rows[0]["seq"]), "-o", "json").out
    assert "4242 4242 4242" not in masked


def test_a_lookup_that_cannot_be_recorded_shows_nothing(shop: Shop) -> None:
    use(shop, "reads = true")
    (shop.state_dir / "audit.sqlite").write_text("garbage " * 1000)
    (shop.state_dir / "audit.sqlite").chmod(0o600)
    ran = shop.run("lookup", "layla@example.com")
    assert (ran.code, ran.out) == (9, "")


def test_doctor_and_profile_show_know_the_anchors(shop: Shop, tmp_path: Path) -> None:
    use(shop, f'anchors = ["file:{tmp_path}/heads"]\nanchor_hours = 6')
    values = {row["name"]: row for row in shop.run("profile", "show", "shop", "-o", "json").data["values"]}
    assert values["audit.anchors"]["value"] == f'["file:{tmp_path}/heads"]'
    assert values["audit.anchor_hours"]["where"] == "shop.toml line 4"
    assert values["audit.fail_closed"]["source"] == "default"
    for status in ("warning", "ok"):
        checks = shop.run("doctor", "-o", "json").data["checks"]
        found = [check for check in checks if check["check"] == "anchors"]
        assert (found[0]["status"], found[1]["status"]) == (status, "warning")
        assert "on the same storage as the log" in found[1]["detail"]
        shop.run("audit", "anchor")
