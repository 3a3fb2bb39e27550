"""filterbank.dataclass against the standard library's, whose slower twin is obvious."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import threading
from dataclasses import field

import pytest

from filterbank import dataclass as quick
from filterbank.geometry import Geometry, resolve

KINDS = [{"frozen": f, "slots": s, "eq": e} for f in (0, 1) for s in (0, 1) for e in (0, 1)]
KINDS = [{name: bool(value) for name, value in kind.items()} for kind in KINDS]


def made(decorate, kind):
    """A class of every sort of field, and one that inherits from it."""

    @decorate(**kind)
    class Base:
        a: int
        b: list = field(default_factory=list)
        c: str = "c"
        d: int = field(default=4, compare=False, repr=False)
        e: int = field(init=False, default=5)

        @property
        def twice(self):
            return 2 * self.a

    @decorate(**kind)
    class Child(Base):
        f: int = 6
        g: int = field(init=False)

        def __post_init__(self):
            object.__setattr__(self, "g", self.a + self.f)

    return Base, Child


@pytest.fixture(params=KINDS, ids=str)
def pair(request):
    """(ours, the standard library's), each (Base, Child)."""
    return made(quick.dataclass, request.param), made(dataclasses.dataclass, request.param), request.param


def outcome(call):
    try:
        return call()
    except Exception as error:
        return type(error)


CALLS = [
    ((1,), {}),
    ((1, [2], "x", 3), {}),
    ((), {"a": 1, "d": 9}),
    ((), {}),
    ((1,), {"e": 1}),
    ((1, 2, 3, 4, 5, 6, 7), {}),
]


@pytest.mark.parametrize("call", CALLS)
def test_instances_look_as_the_standard_librarys(pair, call):
    args, named = call
    for ours, standard in zip(*pair[:2], strict=True):
        found = outcome(lambda kind=ours: repr(kind(*args, **named)))
        assert found == outcome(lambda kind=standard: repr(kind(*args, **named)))


def test_comparing_hashing_and_changing(pair):
    (ours, _), (standard, _), _ = pair

    def story(kind):
        one, other = kind(1, ()), kind(1, (), d=7)
        return [
            one.twice,
            one == other,
            one == kind(2, ()),
            one == (1, ()),
            outcome(lambda: hash(one) == hash(other)),
            outcome(lambda: setattr(one, "a", 3)),
            outcome(lambda: delattr(one, "a")),
            outcome(lambda: setattr(one, "unknown", 3)),
            hasattr(one, "__dict__"),
        ]

    found, expected = story(ours), story(standard)
    # A frozen class with slots refuses a new name in one of two ways, by the version of Python.
    if pair[2] == {"frozen": True, "slots": True, "eq": pair[2]["eq"]}:
        found[7] = expected[7] = None
    assert found == expected


def test_fields_of_instances_are_their_own(pair):
    ours = pair[0][0]
    first, second = ours(1), ours(1)
    first.b.append(1)
    assert second.b == []


def test_replace_fields_and_signature(pair):
    (_, ours), (_, standard), _ = pair
    for replace in (quick.replace, dataclasses.replace):
        changed = replace(ours(1, c="x"), f=10)
        assert (changed.c, changed.f, changed.g) == ("x", 10, 11)
    with pytest.raises(TypeError, match="unknown"):
        quick.replace(ours(1), unknown=1)
    assert [f.name for f in dataclasses.fields(ours)] == [f.name for f in dataclasses.fields(standard)]
    assert dataclasses.asdict(ours(1)) == dataclasses.asdict(standard(1))
    found, expected = inspect.signature(ours), inspect.signature(standard)
    assert list(found.parameters) == list(expected.parameters)
    assert [p.annotation for p in found.parameters.values()] == [
        p.annotation for p in expected.parameters.values()
    ]


def test_copies_and_pickles():
    geometry = resolve(channels=1, size=(4, 5), filters=2, kernel=(3, 3))
    assert isinstance(geometry, Geometry)
    for again in (copy.copy(geometry), copy.deepcopy(geometry), pickle.loads(pickle.dumps(geometry))):
        assert again == geometry
        assert again is not geometry


def test_first_instances_made_by_many_threads_at_once():
    for _ in range(50):
        ours = made(quick.dataclass, KINDS[-1])[1]
        barrier, found = threading.Barrier(8), []

        def make(kind=ours, barrier=barrier, found=found):
            barrier.wait()
            found.append(kind(1).g)

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [7] * 8
