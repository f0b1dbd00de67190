"""What an armed fault does to a request or its answer at a WooCommerce store.

401 and 403 are the store's own JSON (nobody; a key whose user may not); 409 and 429 are a hosting firewall's
HTML, since WooCommerce itself has neither; a 500 is PHP dying. `refuse` is a refused refund (500, integer
data) unless told otherwise: `code` may be any, with the `status` given, and these codes do what only a store
can:

- `firewall`: HTML with the status given (403)
- `redirect`: a redirection with the status given (301) to the same address
- `gateway_error`: the payment gateway refuses; the record of the refund is deleted
- `gateway_error_after`: it moves the money and then fails; the record is deleted all the same
- `gateway_fatal`, `gateway_fatal_after`: PHP dies in it before or after the money moved; the record stays
"""

import re

from billctl.sandbox import spoil
from billctl.sandbox.fault_table import Fault
from billctl.sandbox.http import Answer
from billctl.sandbox.spoil import BEFORE, Lies, delay, struck
from billctl.sandbox.woocommerce.errors import GENERIC, Firewall, WpError, bare, fatal
from billctl.sandbox.woocommerce.php import PLACES, formatted, number

__all__ = ["BEFORE", "after", "delay", "fail", "firewall", "gateway", "instead", "refuse"]

IN_THE_GATEWAY = frozenset({"gateway_error", "gateway_error_after", "gateway_fatal", "gateway_fatal_after"})
PAGE = b"<!DOCTYPE html>\n<html><head><title>%b</title></head><body><h1>%b</h1></body></html>\n"
TITLES = {403: b"Access denied", 409: b"Conflict", 429: b"Too many requests", 503: b"Down for maintenance"}
REFUSED = "woocommerce_rest_cannot_create_order_refund"
INVALID_AMOUNT = "Invalid refund amount."


def instead(fault: Fault) -> Answer:
    """The answer of a fault that keeps the request from the store. Raises `WpError` or `Firewall`."""
    return spoil.instead(fault, _refused)


def _refused(fault: Fault) -> Answer:
    status = int(fault.kind)
    if status in (401, 403):
        raise WpError(status, *GENERIC["view"])
    more = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return firewall(Firewall(status, more))


def firewall(error: Firewall) -> Answer:
    """A page of what stands before the store."""
    title = TITLES.get(error.status, b"Error")
    headers = {"Server": "firewall", "Content-Type": "text/html; charset=UTF-8"} | error.headers
    return Answer(error.status, PAGE % (title, title), headers)


def refuse(fault: Fault | None, address: str) -> None:
    """Raise what a fault raises before the endpoint at `address` writes anything."""
    if struck(fault, "500-before"):
        raise fatal()
    told = struck(fault, "refuse")
    if told is None or told.code in IN_THE_GATEWAY:
        return
    if told.code == "firewall":
        raise Firewall(told.status or 403)
    if told.code == "redirect":
        raise Firewall(told.status or 301, {"Location": address})
    if told.code is None and told.status is None:
        raise bare(REFUSED, INVALID_AMOUNT, 500)
    raise WpError(told.status or 500, told.code or REFUSED, "The sandbox was told to refuse this request.")


def gateway(fault: Fault | None) -> str | None:
    """What a fault does inside the payment gateway: one of `IN_THE_GATEWAY`."""
    told = struck(fault, "refuse")
    return told.code if told and told.code in IN_THE_GATEWAY else None


def fail(fault: Fault | None) -> None:
    """Raise what a fault raises when everything is written."""
    if struck(fault, "500-after"):
        raise fatal()


def after(fault: Fault | None, answer: Answer) -> Answer:
    """The answer as the fault lets it through; `answer` was acted upon in full."""
    return spoil.after(fault, answer, LIES)


AMOUNT = re.compile(rb'("(?:amount|total)":")(\d+(?:\.\d+)?)"')
CURRENCY = re.compile(rb'("currency":")([A-Z]{3})"')


def _amount(body: bytes) -> bytes:
    """One more of the last decimal."""

    def more(found: re.Match[bytes]) -> bytes:
        said = found[2].decode()
        decimals = len(said.partition(".")[2])
        return f'{found[1].decode()}{formatted(number(said) + 10 ** (PLACES - decimals), decimals)}"'.encode()

    return AMOUNT.sub(more, body, count=1)


def _currency(body: bytes) -> bytes:
    return CURRENCY.sub(
        lambda found: b'%b%b"' % (found[1], b"EUR" if found[2] == b"USD" else b"USD"), body, 1
    )


LIES: Lies = {"wrong-amount": _amount, "wrong-currency": _currency}
"""The first amount or currency of an answer; the answer to a refund names no currency."""
