"""Mailing an order again: what the store says, and what reached the mail server."""

import pytest

from tests.sandbox.woocommerce.conftest import Wire

DETAILS = "POST orders/1041/actions/send_order_details"
EMAIL = "POST orders/1041/actions/send_email"


def test_order_details_are_mailed_and_noted_with_the_user_agent(wire: Wire) -> None:
    reply = wire.ask(DETAILS, {}, headers={"User-Agent": "billctl/1.0 op=op_1"})
    said = "Order details sent to layla@example.com, via billctl/1.0 op=op_1."
    assert (reply.status, reply.json) == (200, {"message": said})
    assert [note["note"] for note in wire.get("orders/1041/notes")] == [said]
    assert wire.mails() == [("layla@example.com", "customer_invoice", "")]


def test_later_versions_tell_the_user_agent_nowhere(wire: Wire) -> None:
    wire.configure(woo_version=100_400)
    wire.ask(DETAILS, {}, headers={"User-Agent": "billctl/1.0 op=op_1"})
    assert [note["note"] for note in wire.get("orders/1041/notes")] == [
        "Order details sent to layla@example.com."
    ]


def test_without_a_mail_server_everything_looks_the_same(wire: Wire) -> None:
    wire.configure(woo_mail_down=1)
    assert wire.ask(DETAILS, {}).status == 200
    assert len(wire.get("orders/1041/notes")) == 1
    assert wire.mails() == []


def test_an_unpaid_order_can_be_mailed_and_a_missing_one_not(wire: Wire) -> None:
    assert wire.ask("POST orders/1044/actions/send_order_details", {}).status == 200
    assert wire.ask("POST orders/999/actions/send_order_details", {}).error == (
        404,
        "woocommerce_rest_not_found",
        {"status": 404},
    )


def test_an_address_sent_along_is_refused_unless_it_is_forced_upon_the_order(wire: Wire) -> None:
    other = {"email": "other@example.com"}
    assert wire.ask(DETAILS, other).error[:2] == (400, "woocommerce_rest_order_billing_email_exists")
    assert wire.ask(DETAILS, other | {"force_email_update": True}).status == 200
    assert wire.get("orders/1041")["billing"]["email"] == "other@example.com"
    assert wire.ask(DETAILS, {"email": "nonsense"}).error[1] == "rest_invalid_param"


def test_before_9_8_an_address_sent_along_overwrites_the_orders(wire: Wire) -> None:
    wire.configure(woo_version=90_500)
    reply = wire.ask(DETAILS, {"email": "other@example.com"})
    assert reply.json == {"message": "Order details email sent to customer."}
    assert wire.get("orders/1041")["billing"]["email"] == "other@example.com"
    assert [address for address, _, _ in wire.mails()] == ["other@example.com"]


@pytest.mark.parametrize(
    ("order", "templates"),
    [
        (1041, ["customer_completed_order", "customer_invoice"]),
        (1042, ["customer_completed_order", "customer_invoice", "customer_refunded_order"]),
        (1044, ["customer_invoice"]),
    ],
)
def test_an_order_can_be_mailed_by_the_templates_of_its_status(
    shop: Wire, order: int, templates: list[str]
) -> None:
    found = shop.get(f"orders/{order}/actions/email_templates")
    assert [one["id"] for one in found] == templates


def test_a_template_of_another_status_is_refused(wire: Wire) -> None:
    assert wire.ask(EMAIL, {"template_id": "customer_failed_order"}).error[:2] == (
        400,
        "woocommerce_rest_invalid_email_template",
    )
    assert wire.ask(EMAIL, {"template_id": "nothing"}).error[1] == "rest_invalid_param"
    assert wire.mails() == []


def test_a_template_must_be_named_in_versions_that_do_not_choose_one(wire: Wire) -> None:
    assert wire.ask(EMAIL, {}).error[1] == "rest_missing_callback_param"
    assert (
        wire.ask(EMAIL, {"template_id": "customer_invoice"}).json["message"].startswith("Order details sent")
    )
    wire.configure(woo_version=100_700)
    assert wire.ask(EMAIL, {}).json == {
        "message": 'Email template "Completed order" sent to layla@example.com.'
    }
    assert [template for _, template, _ in wire.mails()] == ["customer_invoice", "customer_completed_order"]
