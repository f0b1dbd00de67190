"""E-mailing an order again at a WooCommerce store: by which route, to whom, and what is known of it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from billctl import VERSION
from billctl.errors import NotSent, OutcomeUnknown, Refused, Unsupported
from billctl.frozen import replace
from billctl.gateway import Delivery, Message, Stamp
from billctl.gateways.woocommerce import WoocommerceGateway
from billctl.models import InvoiceStatus
from billctl.sandbox import faults, state
from tests.gateways.woocommerce_accounts import STAMP, rehearsing
from tests.recording import RecordingProxy
from tests.rehearsal import rehearsed

PAID = "1041"
UNPAID = "1044"
LAYLA = "layla@example.com"
SEND = "POST */actions/*"
OTHER = replace(STAMP, operation="op_" + "9" * 26)

V9_4 = 90_400
V9_5 = 90_500
V10_4 = 100_400


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(state_dir: Path) -> Iterator[WoocommerceGateway]:
    """The account that a fresh store knows."""
    with rehearsed(state_dir, ("woocommerce",)) as sandbox:
        yield rehearsing(sandbox.url("woocommerce"), state_dir=state_dir / "kept")


def resend(store: WoocommerceGateway, order: str = UNPAID, *, by: Stamp = STAMP) -> Delivery:
    return store.resend_invoice(store.get_invoice(order), to=None, stamp=by)


def found(store: WoocommerceGateway, order: str = UNPAID, *, by: Stamp = STAMP) -> Delivery | None:
    return store.find_resend(store.get_invoice(order), to=None, stamp=by)


def mails(state_dir: Path) -> list[dict[str, Any]]:
    """What the store's mail server took."""
    with state.opened(state_dir, "woocommerce") as database:
        rows = database.execute("SELECT body FROM objects WHERE live=0 AND kind='mail' ORDER BY seq")
        return [json.loads(body) for (body,) in rows]


@pytest.mark.parametrize(("order", "message"), [(PAID, Message.RECEIPT), (UNPAID, Message.INVOICE)])
def test_the_orders_details_go_to_its_own_address(
    store: WoocommerceGateway, state_dir: Path, order: str, message: Message
) -> None:
    sent = resend(store, order)
    assert (sent.message, sent.to) == (message, LAYLA)
    assert sent == store.preview_resend(store.get_invoice(order), to=None)
    assert "whether the store's mail server delivers it, WooCommerce does not know" in str(sent.note)
    assert len(mails(state_dir)) == 1


def test_nothing_is_sent_along_but_who_asked(store: WoocommerceGateway) -> None:
    with RecordingProxy(str(store.account.base_url)) as proxy:
        resend(rehearsing(proxy.url))
    (sent,) = (said for said in proxy.exchanges if said.method == "POST")
    assert sent.path.endswith(f"/orders/{UNPAID}/actions/send_order_details")
    assert json.loads(sent.body) == {}
    assert sent.headers["User-Agent"] == f"billctl/{VERSION} op={STAMP.operation}"


def test_it_is_recognised_by_the_operation_and_not_taken_for_another(store: WoocommerceGateway) -> None:
    assert found(store) is None
    sent = resend(store)
    assert found(store) == sent
    assert found(store, by=OTHER) is None


@pytest.mark.parametrize("kind", ["answer-lost", "500-after", "html-502-after", "cut-body"])
def test_one_whose_answer_was_lost_is_found(store: WoocommerceGateway, state_dir: Path, kind: str) -> None:
    faults.arm(state_dir, "woocommerce", kind, match=SEND)
    with pytest.raises(OutcomeUnknown):
        resend(store)
    assert found(store) is not None
    assert len(mails(state_dir)) == 1


@pytest.mark.parametrize("kind", ["connection-dropped", "500-before", "html"])
def test_one_that_never_came_there_was_not_sent(
    store: WoocommerceGateway, state_dir: Path, kind: str
) -> None:
    faults.arm(state_dir, "woocommerce", kind, match=SEND)
    with pytest.raises(OutcomeUnknown):
        resend(store)
    assert (found(store), mails(state_dir)) == (None, [])


