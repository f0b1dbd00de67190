"""Whom a key opens, an invoice as a PDF, a customer's secret page, and single objects of unusual kinds."""

import logging
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from billctl.errors import AuthFailed, NoAnswer, NotFound, Refused
from billctl.frozen import replace
from billctl.gateway import Identity
from billctl.gateways.recurly import RecurlyGateway, mapping
from billctl.gateways.recurly.stamps import stamped
from billctl.models import RefundStatus
from billctl.money import Money
from billctl.testing.servers import Behaviour, LoopbackServer, answer
from tests.gateways import recurly_accounts as accounts
from tests.gateways import recurly_wire as wire
from tests.gateways.recurly_accounts import gateway, rehearsing
from tests.gateways.recurly_wire import account, credit, error, invoice, refund, site, told, transaction
from tests.rehearsal import rehearsed

INVOICE = mapping.invoice(wire.as_sdk(invoice()), "recurly")
TOKEN = account()["hosted_login_token"]
KEY = "0123456789abcdef0123456789abcdef"
PDF = {"Content-Type": "application/pdf"}


def checked(*sites: wire.Fields) -> Identity:
    with LoopbackServer(wire.serving({"/sites": list(sites)})) as server:
        return gateway(server.url).check()


# The site


@pytest.mark.parametrize(
    ("mode", "live"),
    [("development", False), ("sandbox", False), ("production", True), ("of_next_year", True)],
)
def test_a_site_is_live_unless_its_mode_is_known_to_be_play(mode: str, live: bool) -> None:
    identity = checked(site(mode=mode))
    assert (identity.id, identity.live) == ("shop", live)
    assert identity.about == {
        "mode": mode, "currency": "USD", "credit invoices": "on", "only bill what changed": "off",
    }  # fmt: skip


def test_a_site_without_credit_invoices_lacks_refunds() -> None:
    identity = checked(site(features=[], settings=None))
    assert "Credit Invoices" in identity.lacking[0]
    assert identity.about["credit invoices"] == "off"


@pytest.mark.parametrize(
    ("sites", "code"),
    [
        ([], "no_site"),
        ([site(deleted_at=wire.MADE)], "no_site"),
        ([site(), site(id="site00000002", subdomain="other")], "several_sites"),
    ],
)
def test_a_key_of_no_site_or_of_several_is_refused(sites: list[wire.Fields], code: str) -> None:
    with pytest.raises(AuthFailed) as caught:
        checked(*sites)
    assert caught.value.code == code
    assert code == "no_site" or "other, shop" in caught.value.message


def test_a_site_that_is_gone_does_not_count() -> None:
    assert checked(site(), site(id="site00000002", subdomain="other", deleted_at=wire.MADE)).id == "shop"


def test_an_address_without_a_list_of_sites_opens_nobody() -> None:
    """That would be taken for a site which does not have what is looked for."""
    with LoopbackServer(wire.serving({})) as server, pytest.raises(NoAnswer) as caught:
        gateway(server.url).check()
    assert "has no such list" in caught.value.message


# The PDF


def fetched(behaviour: Behaviour) -> bytes:
    with LoopbackServer(behaviour) as server:
        return gateway(server.url).invoice_pdf(INVOICE)


def test_a_pdf_is_what_recurly_made_byte_for_byte() -> None:
    made = b'%PDF-1.4\n\x00\xff "2026-02-03T04:05:06.789Z"\r\n%%EOF'
    with LoopbackServer(answer(200, made, headers=PDF)) as server:
        assert gateway(server.url).invoice_pdf(INVOICE) == made
        assert [request.target for request in server.requests] == ["/invoices/invoice00001.pdf"]


@pytest.mark.parametrize(
    "behaviour",
    [
        answer(200, "<html>", headers=PDF),
        answer(200, "", headers=PDF),
        answer(200, b"%PDF-1.4", headers={"Content-Type": "text/plain"}),
        answer(200, "{}", headers=wire.JSON),
        told(invoice()),
    ],
)
def test_what_is_no_pdf_is_no_answer(behaviour: Behaviour) -> None:
    with pytest.raises(NoAnswer):
        fetched(behaviour)


def test_an_invoice_that_is_gone_has_no_pdf() -> None:
    with pytest.raises(NotFound):
        fetched(wire.NOT_FOUND)


def test_the_rehearsal_shop_makes_a_pdf_and_a_link(tmp_path: Path) -> None:
    with rehearsed(tmp_path / "state", ("recurly",)) as sandbox:
        recurly = rehearsing(sandbox.url("recurly"))
        bill = recurly.get_invoice("laylain00001")
        assert recurly.invoice_pdf(bill).startswith(b"%PDF-")
        assert recurly.invoice_link(bill).startswith("https://billctl-sandbox.recurly.com/account/")


