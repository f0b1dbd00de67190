"""What a plan does that its sums do not say: when it ends, who is written to, what can be undone."""

from collections import Counter

from billctl.batch.model import RowState
from billctl.batch.plan_file import PlanFile
from billctl.cli.batch_views import count
from billctl.gateway import When
from billctl.verbs.cancel import WORDS

Facts = list[tuple[str, str]]


def effect_of(plan: PlanFile) -> Facts:
    """Lines for a person, label and text, in the order in which an action on its own has them.

    Every row is looked at: a plan may come from somebody else.
    """
    ends: Counter[str] = Counter()
    undo: dict[str, None] = {}
    elsewhere = 0
    for row in plan.rows():
        if row.state is RowState.READY:
            ends.update(WORDS[When(when)] for name, when in row.params.items() if name == "when")
            elsewhere += "to" in row.params
            undo |= dict.fromkeys(text for label, text in row.facts if label == "undo")
    told = [
        ("ends", f"{words}: {count(rows, 'row')}" if len(ends) > 1 else words) for words, rows in ends.items()
    ]
    written = [("to", f"{count(elsewhere, 'invoice')} to an address that the rows name")] if elsewhere else []
    return [*told, *written, *(("undo", text) for text in undo)]
