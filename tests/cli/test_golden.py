"""What commands print, word for word, against files in `golden/`.

Dates, ages, ids of operations and hashes are normalised, keeping their width. To write the files anew:
`BILLCTL_GOLDEN=write pytest tests/cli/test_golden.py`, and read the difference.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from billctl.money import Money
from billctl.session import STORE
from tests.sample_log import refund, sample_log
from tests.shop import DISPUTED, HELD, PAID, PART, PAST_DUE, SUBSCRIPTION, WHY, Shop

FOLDER = Path(__file__).parent / "golden"

MOVING: tuple[tuple[str, str], ...] = (
    (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?Z", "YYYY-MM-DDTHH:MM:SSZ"),
    (r"\d{4}-\d{2}-\d{2} \d{2}:\d{2} [+-]\d{2}:\d{2}", "YYYY-MM-DD HH:MM +ZZ:ZZ"),
    (r"\d{4}-\d{2}-\d{2}", "YYYY-MM-DD"),
    (r"op_[0-9A-HJKMNP-TV-Z]{26}", "op_" + "0" * 26),
    (r"\d+\.\d s\b", "0.0 s"),
    (r"\b\d+ days?\b", "N days"),
    (r"head [0-9a-f]{8}…[0-9a-f]{4}", "head 00000000…0000"),
)

COMMANDS: dict[str, tuple[str, ...]] = {
    "lookup": ("lookup", "layla@example.com"),
    "show-charge": ("stripe", "show", PART),
    "show-subscription": ("stripe", "show", SUBSCRIPTION),
    "show-dispute": ("stripe", "show", "dp_SbxLayla0000001"),
    "list-charges": ("stripe", "charges", "--customer", "cus_SbxLayla000001"),
    "list-invoices": ("stripe", "invoices", "--customer", "cus_SbxLayla000001"),
    "list-customers": ("stripe", "customers", "--limit", "5"),
    "refund": ("stripe", "refund", PAID, "--amount", "12.50", *WHY),
    "refund-dry-run": ("stripe", "refund", PAID, "--amount", "12.50", "--reason", "twice", "--dry-run"),
    "void": ("stripe", "void", HELD, *WHY),
    "cancel": ("stripe", "cancel", SUBSCRIPTION, *WHY),
    "resend": ("stripe", "resend", PAST_DUE, *WHY),
    "refused": ("stripe", "refund", DISPUTED, "--amount", "10.00", *WHY),
}
FORMS = ("table", "json", "ndjson", "csv", "tsv")


def normal(text: str) -> str:
    """`text` with what moves replaced."""
    for pattern, shown in MOVING:
        text = re.sub(pattern, shown, text)
    return text


def compare(name: str, text: str, outer_env: Mapping[str, str]) -> None:
    path = FOLDER / name
    if outer_env.get("BILLCTL_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_what_its_file_says(
    shop: Shop, name: str, form: str, outer_env: Mapping[str, str]
) -> None:
    ran = shop.run(*COMMANDS[name], "-o", form)
    told = f"exit {ran.code}\n--- stdout\n{ran.out}--- stderr\n{ran.err}"
    compare(f"{name}.{form}.txt", normal(told), outer_env)


@pytest.mark.parametrize("form", ["table", "tsv"])
def test_the_audit_log_prints_what_its_file_says(shop: Shop, form: str, outer_env: Mapping[str, str]) -> None:
    shop.env["BILLCTL_OPERATOR"] = "amina"
    shop.run("stripe", "refund", PAID, "--amount", "12.50", *WHY)
    shop.run("stripe", "refund", DISPUTED, "--amount", "10.00", *WHY)
    shop.run("stripe", "refund", PAID, "--amount", "1", "--reason", "nobody said yes")
    shop.arm("answer-lost", "POST /v1/invoices/*", times=5)
    shop.run("stripe", "resend", PAST_DUE, *WHY)
    ran = shop.run("audit", "list", "-o", form)
    verified = shop.run("audit", "verify", "-o", "table")
    compare(f"audit-list.{form}.txt", normal(ran.out + verified.out), outer_env)


@pytest.mark.parametrize("form", FORMS)
def test_a_report_prints_what_its_file_says(tmp_path: Path, form: str, outer_env: Mapping[str, str]) -> None:
    shop = Shop(tmp_path / "state", tmp_path / "config", url="")
    with sample_log(shop.state_dir / STORE) as log:
        log.done(refund(1))
        log.done(refund(2))
        log.done(refund(3, Money(4000, "EUR"), gateway="paypal", reason_code=None), "pending", login="amir")
        log.done(refund(4, None, action="cancel"), login="amir")
        log.denied(refund(5), login="amir")
        log.followed(refund(6), log.done(refund(6)), "failed")
        log.later(days=20)
        log.done(refund(7, Money(310500, "KWD")), "unknown")
    ran = shop.run("audit", "report", "-o", form)
    told = f"exit {ran.code}\n--- stdout\n{ran.out}--- stderr\n{ran.err}"
    compare(f"audit-report.{form}.txt", normal(told), outer_env)


def test_no_file_is_left_over_from_a_command_that_is_gone() -> None:
    known = {f"{name}.{form}.txt" for name in COMMANDS for form in FORMS}
    known |= {f"audit-list.{form}.txt" for form in ("table", "tsv")}
    known |= {f"audit-report.{form}.txt" for form in FORMS}
    assert {path.name for path in FOLDER.iterdir()} == known
