"""Customers, subscriptions and invoices at the sandbox, through the real SDK."""

import pytest
import stripe

from tests.sandbox.conftest import Wire

LAYLA, SUBSCRIPTION = "cus_SbxLayla000001", "sub_SbxLayla000001"
PAST_DUE, PAID = "in_SbxLayla000001", "in_SbxLayla000002"


def test_a_customer_lives_and_is_deleted(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create(
        {
            "name": "نورة",
            "email": "n@example.com",
            "payment_method": "pm_card_visa",
            "address": {"city": "أبها"},
        }
    )
    assert (made.name, made.email) == ("نورة", "n@example.com")
    changed = client.v1.customers.update(made.id, {"name": "", "tax_exempt": "reverse"})
    assert (changed.name, changed.tax_exempt, changed.email) == (None, "reverse", "n@example.com")
    cards = client.v1.customers.payment_methods.list(made.id).data
    assert [card.card.last4 for card in cards if card.card] == ["4242"]
    subscription = client.v1.subscriptions.create(
        {
            "customer": made.id,
            "items": [{"price": "price_Sbx_pro_usd"}],
            "default_payment_method": cards[0].id,
        }
    )
    assert client.v1.customers.delete(made.id).deleted
    assert client.v1.customers.retrieve(made.id).to_dict() == {
        "id": made.id,
        "object": "customer",
        "deleted": True,
    }
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as gone:
        client.v1.customers.update(made.id, {"name": "x"})
    assert gone.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError) as none:
        client.v1.charges.create(
            {"amount": 500, "currency": "usd", "source": "tok_visa", "customer": made.id}
        )
    assert (none.value.code, none.value.param) == ("resource_missing", "customer")


def test_a_card_belongs_to_one_customer(client: stripe.StripeClient) -> None:
    card = client.v1.payment_methods.attach("pm_card_mastercard", {"customer": LAYLA})
    assert card.customer == LAYLA
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        client.v1.payment_methods.attach(card.id, {"customer": "cus_SbxEmma0000001"})
    assert client.v1.payment_methods.detach(card.id).customer is None
    made = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_amex"}})
    assert made.card is not None
    assert made.card.brand == "amex"


def test_canceling_now_ends_it_and_a_second_time_it_is_missed(
    wire: Wire, client: stripe.StripeClient
) -> None:
    ended = client.v1.subscriptions.cancel(
        SUBSCRIPTION,
        {
            "invoice_now": False,
            "prorate": False,
            "cancellation_details": {"comment": "op_1", "feedback": "other"},
        },
    )
    assert (ended.status, ended.ended_at, ended.cancel_at_period_end) == (
        "canceled",
        ended.canceled_at,
        False,
    )
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.to_dict() == {
        "comment": "op_1",
        "feedback": "other",
        "reason": "cancellation_requested",
    }
    assert wire.events("customer.subscription.deleted")[0]["data"]["object"]["id"] == SUBSCRIPTION
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.subscriptions.cancel(SUBSCRIPTION)
    assert (again.value.http_status, again.value.code) == (404, "resource_missing")
    assert client.v1.subscriptions.retrieve(SUBSCRIPTION).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="A canceled subscription can only update"):
        client.v1.subscriptions.update(SUBSCRIPTION, {"cancel_at_period_end": True})
    client.v1.subscriptions.update(SUBSCRIPTION, {"metadata": {"late": "note"}})


def test_canceling_at_the_period_end_can_be_taken_back(client: stripe.StripeClient) -> None:
    until = client.v1.subscriptions.update(SUBSCRIPTION, {"cancel_at_period_end": True})
    end = until["items"].data[0].current_period_end
    assert (until.status, until.cancel_at, until.cancel_at_period_end) == ("active", end, True)
    back = client.v1.subscriptions.update(SUBSCRIPTION, {"cancel_at_period_end": False})
    assert (back.cancel_at, back.canceled_at, back.cancel_at_period_end) == (None, None, False)


def test_canceling_stops_the_collection_of_open_invoices(client: stripe.StripeClient) -> None:
    client.v1.subscriptions.cancel("sub_SbxYusuf000001")
    open_ones = client.v1.invoices.list({"subscription": "sub_SbxYusuf000001", "status": "open"}).data
    assert [invoice.auto_advance for invoice in open_ones] == [False]


def test_the_period_is_on_the_item(client: stripe.StripeClient) -> None:
    subscription = client.v1.subscriptions.retrieve(SUBSCRIPTION)
    assert not hasattr(subscription, "current_period_end")
    item = subscription["items"].data[0]
    assert item.current_period_start < item.current_period_end
    assert item.price.unit_amount == 4900


def test_a_new_subscription_pays_its_first_invoice(client: stripe.StripeClient) -> None:
    made = client.v1.subscriptions.create(
        {
            "customer": LAYLA,
            "items": [{"price": "price_Sbx_basic_usd", "quantity": 2}],
            "expand": ["latest_invoice"],
        }
    )
    assert made.status == "active"
    invoice = made.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == (
        "paid",
        3800,
        "subscription_create",
    )
    assert client.v1.charges.list({"customer": LAYLA, "limit": 1}).data[0].amount == 3800


def test_a_subscription_whose_first_payment_fails_is_incomplete(client: stripe.StripeClient) -> None:
    made = client.v1.subscriptions.create(
        {
            "customer": LAYLA,
            "items": [{"price": "price_Sbx_basic_usd"}],
            "default_payment_method": "pm_card_chargeDeclined",
        }
    )
    assert made.status == "incomplete"
    with pytest.raises(stripe.CardError):
        client.v1.subscriptions.create(
            {
                "customer": LAYLA,
                "items": [{"price": "price_Sbx_basic_usd"}],
                "default_payment_method": "pm_card_chargeDeclined",
                "payment_behavior": "error_if_incomplete",
            }
        )
    statuses = [one.status for one in client.v1.subscriptions.list({"customer": LAYLA, "status": "all"}).data]
    assert statuses == ["incomplete", "active"]


