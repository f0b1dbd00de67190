"""The Braintree sandbox against recorded exchanges with Braintree's own: the same requests, the same forms.

The recordings are not part of the project: they lie in `braintree/*.txt` of the folder that
`tests.openapi.specs_folder` names. Each request is sent again, with ids of the rehearsal shop in place of the
recorded ones, and the answer must have the same elements, in the same order, with the same types.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.openapi import specs_folder
from tests.sandbox.braintree.conftest import Reply, Wire, opened

Forms = dict[str, str | None]
"""Path of an element → its type attribute."""


@dataclass(frozen=True)
class Recorded:
    """One recorded exchange; `path` is what follows the merchant."""

    name: str
    method: str
    path: str
    body: str
    status: int
    headers: dict[str, str]
    answer: str

    @classmethod
    def read(cls, path: Path) -> "Recorded":
        asked, _, answered = path.read_text(encoding="utf-8").partition("\nHTTP ")
        lines = asked.splitlines()
        method, url = lines[1].split(" ", 1)
        status = re.search(r"'code': (\d+)", answered)
        assert status
        head, _, answer = answered.partition("\n\n")
        pairs = (line[2:].split(": ", 1) for line in head.splitlines() if line.startswith("< "))
        return cls(
            name=path.stem,
            method=method,
            path=url.partition("/merchants/MERCHANT")[2],
            body="\n".join(line for line in lines[2:] if not line.startswith("> ")).strip(),
            status=int(status.group(1)),
            headers={name.lower(): value.strip("[]'") for name, value in pairs},
            answer=answer.strip(),
        )


def recordings() -> list[Recorded]:
    """Every recorded exchange; none where the folder is not there."""
    return [Recorded.read(path) for path in sorted(specs_folder().glob("braintree/*.txt"))]


RECORDED = {one.name: one for one in recordings()}

OURS = {
    "get_transactions-_200_1": "GET /transactions/layla005",
    "get_transactions-_200_3": "GET /transactions/layla005",
    "get_transactions-fake_transaction_id_404_1": "GET /transactions/fake_transaction_id",
    "get_payment_methods-any-_200_1": "GET /payment_methods/any/layla1",
    "post_customers_201_1": "POST /customers",
    "post_transactions-_201_1": "POST /transactions/layla001/refund",
    "post_transactions-_201_2": "POST /transactions/layla001/refund",
    "post_transactions_201_1": "POST /transactions",
    "put_transactions-_200_1": "PUT /transactions/layla004/settle",
    "put_transactions-submit_for_settlement_200_1": "PUT /transactions/layla005/submit_for_settlement",
    "put_transactions-void_200_1": "PUT /transactions/layla005/void",
    "put_transactions-void_200_2": "PUT /transactions/layla004/void",
}
"""Recording → the request at the rehearsal shop that does the same."""

IDS = {"6jb3wv": "layla1", "203066074": "layla"}
"""Recorded token and customer → those of the shop."""

VAULT = "the recorded sale is a guest's, or the refund of one; the shop's is a customer's"
MORE = {
    "post_transactions-_201_1": {"customer/global-id": VAULT},
    "post_transactions-_201_2": {"customer/global-id": VAULT},
    "put_transactions-_200_1": {"customer/global-id": VAULT},
    "put_transactions-void_200_1": {"customer/global-id": VAULT},
    "put_transactions-void_200_2": {"customer/global-id": VAULT},
}
"""Recording → element that only the sandbox's answer has → why."""

NO_ADDRESS = "the nonce of the recording came with an address; the sandbox's nonces have none"
LESS = {
    "post_customers_201_1": {
        "credit-cards/credit-card/billing-address": NO_ADDRESS,
        "addresses/address": NO_ADDRESS,
    },
}
"""Recording → element (with all in it) that the sandbox leaves out → why."""

OTHER_KIND = {"get_payment_methods-any-_200_1"}
"""A Venmo account; the sandbox's vault has cards only. What every payment method has is compared."""


def forms(document: str | bytes) -> Forms:
    """Every element below the root."""
    return dict(_forms(ET.fromstring(document), ""))


def _forms(element: ET.Element, above: str) -> Iterator[tuple[str, str | None]]:
    for child in element:
        path = f"{above}{child.tag}"
        yield path, child.get("type")
        yield from _forms(child, f"{path}/")


def replayed(wire: Wire, recorded: Recorded) -> Reply:
    """The sandbox's answer to the recorded request."""
    body = recorded.body
    for theirs, ours in IDS.items():
        body = body.replace(theirs, ours)
    if recorded.path.endswith("/submit_for_settlement"):
        body = body.replace("110.00", "30.00")
    headers = {"X-ApiVersion": "5", "Accept": "application/xml"}
    return wire.ask(OURS[recorded.name], body, headers=headers)


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    with opened(tmp_path / "rehearsal") as wire:
        yield wire


