"""The options of `batch apply` and `batch run` that say how a plan is applied, and what they mean."""

import math
from typing import Annotated

import typer

from billctl.errors import UsageError
from billctl.money import Money, parse

MOST_WORKERS = 64

Rate = Annotated[
    str | None,
    typer.Option("--rate", metavar="N|none", help="Requests a second; default: what the gateway publishes."),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, max=MOST_WORKERS, help="Rows at a time, per account: 8."),
]
MaxFailures = Annotated[
    int | None,
    typer.Option("--max-failures", metavar="N", min=0, help="Stop after more failed rows than that: 20."),
]
ExpectTotal = Annotated[
    list[str] | None,
    typer.Option(
        "--expect-total",
        metavar='"AMOUNT CUR"',
        help="Refuse a plan with another total (one for each currency).",
    ),
]
ExpectRows = Annotated[
    int | None,
    typer.Option("--expect-rows", metavar="N", min=0, help="Refuse a plan with another number of rows."),
]
Canary = Annotated[
    int | None,
    typer.Option("--canary", metavar="N", min=0, help="Stop for a look after N rows; live: 3, else none."),
]
NotBefore = Annotated[
    str | None,
    typer.Option("--not-before", metavar="TIME", help="Wait until then: 2026-11-22T20:00, 70m, 2h."),
]


def rate_of(text: str | None) -> float | None:
    """What `--rate` means for `billctl.pace.Paces`. Raises `UsageError`."""
    if text is None or text == "none":
        return math.inf if text else None
    whole, _, rest = text.partition(".")
    if (
        (whole + rest).isdigit()
        and text.isascii()
        and len(text) <= 10
        and whole
        and (rate := float(text)) > 0
    ):
        return rate
    raise UsageError(
        f"--rate {text[:40]!r} is no rate",
        code="bad_rate",
        hint="Write requests a second, 25 or 0.5, or none.",
    )


def totals_of(texts: list[str] | None) -> tuple[Money, ...] | None:
    """The sums that `--expect-total` names, in the order of their currencies. Raises `UsageError`."""
    if not texts:
        return None
    found: dict[str, Money] = {}
    for text in texts:
        amount, _, currency = text.strip().partition(" ")
        if not currency:
            raise UsageError(
                f"--expect-total {text[:40]!r} names no currency",
                code="bad_total",
                hint='Write the amount and its currency: --expect-total "1250.00 USD".',
            )
        total = parse(amount, currency.strip().upper())
        if total.currency in found:
            raise UsageError(f"--expect-total names {total.currency} twice", code="bad_total")
        found[total.currency] = total
    return tuple(found[currency] for currency in sorted(found))
