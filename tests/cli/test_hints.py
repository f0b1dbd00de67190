"""What billctl advises works: commands in its words can be run, and name what the gateway has."""

import pytest

from tests.cli.program import billctl, document

WHY = ("--reason", "customer asked")


@pytest.fixture(autouse=True)
def _sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLCTL_PROFILE", "sandbox")


@pytest.mark.parametrize(
    ("command", "invoice", "found"),
    [
        (("stripe", "pdf"), ("in_SbxLayla000001", "--out", "in.pdf"), "pdf_url"),
        (("stripe", "link"), ("in_SbxLayla000001",), "hosted_url"),
        (("paypal", "link"), ("INV2-SBXL-AYLA-0000-0001",), "hosted_url"),
        (("woocommerce", "link"), ("1044",), "hosted_url"),
    ],
)
def test_who_makes_no_pdf_or_link_names_where_the_invoice_has_one(
    command: tuple[str, ...], invoice: tuple[str, ...], found: str
) -> None:
    refused = billctl(*command, *invoice)
    assert refused.returncode == 2
    advised = refused.stderr.split("`billctl ")[1].split("`")[0].split()
    words = [invoice[0] if word in {"INVOICE", "ORDER"} else word for word in advised]
    assert document(*words)["data"][found].startswith("https://")


def test_an_end_at_recurly_names_the_command_that_takes_it_back() -> None:
    note = document("recurly", "cancel", "laylasub0001", *WHY, "--dry-run")["data"]["plan"]["note"]
    assert billctl("recurly", "cancel", "laylasub0001", *WHY, "--yes").returncode == 0
    command = note.split("`billctl ")[1].split(" --reason …`")[0].split()
    assert document(*command, *WHY, "--yes")["data"]["outcome"] == "succeeded"


def test_several_notes_of_a_rehearsal_are_one_text_of_sentences() -> None:
    plan = document("recurly", "refund", "laylatx00001", "--full", *WHY, "--dry-run")["data"]["plan"]
    assert "as a credit invoice of 1001. If the payment is not settled yet, Recurly voids it" in plan["note"]
    plan = document("woocommerce", "refund", "1041", "--full", *WHY, "--dry-run")["data"]["plan"]
    assert "nothing is put back in stock; " in plan["note"]


@pytest.mark.parametrize(
    ("gateway", "named", "why"),
    [
        ("recurly", "1001", "'1001' is none of this gateway's ids"),
        ("paypal", "INV-LAYLA-0001", "'INV-LAYLA-0001' is none of this gateway's ids"),
        ("stripe", "pi_SbxLayla0000001", "is a payment intent, which has no page here"),
    ],
)
def test_what_is_no_id_to_show_names_the_lookup_that_finds_it(gateway: str, named: str, why: str) -> None:
    refused = billctl(gateway, "show", named)
    assert refused.returncode == 2
    assert f"{why}. Nothing was sent." in refused.stderr
    command = refused.stderr.split("`billctl ")[1].split("`")[0].split()
    found = document(*command)["data"]["customers"]
    assert gateway in {customer["account"] for customer in found}


def test_a_kind_by_which_none_can_ask_is_named_without_a_promise() -> None:
    refused = billctl("stripe", "show", "evt_1Abc")
    assert "'evt_1Abc' is an event, which has no page here. Nothing was sent." in refused.stderr
    assert "Where it can be searched by, `billctl lookup evt_1Abc` finds" in refused.stderr
