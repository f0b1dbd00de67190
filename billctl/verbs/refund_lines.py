"""Refunding lines of a charge's invoice, at the price that the gateway has for them."""

import re
from collections.abc import Iterable

from billctl.errors import UsageError
from billctl.frozen import frozen_value, replace
from billctl.gateway import Capability, Gateway, RefundLine, Stamp
from billctl.models import Charge
from billctl.money import Money
from billctl.verbs.plan import Done, KeyOf, Plan, need
from billctl.verbs.refund import (
    Refunding,
    check_amount,
    check_refundable,
    done_of,
    made_now,
    noted,
    own_refunds,
    planned,
    state_of,
)

_LINE = re.compile(r"([!-9;-{}~][!-{}~]{0,199}?)(?::([1-9][0-9]{0,5}))?")
"""An id of printable ASCII characters but `|`, which parts what an operation's key is made of."""


@frozen_value
class RefundLines(Refunding):
    """Give lines of a charge's invoice back.

    Which lines tells the operation apart, and not what they are worth: `lines` are sorted, each named once
    (`lines_of`).
    """

    lines: tuple[RefundLine, ...]

    def signature(self) -> str:
        return f"{self.name}:{text_of(self.lines)}"

    def keyed(self, amount: Money | None) -> Money | None:
        del amount
        return None

    def params(self) -> dict[str, str]:
        return {"line": text_of(self.lines)}

    def plan(self, gateway: Gateway, object_id: str) -> Plan:
        need(gateway, Capability.REFUND_LINES, "refund lines of an invoice")
        charge = gateway.get_charge(object_id)
        return Plan(verb=self.name, record=charge, before=state_of(charge))

    def stamped(self, plan: Plan, key_of: KeyOf) -> Done | None:
        assert isinstance(plan.record, Charge)
        own = own_refunds(plan.record, key_of)
        return done_of(own[0]) if own else None

    def check(self, gateway: Gateway, plan: Plan) -> Plan:
        charge = plan.record
        assert isinstance(charge, Charge)
        check_refundable(gateway, charge)
        amount = gateway.price_lines(charge, self.lines)
        if not amount:
            raise UsageError(f"the lines of {charge.id} are worth nothing", code="bad_amount")
        check_amount(charge, amount)
        priced = planned(charge, amount, ("lines", "; ".join(map(words_of, self.lines))))
        priced = replace(plan, amount=amount, left=priced.left, facts=priced.facts)
        return noted(gateway, priced, charge, amount)

    def send(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done:
        assert isinstance(plan.record, Charge)
        assert plan.amount is not None
        made = gateway.refund_lines(plan.record, self.lines, plan.amount, stamp=stamp)
        return done_of(made_now(gateway, plan.record, made))


def lines_of(texts: Iterable[str]) -> tuple[RefundLine, ...]:
    """Lines from `ID` (all units that are left) or `ID:QTY`, sorted.

    Raises `UsageError` for another form, and for a line that is named twice.
    """
    lines: dict[str, RefundLine] = {}
    for text in texts:
        found = _LINE.fullmatch(text)
        if found is None:
            raise UsageError(
                f"{text[:60]!r} is no line of an invoice",
                code="bad_line",
                hint="Write its id, or how many of its units after a colon: --line ID:2.",
            )
        if found[1] in lines:
            raise UsageError(f"line {found[1][:60]} is named twice", code="bad_line")
        lines[found[1]] = RefundLine(id=found[1], quantity=int(found[2]) if found[2] else None)
    return tuple(lines[name] for name in sorted(lines))


def text_of(lines: Iterable[RefundLine]) -> str:
    """Lines as `lines_of` reads them, parted by blanks."""
    return " ".join(f"{line.id}:{line.quantity}" if line.quantity else line.id for line in lines)


def words_of(line: RefundLine) -> str:
    """A line for a person."""
    return f"{line.id}, {line.quantity} of it" if line.quantity else f"{line.id}, all that is left of it"