def test_a_trial_costs_nothing_yet(client: stripe.StripeClient) -> None:
    made = client.v1.subscriptions.create(
        {"customer": LAYLA, "items": [{"price": "price_Sbx_basic_usd"}], "trial_period_days": 7}
    )
    assert (made.status, made.latest_invoice) == ("trialing", None)
    assert made.trial_end == made["items"].data[0].current_period_end


def test_items_are_changed_by_their_id(client: stripe.StripeClient) -> None:
    item = client.v1.subscriptions.retrieve(SUBSCRIPTION)["items"].data[0]
    changed = client.v1.subscriptions.update(
        SUBSCRIPTION, {"items": [{"id": item.id, "quantity": 3}], "proration_behavior": "none"}
    )
    assert changed["items"].data[0].quantity == 3
    assert client.v1.subscription_items.retrieve(item.id).quantity == 3
    listed = client.v1.subscription_items.list({"subscription": SUBSCRIPTION}).data
    assert [one.id for one in listed] == [item.id]


def test_an_invoice_to_be_sent_is_sent(wire: Wire, client: stripe.StripeClient) -> None:
    invoice = client.v1.invoices.send_invoice(PAST_DUE)
    assert (invoice.status, invoice.amount_due, invoice.amount_remaining) == ("open", 12_000, 12_000)
    (told,) = wire.events("invoice.sent")
    assert told["data"]["object"]["number"] == invoice.number


def test_an_invoice_that_is_charged_cannot_be_sent(wire: Wire, client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="collection method is 'send_invoice'") as refused:
        client.v1.invoices.send_invoice(PAID)
    assert refused.value.http_status == 400
    assert wire.events("invoice.sent") == []


def test_a_draft_is_finalised_by_sending_and_a_void_one_is_not_sent(client: stripe.StripeClient) -> None:
    draft = next(
        one
        for one in client.v1.invoices.list({"status": "draft"}).data
        if one.collection_method == "send_invoice"
    )
    assert draft.number is None
    sent = client.v1.invoices.send_invoice(draft.id)
    assert (sent.status, bool(sent.number), bool(sent.hosted_invoice_url)) == ("open", True, True)
    client.v1.invoices.void_invoice(draft.id)
    with pytest.raises(stripe.InvalidRequestError, match="void"):
        client.v1.invoices.send_invoice(draft.id)


def test_an_invoice_is_built_finalised_and_paid(client: stripe.StripeClient) -> None:
    client.v1.invoice_items.create(
        {"customer": LAYLA, "amount": 2500, "currency": "usd", "description": "Work"}
    )
    draft = client.v1.invoices.create(
        {
            "customer": LAYLA,
            "collection_method": "send_invoice",
            "days_until_due": 14,
            "pending_invoice_items_behavior": "include",
        }
    )
    assert (draft.status, draft.total, draft.lines.data[0].description) == ("draft", 2500, "Work")
    assert draft.id
    opened = client.v1.invoices.finalize_invoice(draft.id)
    assert opened.due_date == opened.created + 14 * 86_400
    paid = client.v1.invoices.pay(draft.id, {"payment_method": "pm_card_visa"})
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 2500, 0)
    (payment,) = client.v1.invoice_payments.list({"invoice": draft.id}).data
    assert (payment.status, payment.amount_paid) == ("paid", 2500)
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        client.v1.invoices.pay(draft.id)


def test_a_declined_payment_leaves_the_invoice_open(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(PAST_DUE, {"payment_method": "pm_card_chargeDeclined"})
    invoice = client.v1.invoices.retrieve(PAST_DUE)
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    assert client.v1.invoices.pay(PAST_DUE).status == "paid"


def test_states_of_an_invoice_only_go_forwards(client: stripe.StripeClient) -> None:
    lost = client.v1.invoices.mark_uncollectible(PAST_DUE)
    assert lost.status == "uncollectible"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.invoices.mark_uncollectible(PAST_DUE)
    voided = client.v1.invoices.void_invoice(PAST_DUE)
    assert (voided.status, voided.status_transitions.voided_at is not None) == ("void", True)
    for change in (
        client.v1.invoices.void_invoice,
        client.v1.invoices.pay,
        client.v1.invoices.finalize_invoice,
    ):
        with pytest.raises(stripe.InvalidRequestError):
            change(PAST_DUE)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.invoices.void_invoice(PAID)


def test_an_invoice_paid_elsewhere_takes_no_card(client: stripe.StripeClient) -> None:
    before = len(client.v1.charges.list({"customer": LAYLA}).data)
    assert client.v1.invoices.pay(PAST_DUE, {"paid_out_of_band": True}).status == "paid"
    assert len(client.v1.charges.list({"customer": LAYLA}).data) == before


def test_products_and_prices_are_made_for_subscriptions(client: stripe.StripeClient) -> None:
    product = client.v1.products.create({"name": "Gold"})
    price = client.v1.prices.create(
        {"product": product.id, "currency": "kwd", "unit_amount": 12_500, "recurring": {"interval": "month"}}
    )
    assert (price.type, price.unit_amount) == ("recurring", 12_500)
    assert [one.id for one in client.v1.prices.list({"product": product.id}).data] == [price.id]
    assert product.id in [one.id for one in client.v1.products.list({"active": True}).data]
    one_time = client.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 100})
    with pytest.raises(stripe.InvalidRequestError, match="recurring"):
        client.v1.subscriptions.create({"customer": LAYLA, "items": [{"price": one_time.id}]})
