"""/transactions: what went through a payment gateway, money back included."""

from billctl.sandbox.recurly.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.recurly.lists import TRANSACTIONS, keep
from billctl.sandbox.recurly.paging import listed
from billctl.sandbox.recurly.transaction_shape import transaction


def _list(call: Call) -> Page:
    return listed(call, "transaction", {}, transaction, keep("transaction", call))


ENDPOINTS = (
    Endpoint("GET", "/transactions", _list, query=TRANSACTIONS),
    Endpoint("GET", "/transactions/{transaction_id}", retrieve("transaction", transaction)),
)
