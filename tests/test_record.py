"""Records beside the dataclasses they stand for."""

import pickle
from dataclasses import dataclass, field, fields, replace

import pytest

from filterbank.record import record


def made(decorator, **options):
    """Return one class, decorated."""

    @decorator(frozen=True, **options)
    class Place:
        """A place."""

        name: str
        row: int = 0
        notes: tuple = field(default=(), compare=False)
        data: bytes = field(default=b"", repr=False)

        @property
        def next(self):
            return self.row + 1

    return Place


@record(frozen=True)
class Point:
    """At the top of a module, so that it can be pickled."""

    x: float
    y: float = 0.0


@record()
class Cursor:
    """Neither frozen nor hashable, as a dataclass that is not."""

    at: int = 0


@record(frozen=True)
class Nothing:
    """Without fields."""


def test_a_record_compares_hashes_and_shows_itself_as_a_dataclass_does():
    values = [("a",), ("a", 1), ("b", 1), ("a", 1, ("x",)), ("a", 1, (), b"data")]
    plain, ours = made(dataclass), made(record)
    for one in values:
        assert repr(ours(*one)) == repr(plain(*one))
        for other in values:
            assert (ours(*one) == ours(*other)) == (plain(*one) == plain(*other))
            if ours(*one) == ours(*other):
                assert hash(ours(*one)) == hash(ours(*other))
    assert ours("a") != plain("a")
    assert [each.name for each in fields(ours)] == ["name", "row", "notes", "data"]
    assert replace(ours("a"), row=3).next == 4
    with pytest.raises(TypeError):
        ours()


def test_without_eq_a_record_is_itself_alone():
    ours = made(record, eq=False)
    one = ours("a")
    assert one != ours("a")
    assert {one, one} == {one}


def test_what_is_not_frozen_has_no_hash():
    cursor = Cursor()
    cursor.at = 2
    assert cursor == Cursor(2)
    with pytest.raises(TypeError):
        hash(cursor)


def test_records_of_two_kinds_differ_even_with_the_same_fields():
    assert Nothing() == Nothing() != Cursor()
    assert len({Nothing(), Point(1.0), Point(1.0, 0.0)}) == 2


def test_what_a_class_says_of_itself_is_kept():
    @record(frozen=True)
    class Quiet:
        x: int

        def __repr__(self):
            return "quiet"

    assert repr(Quiet(1)) == "quiet"


def test_records_are_pickled():
    assert pickle.loads(pickle.dumps(Point(1.0, 2.0))) == Point(1.0, 2.0)
