"""Immutable records: built, compared, copied and inherited like frozen dataclasses."""

import copy
import pickle
from typing import ClassVar

import pytest

from billctl.frozen import field, fields, frozen, frozen_value, replace


@frozen
class Animal:
    KIND: ClassVar[str] = "animal"
    name: str
    legs: int = 4
    tags: list[str] = field(default_factory=list)


@frozen
class Dog(Animal):
    owner: str | None = None
    chip: str = field(default_factory=lambda: "none", repr=False)


@frozen_value
class Point:
    x: int
    y: int = 0

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("x is negative")


def test_a_record_is_built_by_keywords_with_defaults() -> None:
    rex = Dog(name="Rex", owner="Amina")
    assert fields(rex) == {"name": "Rex", "legs": 4, "tags": [], "owner": "Amina", "chip": "none"}
    assert rex.KIND == "animal"


def test_a_default_factory_makes_a_new_value_for_each_record() -> None:
    one, other = Animal(name="a"), Animal(name="b")
    one.tags.append("x")
    assert other.tags == []


def test_a_value_is_built_by_position() -> None:
    assert fields(Point(3)) == {"x": 3, "y": 0}
    assert Point(3, 4) == Point(x=3, y=4)


@pytest.mark.parametrize("arguments", [{}, {"name": "a", "wings": 2}])
def test_missing_and_unknown_fields_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Animal(**arguments)  # type: ignore[arg-type]


def test_too_many_positions_are_refused() -> None:
    with pytest.raises(TypeError):
        Point(1, 2, 3)  # type: ignore[call-arg]


def test_a_record_cannot_be_changed() -> None:
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del point.x


def test_a_copy_with_changes_is_another_record() -> None:
    point = Point(1, 2)
    assert replace(point, y=5) == Point(1, 5)
    assert point == Point(1, 2)
    with pytest.raises(TypeError):
        replace(point, z=1)
    with pytest.raises(ValueError, match="negative"):
        replace(point, x=-1)


def test_records_compare_and_hash_by_type_and_fields() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert hash(Point(1, 2)) == hash(Point(1, 2))
    assert Point(1, 2) != Point(2, 1)
    assert Animal(name="a") != Dog(name="a")
    assert len({Point(1), Point(1), Point(2)}) == 2


def test_what_is_hidden_is_not_in_the_repr() -> None:
    assert repr(Dog(name="Rex", chip="secret")) == "Dog(name='Rex', legs=4, tags=[], owner=None)"


def test_records_match_by_keyword_and_position() -> None:
    match Point(1, 2):
        case Point(x, y=2):
            assert x == 1
        case _:
            pytest.fail("did not match")


def test_records_survive_copying_and_pickling() -> None:
    point = Point(1, 2)
    assert copy.deepcopy(point) == point
    assert pickle.loads(pickle.dumps(point)) == point
