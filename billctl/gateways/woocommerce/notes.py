"""An order's notes: where claims are written and read. They are not paged; ours are private ones."""

from typing import Any

from billctl.errors import BillctlError
from billctl.gateways.woocommerce.claims import Claim, End, Note, end_text, read_claims
from billctl.gateways.woocommerce.client import Client
from billctl.gateways.woocommerce.errors import reading_answer
from billctl.gateways.woocommerce.marks import Marks
from billctl.gateways.woocommerce.values import number, optional_instant

FIELDS = ("id", "note", "date_created_gmt", "customer_note")

IN_THE_LOG = "in the audit log of its host"
"""Where it stands what became of a settled operation."""


class OrderNotes:
    """The notes of one order, and the marks of this machine's claims among them."""

    def __init__(self, client: Client, marks: Marks, order_id: str) -> None:
        self.marks = marks
        self._client = client
        self._order_id = order_id

    def claims(self) -> tuple[Claim, ...]:
        """The claims in them. Raises the errors of a read."""
        return read_claims(read_notes(self._client, self._order_id))

    def write(self, text: str) -> None:
        """Add a private note: the customer neither sees it nor is told. Raises the errors of a change."""
        note = {"note": text, "customer_note": False, "added_by_user": True}
        answer = self._client.post(f"orders/{self._order_id}/notes", note)
        with reading_answer(self._client.account.name, change=True):
            number(answer["id"])

    def close(self, operation: str, end: End, more: str = "") -> None:
        """Say how a claimed operation ended, and forget its mark. It is no failure where the store does not
        take it: the next refund of the order from this host says it, by its audit log."""
        try:
            self.write(end_text(operation, end, more))
        except BillctlError:
            return
        self.marks.end(operation)


def read_notes(client: Client, order_id: str) -> list[Note]:
    """Every note of an order. Raises the errors of a read."""
    answer = client.get(f"orders/{order_id}/notes", {"_fields": FIELDS})
    with reading_answer(client.account.name, change=False):
        return [_note(item) for item in _listed(answer)]


def _listed(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise TypeError("the notes are no list")
    return answer


def _note(item: Any) -> Note:
    text = item["note"]
    if not isinstance(text, str):
        raise TypeError("a note has text")
    created = optional_instant(item["date_created_gmt"])
    to_customer = item.get("customer_note") is True
    return Note(id=int(number(item["id"])), text=text, created=created, to_customer=to_customer)
