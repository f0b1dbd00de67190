"""The claim protocol, as rules on a list of notes: whatever runs do beside each other, one of them refunds.

Nothing is sent here; tests/safety/test_woocommerce_claims.py has the same with processes and a store.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from billctl.errors import StoreError
from billctl.gateway import Stamp
from billctl.gateways.woocommerce.claims import (
    Claim,
    End,
    Judgement,
    Note,
    Turn,
    claim_of,
    claim_text,
    end_text,
    judge,
    open_claims,
    read_claims,
)
from billctl.gateways.woocommerce.marks import Mark, Marks
from billctl.money import Money

KEY = "0123456789abcdef" * 2
AMOUNT = Money(2000, "SAR")


def op(number: int) -> str:
    return f"op_{number:026d}"


def claim(number: int, note: int) -> Note:
    stamp = Stamp(key=KEY, operation=op(number), asked=datetime.now(UTC))
    return Note(id=note, text=claim_text(stamp, AMOUNT))


def end(number: int, note: int, how: End = End.ABANDONED) -> Note:
    return Note(id=note, text=end_text(op(number), how, "by nobody"))


# What is read


def test_a_claim_names_the_operation_the_amount_and_the_key() -> None:
    assert claim(1, 7).text == f"[billctl:{op(1)} claim] refund 20.00 SAR key {KEY}"
    assert read_claims([claim(1, 7)]) == (Claim(note=7, operation=op(1), key=KEY, amount="20.00 SAR"),)


@pytest.mark.parametrize("how", End)
def test_a_claim_is_open_until_a_note_says_how_its_operation_ended(how: End) -> None:
    assert open_claims(read_claims([claim(1, 7)])) != []
    (ended,) = read_claims([claim(1, 7), end(1, 8, how)])
    assert ended.end is how
    assert open_claims([ended]) == []


def test_the_end_of_one_operation_ends_no_other() -> None:
    assert [c.operation for c in open_claims(read_claims([claim(1, 7), claim(2, 8), end(1, 9)]))] == [op(2)]


def test_an_end_counts_even_where_the_claim_came_later() -> None:
    assert open_claims(read_claims([end(1, 6), claim(1, 7)])) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Order status changed from Pending to Processing.",
        f"he wrote: [billctl:{op(1)} claim] refund 20.00 SAR key {KEY}",
        f"[billctl:{op(1)} claim] refund 20.00 SAR key {KEY} and more",
        f"[billctl:op_1 claim] refund 20.00 SAR key {KEY}",
        f"[billctl:{op(1)} claim] refund ٢٠ SAR key {KEY}",
        f"[billctl:{op(1)} maybe]",
    ],
)
def test_notes_in_any_other_form_are_no_claims(text: str) -> None:
    assert read_claims([Note(id=1, text=text)]) == ()


@pytest.mark.parametrize("note", [claim(1, 7), end(1, 7, End.DONE)], ids=["claim", "end"])
def test_what_the_customer_reads_is_none_of_ours_whatever_it_says(note: Note) -> None:
    told = Note(id=note.id, text=note.text, to_customer=True)
    assert read_claims([claim(2, 5), claim(1, 6), told]) == read_claims([claim(2, 5), claim(1, 6)])


@given(st.lists(st.tuples(st.integers(1, 9), st.text(max_size=90)), max_size=6))
def test_no_text_that_somebody_wrote_makes_it_fail(notes: list[tuple[int, str]]) -> None:
    read_claims(Note(id=number, text=text) for number, text in notes)


def test_the_order_of_notes_in_an_answer_does_not_matter() -> None:
    notes = [claim(2, 9), end(1, 8), claim(1, 7)]
    assert read_claims(notes) == read_claims(notes[::-1])


# Who may go on


def turn(number: int, *notes: Note, ended: tuple[str, ...] = ()) -> Judgement:
    return judge(read_claims(notes), op(number), ended=ended)


def test_an_only_claim_goes_on() -> None:
    assert turn(1, claim(1, 7)) == Judgement(turn=Turn.GO)


def test_the_later_claim_gives_way_and_the_earlier_waits_for_it() -> None:
    both = (claim(1, 7), claim(2, 8))
    assert (turn(2, *both).turn, turn(1, *both).turn) == (Turn.GIVE_WAY, Turn.WAIT)
    assert turn(2, *both).rival == claim_of(read_claims(both), op(1))
    assert turn(1, *both, end(2, 9)).turn is Turn.GO


def test_a_claim_that_is_known_to_have_ended_stands_in_nobodys_way() -> None:
    assert turn(2, claim(1, 7), claim(2, 8), ended=(op(1),)).turn is Turn.GO


def test_without_its_own_claim_nobody_goes_on() -> None:
    assert turn(1).turn is Turn.UNSEEN
    assert turn(1, claim(2, 7)).turn is Turn.UNSEEN
    assert turn(1, claim(1, 7), end(1, 8)).turn is Turn.LOST


# Any interleaving. Notes get their ids when they are begun to be written, and are seen only later.


@dataclass
class Store:
    """An order as everybody sees it: its notes, and the refunds that were asked for."""

    last: int = 0
    notes: list[Note] = field(default_factory=list)
    refunds: int = 0

    def number(self) -> int:
        self.last += 1
        return self.last


Rule = Callable[[tuple[Claim, ...], str], Turn]


def right(claims: tuple[Claim, ...], operation: str) -> Turn:
    return judge(claims, operation).turn


def lowest_wins(claims: tuple[Claim, ...], operation: str) -> Turn:
    """Wrong: whoever has the lowest id of those it sees goes on at once."""
    found = judge(claims, operation).turn
    return Turn.GO if found is Turn.WAIT else found


@dataclass
class Run:
    """One run on the order, which began when nothing was refunded; `step` does its next single thing."""

    store: Store
    number: int
    rule: Rule
    at: str = "look"
    note: int = 0

    def step(self) -> None:
        if self.at != "over":
            self.at = getattr(self, f"_{self.at}")()

    def _look(self) -> str:
        return "over" if open_claims(read_claims(self.store.notes)) or self.store.refunds else "begin"

    def _begin(self) -> str:
        self.note = self.store.number()
        return "write"

    def _write(self) -> str:
        self.store.notes.append(claim(self.number, self.note))
        return "judge"

    def _judge(self) -> str:
        match self.rule(read_claims(self.store.notes), op(self.number)):
            case Turn.GO:
                return "reread"
            case Turn.WAIT | Turn.UNSEEN:
                return "judge"
            case _:
                return "give_way"

    def _reread(self) -> str:
        return "give_way" if self.store.refunds else "post"

    def _post(self) -> str:
        self.store.refunds += 1
        return "tell"

    def _tell(self) -> str:
        self.store.notes.append(end(self.number, self.store.number(), End.DONE))
        return "over"

    def _give_way(self) -> str:
        self.store.notes.append(end(self.number, self.store.number()))
        return "over"


RUNS = 4
UNSEEN = [0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 1]
"""The first has the lower id and is seen last: the second has looked by then, and goes on."""
SCHEDULES = st.lists(st.integers(0, RUNS - 1), max_size=60)


def played(schedule: list[int], rule: Rule, *, killed: frozenset[int] = frozenset()) -> Store:
    """The store after the runs did their steps in this order, and those not killed then all the rest."""
    store = Store()
    runs = [Run(store, number, rule) for number in range(RUNS)]
    for number in schedule:
        runs[number].step()
    alive = [run for run in runs if run.number not in killed]
    for _ in range(20 * RUNS):
        for run in alive:
            run.step()
    return store


@given(SCHEDULES)
@example(UNSEEN)
def test_in_any_interleaving_exactly_one_refunds_and_every_claim_is_closed(schedule: list[int]) -> None:
    store = played(schedule, right)
    assert store.refunds == 1
    assert open_claims(read_claims(store.notes)) == []


@given(SCHEDULES, st.frozensets(st.integers(0, RUNS - 1)))
def test_whoever_is_killed_wherever_no_second_one_refunds(
    schedule: list[int], killed: frozenset[int]
) -> None:
    assert played(schedule, right, killed=killed).refunds <= 1


def test_with_the_lowest_id_alone_two_refund_where_a_note_is_seen_late() -> None:
    assert played(UNSEEN, lowest_wins).refunds == 2


# What a machine knows by itself


def test_a_mark_says_how_far_an_operation_came(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "woocommerce")
    seen = [marks.of(op(1))]
    for step in (marks.begin, marks.sending, marks.end, marks.end):
        step(op(1))
        seen.append(Marks(tmp_path / "woocommerce").of(op(1)))
    assert seen == [None, Mark.UNSENT, Mark.SENT, None, None]


def test_an_operation_begins_once(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    assert [marks.begin(op(1)), marks.begin(op(1))] == [True, False]
    marks.sending(op(1))
    assert marks.begin(op(1)) is False


def test_a_folder_that_a_backup_was_copied_over_says_that_it_was_sent(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    marks.begin(op(1))
    marks.sending(op(1))
    (tmp_path / "claims" / f"{op(1)}.{Mark.UNSENT}").touch()
    assert marks.of(op(1)) is Mark.SENT


def test_marks_are_private(tmp_path: Path) -> None:
    Marks(tmp_path / "woocommerce").begin(op(1))
    made = list((tmp_path / "woocommerce").rglob("*"))
    assert {path.stat().st_mode & 0o777 for path in made if path.is_dir()} == {0o700}
    assert [path.stat().st_mode & 0o777 for path in made if path.is_file()] == [0o600]


def test_without_its_mark_nothing_is_marked_as_sent(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    with pytest.raises(StoreError, match="the mark of a refund cannot be kept"):
        marks.sending(op(1))


def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "claims").write_text("in the way")
    with pytest.raises(StoreError, match="the mark of a refund cannot be kept"):
        Marks(tmp_path).begin(op(1))


def test_where_nothing_may_be_kept_there_are_no_marks() -> None:
    marks = Marks(None)
    for step in (marks.begin, marks.sending, marks.end):
        step(op(1))
    assert marks.of(op(1)) is None