def test_every_recording_is_replayed_here() -> None:
    if not RECORDED:
        pytest.skip(f"no braintree/*.txt in {specs_folder()}: set BILLCTL_SPECS")
    assert set(RECORDED) == set(OURS)


@pytest.fixture(params=sorted(OURS))
def recorded(request: pytest.FixtureRequest) -> Recorded:
    name: str = request.param
    if name not in RECORDED:
        pytest.skip(f"no braintree/{name}.txt in {specs_folder()}: set BILLCTL_SPECS")
    return RECORDED[name]


def test_the_request_means_the_same(recorded: Recorded) -> None:
    method, path = OURS[recorded.name].split(" ")
    assert method == recorded.method
    assert [len(part) > 0 for part in path.split("/")] == [len(part) > 0 for part in recorded.path.split("/")]
    assert path.split("/")[1] == recorded.path.split("/")[1]
    assert path.split("/")[3:][-1:] == recorded.path.split("/")[3:][-1:] or recorded.name in OTHER_KIND


def test_status_and_content_type_are_the_recorded_ones(wire: Wire, recorded: Recorded) -> None:
    reply = replayed(wire, recorded)
    assert reply.status == recorded.status
    assert reply.headers["content-type"] == recorded.headers["content-type"]
    assert bool(reply.body) is bool(recorded.answer)


def test_elements_and_types_are_the_recorded_ones(wire: Wire, recorded: Recorded) -> None:
    if not recorded.answer:
        pytest.skip("there is no document in this recording")
    theirs, ours = forms(recorded.answer), forms(replayed(wire, recorded).body)
    if recorded.name in OTHER_KIND:
        common = {"created-at", "updated-at", "default", "image-url", "token", "customer-id", "global-id"}
        theirs = {path: theirs[path] for path in common | {"subscriptions"}}
        ours = {path: ours[path] for path in theirs}
    for left_out in LESS.get(recorded.name, ()):
        assert left_out in theirs
        theirs = {path: form for path, form in theirs.items() if not f"{path}/".startswith(f"{left_out}/")}
    for more in MORE.get(recorded.name, ()):
        assert ours.pop(more, "") is None
    assert ours == theirs


def test_elements_come_in_the_recorded_order(wire: Wire, recorded: Recorded) -> None:
    if not recorded.answer or recorded.name in OTHER_KIND:
        pytest.skip("there is nothing to compare in this recording")
    theirs = ET.fromstring(recorded.answer)
    ours = replayed(wire, recorded).root
    assert (ours.tag, [child.tag for child in ours]) == (theirs.tag, [child.tag for child in theirs])


PLAIN = {
    "amount": r"\d+\.\d\d",
    "id": r"[a-z0-9]{8}",
    "global-id": r"[A-Za-z0-9]+",
    "created-at": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "currency-iso-code": r"[A-Z]{3}",
    "settlement-batch-id": r"(\d{4}-\d\d-\d\d_\w+_b\w+)?",
    "processor-response-code": r"\d{4}",
    "processor-authorization-code": r"([A-Z0-9]{6})?",
    "network-transaction-id": r"(\d{15})?",
}


def test_texts_have_the_recorded_forms(wire: Wire, recorded: Recorded) -> None:
    if not recorded.answer.startswith("<") or ET.fromstring(recorded.answer).tag != "transaction":
        pytest.skip("there is no transaction in this recording")
    for document in (recorded.answer.encode(), replayed(wire, recorded).body):
        root = ET.fromstring(document)
        for path, pattern in PLAIN.items():
            assert re.fullmatch(pattern, root.findtext(path) or ""), (path, root.findtext(path))


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("put_transactions-_200_1", ("status", "type", "processor-response-code", "processor-response-type")),
        ("put_transactions-void_200_1", ("status", "type", "processor-response-text")),
        ("put_transactions-submit_for_settlement_200_1", ("status", "payment-instrument-type")),
        (
            "post_transactions-_201_1",
            (
                "status",
                "type",
                "amount",
                "processor-response-code",
                "processor-response-text",
                "network-response-code",
                "cvv-response-code",
                "recurring",
                "order-id",
            ),
        ),
        (
            "post_transactions_201_1",
            ("status", "amount", "order-id", "channel", "billing/first-name", "recurring", "type"),
        ),
    ],
)
def test_what_does_not_depend_on_the_shop_is_as_recorded(
    wire: Wire, name: str, paths: tuple[str, ...]
) -> None:
    if name not in RECORDED:
        pytest.skip(f"no braintree/{name}.txt in {specs_folder()}: set BILLCTL_SPECS")
    theirs, ours = ET.fromstring(RECORDED[name].answer), replayed(wire, RECORDED[name]).root
    assert {path: ours.findtext(path) for path in paths} == {path: theirs.findtext(path) for path in paths}
    histories = [[one.text for one in root.iterfind("status-history/*/status")] for root in (ours, theirs)]
    assert histories[0] == histories[1]
