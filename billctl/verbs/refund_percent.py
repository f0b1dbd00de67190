"""Refunding a share of a charge: resolved to an exact amount, never rounded to one."""

import re

from billctl.errors import UsageError
from billctl.frozen import frozen_value
from billctl.gateway import Capability, Gateway, Stamp
from billctl.money import DIGIT_FAMILIES, Money
from billctl.verbs.plan import Done, KeyOf, Plan, need
from billctl.verbs.refund import RefundCharge, Refunding, planned

WHOLE = 10_000
"""Hundredths of a percent in all of it."""
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?")
_ASCII = str.maketrans("".join(DIGIT_FAMILIES) + "٫", "0123456789" * len(DIGIT_FAMILIES) + ".")


@frozen_value
class RefundPercent(Refunding):
    """Give `percent` (as typed, up to two decimals) of what was captured back.

    It is the same operation as a refund of the amount that it comes to.
    """

    percent: str

    def params(self) -> dict[str, str]:
        return {"percent": self.percent}

    def plan(self, gateway: Gateway, object_id: str) -> Plan:
        share = hundredths(self.percent)
        need(gateway, Capability.REFUND, "refund")
        charge = gateway.get_charge(object_id)
        amount = _share(charge.captured, share, gateway.amount_step(charge.amount.currency), self.percent)
        return planned(charge, amount, ("percent", f"{self.percent} % of {charge.captured}"))

    def _as_amount(self, plan: Plan) -> RefundCharge:
        assert plan.amount is not None
        return RefundCharge(plan.amount.decimal())

    def stamped(self, plan: Plan, key_of: KeyOf) -> Done | None:
        return self._as_amount(plan).stamped(plan, key_of)

    def check(self, gateway: Gateway, plan: Plan) -> Plan:
        return self._as_amount(plan).check(gateway, plan)

    def send(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done:
        return self._as_amount(plan).send(gateway, plan, stamp)


def hundredths(percent: str) -> int:
    """`12.5` as 1250. Raises `UsageError` for what is no percentage above 0 and up to 100."""
    found = _PERCENT.fullmatch(percent.translate(_ASCII))
    share = int(found[1] + (found[2] or "").ljust(2, "0")) if found else 0
    if not 0 < share <= WHOLE:
        raise UsageError(
            f"{percent[:40]!r} is not a percentage above 0 and up to 100 with two decimals at most",
            code="bad_percent",
            hint="Like --percent 25 or --percent 12.5.",
        )
    return share


def _share(whole: Money, share: int, step: int, percent: str) -> Money:
    """The exact share. Raises `UsageError` that names the amounts beside it where there is none."""
    unit = WHOLE * step
    times, rest = divmod(whole.minor * share, unit)
    below, above = (Money(n * step, whole.currency) for n in (times, times + 1))
    if rest:
        raise UsageError(
            f"{percent} % of {whole} is no exact amount: it lies between {below} and {above}",
            code="bad_percent",
            hint="Choose one with --amount; nothing is rounded.",
        )
    return below