def test_a_newer_store_names_nobody_so_that_a_mail_since_then_may_be_it(
    store: WoocommerceGateway, state_dir: Path
) -> None:
    state.configure(state_dir, "woocommerce", woo_version=V10_4)
    assert found(store) is None
    resend(store)
    with pytest.raises(OutcomeUnknown, match=f"tells of an e-mail to {LAYLA}"):
        found(store)


@pytest.mark.parametrize("ahead", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=30)])
def test_whoever_is_named_by_a_note_is_known_by_it_whatever_the_clocks_say(
    store: WoocommerceGateway, ahead: timedelta
) -> None:
    sent = resend(store)
    assert found(store, by=replace(STAMP, asked=STAMP.asked + ahead)) == sent


def test_an_order_whose_address_was_changed_since_it_was_agreed_to_is_not_mailed(
    store: WoocommerceGateway, state_dir: Path
) -> None:
    agreed = replace(store.get_invoice(UNPAID), email="layla@before.example")
    with pytest.raises(Refused, match=f"goes to {LAYLA} by now, not to layla@before.example") as caught:
        store.resend_invoice(agreed, to=None, stamp=STAMP)
    assert (caught.value.code, mails(state_dir)) == ("changed_meanwhile", [])


@pytest.mark.parametrize("match", ["GET */orders/*", "GET */v3"])
def test_what_cannot_be_read_before_it_is_mailed_proves_that_nothing_was_sent(
    store: WoocommerceGateway, state_dir: Path, match: str
) -> None:
    agreed = store.get_invoice(UNPAID)
    faults.arm(state_dir, "woocommerce", "html-502", match=match, times=9)
    with pytest.raises(NotSent, match="HTTP 502"):
        store.resend_invoice(agreed, to=None, stamp=STAMP)
    assert mails(state_dir) == []


def test_a_mail_of_before_is_not_it(store: WoocommerceGateway, state_dir: Path) -> None:
    state.configure(state_dir, "woocommerce", woo_version=V10_4)
    resend(store)
    assert found(store, by=replace(STAMP, asked=STAMP.asked + timedelta(hours=1))) is None


def test_that_the_mail_server_is_down_cannot_be_known(store: WoocommerceGateway, state_dir: Path) -> None:
    state.configure(state_dir, "woocommerce", woo_mail_down=1)
    answered = resend(store)
    assert answered.accepted_by == "the store"
    assert "whether the store's mail server delivers it, WooCommerce does not know" in str(answered.note)
    assert mails(state_dir) == []


def test_a_store_of_9_5_can_be_asked_and_an_older_one_cannot(
    store: WoocommerceGateway, state_dir: Path
) -> None:
    state.configure(state_dir, "woocommerce", woo_version=V9_5)
    resend(store)
    state.configure(state_dir, "woocommerce", woo_version=V9_4)
    older = WoocommerceGateway(store.account)
    with pytest.raises(Unsupported, match=r"older than WooCommerce 9\.5") as caught:
        older.preview_resend(older.get_invoice(UNPAID), to=None)
    assert "a note to the customer" in caught.value.hint


def test_the_stores_index_is_read_once(store: WoocommerceGateway) -> None:
    with RecordingProxy(str(store.account.base_url)) as proxy:
        through = rehearsing(proxy.url)
        for order in (PAID, UNPAID):
            through.preview_resend(through.get_invoice(order), to=None)
    assert len([said for said in proxy.exchanges if said.path.rstrip("/").endswith("/wc/v3")]) == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"email": None}, "has no e-mail address"),
        ({"status": InvoiceStatus.VOID}, "is cancelled"),
        ({"status": InvoiceStatus.DRAFT}, "never ordered"),
    ],
)
def test_what_cannot_be_sent_is_refused(store: WoocommerceGateway, fields: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        store.preview_resend(replace(store.get_invoice(UNPAID), **fields), to=None)


def test_another_address_is_refused_as_it_would_be_written_into_the_order(store: WoocommerceGateway) -> None:
    with pytest.raises(Refused, match=f"to {LAYLA} only") as caught:
        store.preview_resend(store.get_invoice(UNPAID), to="else@example.com")
    assert "written into the order" in caught.value.hint
