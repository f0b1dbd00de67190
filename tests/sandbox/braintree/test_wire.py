"""What only plain HTTP shows: keys, versions, statuses without a body, documents, compression."""

import sqlite3
import zlib
from contextlib import closing
from typing import Any

import pytest

from billctl.sandbox import state
from billctl.sandbox.braintree.xml import BadXml, Collection, Items, Typed, parse, render
from tests.sandbox.braintree.conftest import LIVE, TEST, Wire

LAYLA = "GET /customers/layla"
SALE = (
    "<transaction><type>sale</type><amount>10.00</amount>"
    "<payment_method_nonce>fake-valid-nonce</payment_method_nonce></transaction>"
)


@pytest.mark.parametrize(
    "keys",
    [
        (TEST[0], TEST[1], "wrong"),
        (TEST[0], "wrong", TEST[2]),
        (TEST[0], LIVE[1], TEST[2]),
        (TEST[0], "", ""),
    ],
)
def test_a_wrong_pair_of_keys_is_401_without_a_body(shop: Wire, keys: tuple[str, str, str]) -> None:
    reply = shop.ask(LAYLA, keys=keys)
    assert (reply.status, reply.body) == (401, b"")


@pytest.mark.parametrize("header", ["", "Bearer token", "Basic ???", "Basic"])
def test_another_kind_of_key_is_401(shop: Wire, header: str) -> None:
    assert shop.ask(LAYLA, headers={"Authorization": header}).status == 401


def test_keys_open_their_own_merchant_only(shop: Wire) -> None:
    assert shop.ask(LAYLA, merchant=LIVE[0]).status == 403
    assert shop.ask(LAYLA, keys=LIVE, merchant=TEST[0]).status == 403


@pytest.mark.parametrize("version", ["", "7", "x"])
def test_a_client_of_another_version_is_426(shop: Wire, version: str) -> None:
    assert shop.ask(LAYLA, headers={"X-ApiVersion": version}).status == 426


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /customers/nobody",
        "GET /transactions/nothere",
        "PUT /transactions/nothere/void",
        "GET /invoices/1",
        "DELETE /transactions/layla001",
        "GET /merchant_accounts/?page=0",
        "GET /merchant_accounts/?page=x",
        "POST /disputes/advanced_search?page=-1",
    ],
)
def test_what_is_not_there_is_404_without_a_body(shop: Wire, request_line: str) -> None:
    reply = shop.ask(request_line)
    assert (reply.status, reply.body) == (404, b"")


@pytest.mark.parametrize(
    "body",
    [
        "<transaction>",
        "no xml",
        "<a></b>",
        "<transaction>\x1b</transaction>",
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        "<a>" * 40_000 + "</a>" * 40_000,
    ],
)
def test_what_is_no_document_is_400(shop: Wire, body: str) -> None:
    assert shop.ask("POST /transactions", body).status == 400


