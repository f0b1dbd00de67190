"""Records → Braintree's documents.

Element names, their order and their types are those of the recorded exchanges (transactions, customers,
cards) and of the SDK's own samples and tests (subscriptions, disputes).
"""

from billctl.sandbox.braintree.call import Tree
from billctl.sandbox.braintree.shapes.billing import subscription
from billctl.sandbox.braintree.shapes.disputes import dispute
from billctl.sandbox.braintree.shapes.transactions import transaction
from billctl.sandbox.braintree.shapes.vault import credit_card, customer
from billctl.sandbox.braintree.store import Store
from billctl.sandbox.database import Record

SHAPES = {
    "credit_card": ("credit-card", credit_card),
    "customer": ("customer", customer),
    "dispute": ("dispute", dispute),
    "subscription": ("subscription", subscription),
    "transaction": ("transaction", transaction),
}


def rendered(store: Store, record: Record) -> Tree:
    """The document of a stored object: its root and its children."""
    tag, shape = SHAPES[record["object"]]
    return Tree(tag, shape(store, record))
