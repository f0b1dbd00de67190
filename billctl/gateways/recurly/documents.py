"""An invoice as a PDF, and the page on which a customer sees his invoices."""

import re
from functools import partial

from billctl.errors import NoAnswer, Refused
from billctl.gateways.recurly import values
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.ids import checked
from billctl.gateways.recurly.objects import retrieve
from billctl.gateways.recurly.place import pages_of
from billctl.gateways.recurly.site import only_site
from billctl.models import Invoice
from billctl.parallel import gather

PDF = b"%PDF-"
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
SUBDOMAIN = re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII)


def pdf(client: Client, invoice: Invoice) -> bytes:
    """The invoice as a PDF file. Raises the errors of a read; one is that the answer is none."""
    invoice_id = checked(invoice.id, "invoice")
    found = client.read(lambda sdk: sdk.get_invoice_pdf(invoice_id))
    data = getattr(found, "data", None)
    if not isinstance(data, bytes) or not data.startswith(PDF):
        raise NoAnswer(
            f"{client.host} answered something that is no PDF", code="bad_answer", account=client.account.name
        )
    return data


def link(client: Client, invoice: Invoice) -> str:
    """The address of the customer's page, as Recurly's API description builds it (`hosted_login_token`).

    For that of a site in the EU see `place.PAGES`. The token opens the page to
    whoever has it: nothing but the address that is returned holds it. Raises `Refused` (`no_link`) for an
    invoice without a customer, and where Recurly gave him no page.
    """
    if invoice.customer_id is None:
        raise Refused(f"invoice {invoice.id} belongs to no customer", code="no_link", account=invoice.account)
    site, account = gather(
        [partial(only_site, client), partial(retrieve, client, "customer", invoice.customer_id)]
    )
    subdomain, token = values.text(site, "subdomain"), values.text(account, "hosted_login_token")
    if not subdomain or not token:
        raise Refused(
            f"Recurly has no page for customer {invoice.customer_id}", code="no_link", account=invoice.account
        )
    if not SUBDOMAIN.fullmatch(subdomain) or not TOKEN.fullmatch(token):
        raise NoAnswer(
            f"{client.host} answered a page's address of an unknown form",
            code="bad_answer",
            account=client.account.name,
        )
    return f"https://{subdomain}.{pages_of(client.account)}/account/{token}"