def test_answers_are_compressed_when_asked_for(shop: Wire) -> None:
    plain = shop.ask(LAYLA)
    packed = shop.ask(LAYLA, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert zlib.decompress(packed.body, wbits=31) == plain.body
    assert "content-encoding" not in plain.headers
    assert plain.headers["content-type"] == "application/xml; charset=utf-8"
    assert "content-encoding" not in shop.ask("GET /customers/x", headers={"Accept-Encoding": "gzip"}).headers


def test_making_something_is_201_and_everything_else_200(wire: Wire) -> None:
    assert wire.ask("POST /transactions", SALE).status == 201
    assert wire.ask("POST /customers", "<customer/>").status == 201
    assert wire.ask("PUT /transactions/layla005/void").status == 200
    assert wire.ask("POST /transactions/advanced_search_ids", "<search/>").status == 200
    accepted = wire.ask("PUT /disputes/layladispute0001/accept")
    assert (accepted.status, accepted.body) == (200, b"")


def test_an_error_document_has_code_attribute_message_and_the_request_without_the_card(wire: Wire) -> None:
    body = (
        "<transaction><amount>5,00</amount><type>sale</type><options><submit_for_settlement "
        'type="boolean">true</submit_for_settlement></options>'
        "<credit_card><number>4111111111111111</number><cvv>123</cvv></credit_card></transaction>"
    )
    reply = wire.ask("POST /transactions", body)
    assert (reply.status, reply.root.tag) == (422, "api-error-response")
    (error,) = reply.root.findall("errors/transaction/errors/error")
    assert {child.tag: (child.text, child.get("type")) for child in error} == {
        "code": ("81503", None),
        "attribute": ("amount", "symbol"),
        "message": ("Amount is an invalid format.", None),
    }
    assert reply.text("message") == "Amount is an invalid format."
    assert reply.text("params/transaction/amount") == "5,00"
    assert reply.text("params/transaction/options/submit-for-settlement") == "true"
    assert b"4111" not in reply.body
    assert b"<cvv>" not in reply.body


def test_an_error_about_the_card_is_below_the_card(wire: Wire) -> None:
    body = SALE.replace(
        "payment_method_nonce>fake-valid-nonce</payment_method_nonce", "credit_card></credit_card"
    )
    assert wire.ask("POST /transactions", body).codes == ["91508"]
    body = body.replace("<credit_card>", "<credit_card><number>12</number>")
    reply = wire.ask("POST /transactions", body)
    assert reply.text("errors/transaction/credit-card/errors/error/code") == "81715"


def test_the_live_merchant_has_its_own_copy_of_the_shop(wire: Wire) -> None:
    assert wire.ask("PUT /transactions/layla005/void", keys=LIVE).status == 200
    assert wire.ask("GET /transactions/layla005", keys=LIVE).text("status") == "voided"
    assert wire.ask("GET /transactions/layla005").text("status") == "authorized"
    assert wire.ask(LAYLA, keys=LIVE).text("merchant-id") == LIVE[0]


def test_the_testing_calls_are_not_for_the_live_merchant(wire: Wire) -> None:
    assert wire.ask("PUT /transactions/layla004/settle", keys=LIVE).status == 403
    assert wire.ask("PUT /transactions/layla004/settle").status == 200


def test_state_that_cannot_be_used_is_500(wire: Wire) -> None:
    with closing(sqlite3.connect(state.path_of(wire.state_dir, "braintree"))) as database:
        database.execute("DROP TABLE objects")
    reply = wire.ask(LAYLA)
    assert (reply.status, reply.body) == (500, b"")


def test_a_text_keeps_what_xml_can_hold_and_loses_the_rest(wire: Wire) -> None:
    names = "<first_name>a&lt;b&gt; &amp; \u202e[bold]</first_name><last_name>١٢\nx</last_name>"
    made = wire.ask("POST /customers", f"<customer>{names}</customer>")
    assert (made.text("first-name"), made.text("last-name")) == ("a<b> & \u202e[bold]", "١٢\nx")
    trap = wire.ask(
        "POST /customers/advanced_search", "<search><email><is>trap@example.com</is></email></search>"
    )
    assert trap.text("customer/first-name") == "Mal[31mice[0m"


FIELDS: dict[str, tuple[str, ...]] = {
    "POST /transactions transaction": (
        *("type", "amount", "options", "billing", "customer", "credit_card", "payment_method_nonce"),
        *("order_id", "merchant_account_id", "customer_id", "payment_method_token", "subscription_id"),
        *("channel", "api_request_key"),
    ),
    "POST /transactions/layla001/refund transaction": ("amount", "order_id", "merchant_account_id"),
    "POST /customers customer": ("id", "email", "first_name", "custom_fields", "credit_card"),
    "PUT /customers/layla customer": ("id", "email", "last_name", "custom_fields"),
    "POST /subscriptions subscription": (
        *("id", "payment_method_token", "plan_id", "price", "discounts", "add_ons", "never_expires"),
        *("number_of_billing_cycles", "merchant_account_id", "trial_period"),
    ),
    "PUT /subscriptions/sublay subscription": (
        *("price", "discounts", "number_of_billing_cycles", "never_expires", "payment_method_token"),
    ),
    "POST /disputes/layladispute0001/evidence evidence": ("comments", "category", "sequence_number"),
    "POST /transactions/advanced_search_ids search": (
        "id",
        "ids",
        "amount",
        "created_at",
        "refund",
        "status",
    ),
    "POST /customers/advanced_search_ids search": ("email", "ids", "created_at", "credit_card_number"),
}
"""Request and its root → what can be in it."""

ODD = (
    "{0}",
    "<{0}></{0}>",
    "<{0}>text</{0}>",
    "<{0}>-1</{0}>",
    "<{0}>999999999999999999999</{0}>",
    '<{0} type="array"></{0}>',
    '<{0} type="array"><item>1</item></{0}>',
    '<{0} type="boolean">true</{0}>',
    "<{0}><is>x</is></{0}>",
    "<{0}><min>x</min></{0}>",
    '<{0}><add type="array"><item>1</item></add><remove>1</remove><update>x</update></{0}>',
    "<{0}><a><b>1</b></a></{0}>",
)
"""Forms of an element that nobody should send."""

WHOLE = {
    "POST /transactions transaction": SALE.removeprefix("<transaction>").removesuffix("</transaction>"),
    "POST /subscriptions subscription": "<payment_method_token>layla1</payment_method_token>"
    "<plan_id>pro_usd</plan_id>",
}
"""What makes a request whole, so that the odd element is reached."""


@pytest.mark.parametrize("request_line", FIELDS)
def test_nothing_a_client_can_send_breaks_the_sandbox(wire: Wire, request_line: str) -> None:
    line, _, root = request_line.rpartition(" ")
    bodies = [
        f"<{root}>{''.join(form.format(name) for name in FIELDS[request_line])}</{root}>" for form in ODD
    ]
    for body in (*bodies, f"<{root}/>", f"<{root}>text</{root}>", "<other/>", ""):
        assert wire.ask(line, body).status in (200, 201, 422), body


@pytest.mark.slow
@pytest.mark.parametrize("request_line", FIELDS)
def test_no_single_odd_element_breaks_the_sandbox(wire: Wire, request_line: str) -> None:
    line, _, root = request_line.rpartition(" ")
    for name in FIELDS[request_line]:
        for form in ODD:
            body = f"<{root}>{WHOLE.get(request_line, '')}{form.format(name)}</{root}>"
            assert wire.ask(line, body).status in (200, 201, 422), body
    assert wire.ask(LAYLA).status == 200
    assert wire.ask("POST /transactions/advanced_search").status == 200


@pytest.mark.parametrize(
    ("value", "document"),
    [
        (None, '<a nil="true"/>'),
        ("", "<a></a>"),
        ("x<&>", "<a>x&lt;&amp;&gt;</a>"),
        (True, '<a type="boolean">true</a>'),
        (7, '<a type="integer">7</a>'),
        (Typed("date", "2026-01-31"), '<a type="date">2026-01-31</a>'),
        ({}, "<a/>"),
        ({"b-c": "1", "d": None}, '<a><b-c>1</b-c><d nil="true"/></a>'),
        (Items("b", []), '<a type="array"/>'),
        (Items("b", ["1", "2"]), '<a type="array"><b>1</b><b>2</b></a>'),
        (
            Collection("b", ["1"], 1, 50, 1),
            '<a type="collection"><current-page-number type="integer">1</current-page-number>'
            '<page-size type="integer">50</page-size><total-items type="integer">1</total-items><b>1</b></a>',
        ),
    ],
)
def test_values_have_one_form(value: Any, document: str) -> None:
    assert render("a", value) == f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'


def test_a_value_without_a_form_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="float"):
        render("a", 1.5)


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ("", {}),
        ("<a></a>", {"a": None}),
        ("<a>x</a>", {"a": "x"}),
        ('<a type="boolean">true</a>', {"a": True}),
        ('<a type="integer">-3</a>', {"a": -3}),
        ('<a type="integer">many</a>', {"a": "many"}),
        ('<a type="array"></a>', {"a": []}),
        ('<a type="array"><item>1</item><item>2</item></a>', {"a": ["1", "2"]}),
        ("<a><b-c>1</b-c><d><e>&#1575;</e></d></a>", {"a": {"b_c": "1", "d": {"e": "ا"}}}),
    ],
)
def test_a_request_is_read_as_the_sdk_writes_it(document: str, value: Any) -> None:
    assert parse(document.encode()) == value


def test_a_document_type_is_not_read() -> None:
    with pytest.raises(BadXml, match="document type"):
        parse(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
