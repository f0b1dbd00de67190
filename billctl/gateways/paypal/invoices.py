"""Invoice search: PayPal's only search by e-mail or name. `POST /v2/invoicing/search-invoices` changes
nothing; it takes up to 100 invoices a page and 1,000 pages, and all criteria given must hold at once."""

from functools import partial

from billctl.errors import NoAnswer
from billctl.gateways.paypal.client import Client, Json
from billctl.gateways.paypal.errors import reading_answer
from billctl.gateways.paypal.ids import checked
from billctl.gateways.paypal.pool import spread

PATH = "/v2/invoicing/search-invoices"
LIST = "/v2/invoicing/invoices"
PAGE = 100
PAGES = 1000
FIELDS = ["payments", "refunds"]
LONGEST_NUMBER = 25


def search(client: Client, criteria: Json) -> list[Json]:
    """Every invoice that PayPal finds by `criteria`, newest first. Raises the errors of a read."""
    first = _page(client, criteria, 1)
    with reading_answer(client.account.name, change=False):
        pages = min(int(first.get("total_pages", 1)), PAGES)
    rest = spread([partial(_page, client, criteria, number) for number in range(2, pages + 1)])
    with reading_answer(client.account.name, change=False):
        found = [item for page in (first, *rest) for item in page.get("items") or ()]
        unique = {checked(str(item["id"]), "invoice"): item for item in found}
        return sorted(unique.values(), key=_created, reverse=True)


def probe(client: Client) -> None:
    """Ask for one invoice, whichever: a cheap question that proves the credentials. Raises the errors of a
    read."""
    client.listed(LIST, {"page_size": 1})


def by_number(client: Client, number: str) -> list[Json]:
    """The invoices of exactly this number, in any case of letters; PayPal searches 25 characters."""
    if len(number) > LONGEST_NUMBER:
        return []
    found = search(client, {"invoice_number": number})
    return [
        item for item in found if str(item["detail"].get("invoice_number")).casefold() == number.casefold()
    ]


def _created(invoice: Json) -> str:
    detail = invoice["detail"]
    return str((detail.get("metadata") or {}).get("create_time") or detail.get("invoice_date") or "")


def _page(client: Client, criteria: Json, number: int) -> Json:
    body = {**criteria, "fields": FIELDS}
    answer = client.search(PATH, body, {"page": number, "page_size": PAGE, "total_required": "true"})
    if not isinstance(answer.get("items"), list) and answer.get("total_items") != 0:
        raise NoAnswer(
            f"{client.host} answered a search without a list of invoices",
            code="bad_answer",
            account=client.account.name,
        )
    return answer
