"""Promises about what a customer gets to see of his invoices: the PDF, and the link to the page."""

from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from billctl.errors import BillctlError, NetworkError, NotSent
from billctl.gateway import Capability, Gateway
from billctl.models import Invoice
from billctl.parallel import Job
from billctl.testing import servers
from billctl.testing.failing import UNUSABLE
from billctl.testing.harness import Harness, failure

Make = Callable[[Gateway, Invoice], object]

PDF = b"%PDF-"
"""How every PDF file begins (ISO 32000-1, 7.5.2)."""


def _pdf(gateway: Gateway, invoice: Invoice) -> object:
    return gateway.invoice_pdf(invoice)


def _link(gateway: Gateway, invoice: Invoice) -> object:
    return gateway.invoice_link(invoice)


class DocumentPromises(Harness):
    """PDF files and links."""

    def test_the_pdf_of_an_invoice_is_a_pdf_file_and_making_it_changes_nothing(self) -> None:
        if not self._can(Capability.INVOICE_PDF):
            return
        with self._between(lambda upstream: upstream.pass_on) as between:
            gateway = self._gateway(between.url)
            made = gateway.invoice_pdf(gateway.get_invoice(self._example("invoice")))
            assert self._changes_seen(between) == []
        assert isinstance(made, bytes)
        assert made.startswith(PDF)

    def test_the_link_to_an_invoice_is_an_address_that_no_record_holds(self) -> None:
        if not self._can(Capability.INVOICE_LINK):
            return
        with self._between(lambda upstream: upstream.pass_on) as between:
            gateway = self._gateway(between.url)
            invoice = gateway.get_invoice(self._example("invoice"))
            link = gateway.invoice_link(invoice)
            assert self._changes_seen(between) == []
        parts = urlsplit(link)
        assert (parts.scheme, bool(parts.hostname)) == ("https", True)
        assert link.isascii()
        assert link.isprintable()
        assert " " not in link
        assert link not in repr(invoice)

    def test_a_pdf_without_a_usable_answer_is_no_answer(self) -> None:
        if self._can(Capability.INVOICE_PDF):
            assert self._spoilt(_pdf) == {}

    def test_a_link_without_a_usable_answer_is_no_answer(self) -> None:
        if self._can(Capability.INVOICE_LINK):
            assert self._spoilt(_link) == {}

    def _spoilt(self, make: Make) -> dict[str, str]:
        """What spoilt answers come to that is no error of a read, by what was spoilt."""
        invoice = self._gateway().get_invoice(self._example("invoice"))
        jobs = {
            what: Job(partial(self._failure_at, behaviour, make, invoice))
            for what, behaviour in UNUSABLE.items()
        }
        errors = {what: job.result() for what, job in jobs.items()}
        return {
            what: repr(error)
            for what, error in errors.items()
            if not isinstance(error, NetworkError) or isinstance(error, NotSent)
        }

    def _failure_at(self, behaviour: servers.Behaviour, make: Make, invoice: Invoice) -> BillctlError:
        with servers.LoopbackServer(behaviour) as server:
            gateway = self._gateway(self._at(server))
            return failure(lambda: make(gateway, invoice))
