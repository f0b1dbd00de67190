"""`billctl stripe resend`: the invoice or its receipt, to whom the gateway can really send it."""

import pytest

from tests.cli.program import billctl
from tests.shop import PAID, PAID_INVOICE, PAST_DUE, WHY, Shop, changes, recorded

LAYLA = "layla@example.com"


def test_a_past_due_invoice_is_sent_again(shop: Shop) -> None:
    ran = shop.run("stripe", "resend", PAST_DUE, *WHY, "-o", "json")
    assert ran.code == 0
    data = ran.data
    assert (data["action"], data["ref"], data["outcome"]) == ("resend", f"stripe:{PAST_DUE}", "succeeded")
    assert data["result"] | {"note": ""} == {
        "type": "delivery",
        "invoice": f"stripe:{PAST_DUE}",
        "message": "invoice",
        "to": LAYLA,
        "note": "",
    }
    assert "Stripe sends no e-mail in test mode." in ran.line
    assert shop.sent_invoices() == 1


def test_a_paid_automatic_invoice_gets_its_receipt(shop: Shop) -> None:
    ran = shop.run("stripe", "resend", PAID_INVOICE, *WHY, "-o", "json")
    assert ran.code == 0
    assert (ran.data["result"]["message"], ran.data["result"]["to"]) == ("receipt", LAYLA)
    assert shop.receipt(PAID) == LAYLA


def test_a_receipt_can_go_to_another_address(shop: Shop) -> None:
    ran = shop.run("stripe", "resend", PAID_INVOICE, "--to", "books@example.com", *WHY, "-o", "json")
    assert (ran.code, ran.data["result"]["to"]) == (0, "books@example.com")
    assert shop.receipt(PAID) == "books@example.com"


def test_an_invoice_goes_to_its_customer_only(shop: Shop) -> None:
    with recorded(shop) as proxy:
        ran = shop.run("stripe", "resend", PAST_DUE, "--to", "books@example.com", *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (5, "cannot_send")
    assert f"Stripe sends {PAST_DUE} to {LAYLA} only" in ran.line
    assert changes(proxy) == []


def test_the_same_e_mail_again_is_already_done_and_on_purpose_is_sent_again(shop: Shop) -> None:
    shop.run("stripe", "resend", PAST_DUE, *WHY)
    again = shop.run("stripe", "resend", PAST_DUE, *WHY, "-o", "json")
    assert (again.code, again.data["outcome"]) == (0, "already_done")
    assert shop.sent_invoices() == 1
    assert shop.run("stripe", "resend", PAST_DUE, *WHY, "--again", "2").code == 0
    assert shop.sent_invoices() == 2


def test_another_address_is_another_operation(shop: Shop) -> None:
    shop.run("stripe", "resend", PAID_INVOICE, *WHY)
    ran = shop.run("stripe", "resend", PAID_INVOICE, "--to", "books@example.com", *WHY, "-o", "json")
    assert ran.data["outcome"] == "succeeded"


def test_a_dry_run_says_what_would_be_sent_and_to_whom(shop: Shop) -> None:
    before = shop.fingerprint()
    ran = shop.run("stripe", "resend", PAST_DUE, "--reason", "lost it", "--dry-run", "-o", "json")
    assert ran.code == 0
    assert ran.data["plan"]["sends"] == f"the invoice to {LAYLA}"
    assert ran.data["plan"]["undo"] == "no, an e-mail cannot be taken back"
    assert shop.fingerprint() == before


@pytest.mark.parametrize("status", ["draft", "void"])
def test_what_stripe_would_not_send_is_refused_with_what_to_do(shop: Shop, status: str) -> None:
    rows = shop.run("stripe", "invoices", "--status", status, "--limit", "1", "-o", "json").data
    assert rows, f"the shop has no {status} invoice"
    ran = shop.run("stripe", "resend", rows[0]["id"], *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (5, "cannot_send")
    assert "Nothing changed." in ran.line
    assert not ran.line.endswith("Nothing changed.")


def test_a_pipe_gets_one_row_with_the_receiver(shop: Shop) -> None:
    row = shop.run("stripe", "resend", PAST_DUE, *WHY).out.rstrip("\n").split("\t")
    assert row[1:] == ["resend", f"stripe:{PAST_DUE}", "succeeded", "", "", LAYLA]


def test_a_store_accepts_an_e_mail_which_is_not_called_sent() -> None:
    ran = billctl(
        "-p", "sandbox", "woocommerce", "resend", "1041", "--reason", "lost it", "--yes", "-o", "table"
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[0].split("  ") == ["Accepted by the store", "receipt to layla@example.com"]
    assert "whether the store's mail server delivers it" in ran.stderr
