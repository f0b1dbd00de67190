"""/line_items: what invoices are made of."""

from billctl.sandbox.recurly.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.recurly.invoice_shape import line_item
from billctl.sandbox.recurly.lists import LINES, keep
from billctl.sandbox.recurly.paging import listed


def _list(call: Call) -> Page:
    return listed(call, "line_item", {}, line_item, keep("line_item", call))


ENDPOINTS = (
    Endpoint("GET", "/line_items", _list, query=LINES),
    Endpoint("GET", "/line_items/{line_item_id}", retrieve("line_item", line_item)),
)
