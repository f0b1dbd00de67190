"""Orders and subscriptions as records, a few at a time: one that cannot be read hides nothing else."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from billctl.errors import BillctlError
from billctl.gaps import because
from billctl.gateways.woocommerce.errors import reading_answer
from billctl.models import Charge, Invoice, Subscription

R = TypeVar("R", Charge, Invoice, Subscription)


class Reading(NamedTuple):
    """Turns wire objects into records of `account`; one that cannot be read is `left_out`."""

    account: str
    left_out: list[BillctlError]

    def each(
        self, items: Sequence[Mapping[str, Any]], record: Callable[[Mapping[str, Any]], R]
    ) -> tuple[R, ...]:
        """The records of `items`, newest first."""
        found = []
        for item in items:
            try:
                with reading_answer(self.account, change=False):
                    found.append(record(item))
            except BillctlError as error:
                self.left_out.append(because(f"{item.get('id')} is left out", error))
        return tuple(sorted(found, key=lambda one: one.created, reverse=True))