# The page


def linked(changed: wire.Routes = MappingProxyType({}), region: str = "us") -> str:
    routes = {"/sites": [site()], "/accounts/accountlayla": account(), **changed}
    with LoopbackServer(wire.serving(routes)) as server:
        settings = {"region": region}
        return RecurlyGateway(accounts.account(server.url, settings=settings)).invoice_link(INVOICE)


@pytest.mark.parametrize(("region", "pages"), [("us", "recurly.com"), ("eu", "eu.recurly.com")])
def test_a_customers_page_is_at_his_sites_own_address(region: str, pages: str) -> None:
    """The same name may be another merchant's in the other region, who must not get the token."""
    assert linked(region=region) == f"https://shop.{pages}/account/{TOKEN}"


def test_nothing_but_the_address_holds_the_token(caplog: pytest.LogCaptureFixture) -> None:
    routes: dict[str, Any] = {"/sites": told(error("internal_server_error"), 500), "/accounts": [account()]}
    routes |= {"/accounts/accountlayla": told(account(created_at="yesterday"))}
    with caplog.at_level(logging.DEBUG), LoopbackServer(wire.serving(routes)) as server:
        recurly = gateway(server.url)
        for call in (
            lambda: recurly.invoice_link(INVOICE),
            lambda: recurly.get_customer("accountlayla"),
            lambda: recurly.get_customer("accountnoah0"),
        ):
            with pytest.raises((NoAnswer, NotFound)) as caught:
                call()
            link: BaseException | None = caught.value
            while link is not None:
                assert TOKEN not in repr(link) + str(link.args)
                link = link.__cause__ or link.__context__
        shown = repr(vars(recurly))
    assert TOKEN not in caplog.text + shown


@pytest.mark.parametrize(
    "changed",
    [
        {"/accounts/accountlayla": account(hosted_login_token="../evil?x=1")},
        {"/sites": [site(subdomain="evil.example/x")]},
    ],
)
def test_an_address_that_would_lead_elsewhere_is_not_made(changed: wire.Routes) -> None:
    with pytest.raises(NoAnswer, match="unknown form"):
        linked(changed)


def test_a_customer_without_a_page_has_no_link() -> None:
    with pytest.raises(Refused, match="has no page"):
        linked({"/accounts/accountlayla": account(hosted_login_token=None)})
    with LoopbackServer(wire.NOT_FOUND) as server, pytest.raises(Refused, match="belongs to no customer"):
        gateway(server.url).invoice_link(replace(INVOICE, customer_id=None))
    assert server.requests == []


# Single objects


def test_a_payment_that_was_voided_is_a_refund_by_its_credit_invoices_id() -> None:
    voided = transaction(status="void", voided_by_invoice={"id": "credit000001", "object": "invoice"})
    routes: dict[str, Any] = {
        "/invoices/credit000001": credit(transactions=[], customer_notes=stamped(KEY)),
        "/invoices/credit000001/related_invoices": [
            invoice(transactions=[transaction(id="other0000001"), voided])
        ],
    }
    with LoopbackServer(wire.serving(routes)) as server:
        found = gateway(server.url).get_refund("credit000001")
    assert (found.id, found.charge_id, found.amount) == ("credit000001", "payment00001", Money(5000, "USD"))
    assert (found.status, found.operation_key) == (RefundStatus.SUCCEEDED, KEY)


def test_a_credit_invoice_for_which_nothing_was_voided_is_no_refund() -> None:
    related = [invoice(transactions=[transaction()])]
    routes: dict[str, Any] = {"/invoices/credit000001": credit()}
    routes["/invoices/credit000001/related_invoices"] = related
    with LoopbackServer(wire.serving(routes)) as server:
        with pytest.raises(NotFound):
            gateway(server.url).get_refund("credit000001")
        with pytest.raises(NotFound):
            gateway(server.url).get_refund("credit000002")


def test_each_kind_of_transaction_is_told_from_the_others() -> None:
    routes = {
        "/transactions/refund000001": refund(),
        "/transactions/payment00001": transaction(),
        "/transactions/try000000001": transaction(id="try000000001", type="verify"),
    }
    with LoopbackServer(wire.serving(routes)) as server:
        recurly = gateway(server.url)
        with pytest.raises(Refused, match="is a refund of charge payment00001") as refused:
            recurly.get_charge("refund000001")
        assert "show --type charge payment00001" in refused.value.hint
        with pytest.raises(Refused, match="only tried a card"):
            recurly.get_charge("try000000001")
        with pytest.raises(NotFound, match="is no refund"):
            recurly.get_refund("payment00001")
