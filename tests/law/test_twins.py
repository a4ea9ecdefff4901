"""Twins have memories of their own, and the run's stay as they were."""

from __future__ import annotations

import functools
import sys
import threading
from types import ModuleType

import numpy as np
import pytest
from attrs import define, field, frozen

from darwin_core.law.twins import Origin, places_of

COUNT = 0
SEEN: list[int] = []
TABLE = {"a": [1, 2]}


@frozen
class Constant:
    values: dict = field(factory=dict)


SHARED = Constant()


class Counter:
    total = 0

    def __init__(self):
        self.own = []

    def ask(self, x, gathered=[]):  # noqa: B006 - the point
        global COUNT, LATER  # noqa: PLW0603
        COUNT += 1
        LATER = x
        Counter.total += x
        SEEN.append(x)
        TABLE["a"].append(x)
        gathered.append(x)
        self.own.append(x)
        return COUNT, Counter.total, len(SEEN), len(TABLE["a"]), len(gathered), len(self.own)


def ask(twin, x):
    with twin as component:
        return component.ask(x)


def test_a_twin_remembers_only_what_it_was_asked():
    counter = Counter()
    origin = Origin.of(counter, {})
    first, second = origin.twin(), origin.twin()
    assert ask(first, 5) == (1, 5, 1, 3, 1, 1)
    assert ask(first, 6) == (2, 11, 2, 4, 2, 2)
    assert ask(second, 7) == (1, 7, 1, 3, 1, 1)
    assert ask(first, 1) == (3, 12, 3, 5, 3, 3)
    assert (COUNT, SEEN, TABLE, Counter.total, counter.own) == (0, [], {"a": [1, 2]}, 0, [])
    assert Counter.ask.__defaults__ == ([],)
    assert "LATER" not in globals()


def test_a_twin_is_not_told_what_the_run_remembers_later():
    counter = Counter()
    origin = Origin.of(counter, {})
    kept = COUNT
    with origin.twin():
        pass
    counter.own.append("the run")
    SEEN.append(-1)
    try:
        assert ask(origin.twin(), 5) == (1, 5, 1, 3, 1, 1)
        assert SEEN == [-1]
    finally:
        SEEN.clear()
    assert kept == COUNT


def test_memories_are_put_back_when_a_twin_fails():
    origin = Origin.of(Counter(), {})
    with pytest.raises(TypeError), origin.twin() as component:
        component.ask("no number")
    assert (COUNT, SEEN) == (0, [])


def test_a_twin_that_is_awake_can_be_asked_without_waking_it_again():
    twin = Origin.of(Counter(), {}).twin()
    with twin:
        assert [ask(twin, 5)[:3], ask(twin, 6)[:3]] == [(1, 5, 1), (2, 11, 2)]
        assert COUNT == 2
    assert (COUNT, SEEN) == (0, [])
    assert ask(twin, 1)[:3] == (3, 12, 3)


def test_one_twin_sleeps_while_another_of_the_same_plugin_is_asked():
    origin = Origin.of(Counter(), {})
    first, second = origin.twin(), origin.twin()
    with first as component:
        component.ask(5)
        assert ask(second, 7)[:3] == (1, 7, 1)
        assert (COUNT, SEEN) == (1, [5])
    assert (COUNT, SEEN) == (0, [])


def test_what_a_package_holds_is_looked_at_again_when_it_has_changed(monkeypatch):
    def remembered():
        return [place.read() for place in places_of("some_package")]

    for name, held in (("some_package", {"a": 1}), ("some_package.inner", {"b": [2]}), ("some_package_not", {"c": 3})):
        module = ModuleType(name)
        vars(module).update(held)
        monkeypatch.setitem(sys.modules, name, module)
    assert remembered() == [{"a": 1}, {"b": [2]}]
    assert places_of("some_package") is places_of("some_package")
    sys.modules["some_package"].a = ModuleType("no data")
    assert remembered() == [{}, {"b": [2]}]
    monkeypatch.setitem(sys.modules, "some_package.inner", ModuleType("some_package.inner"))  # as when it is reloaded
    assert remembered() == [{}, {}]
    later = ModuleType("some_package.later")
    later.d = 4
    monkeypatch.setitem(sys.modules, "some_package.later", later)
    assert remembered() == [{}, {}, {"d": 4}]


def test_what_does_not_change_is_shared():
    with Origin.of(Counter(), {}).twin():
        assert SHARED is globals()["SHARED"]
        inside = SHARED
    assert inside is SHARED


@define
class Session:
    lock: object = field(factory=threading.Lock)
    seen: list = field(factory=list)
    weights: np.ndarray = field(factory=lambda: np.zeros(3))


def test_what_cannot_be_copied_is_shared_and_the_rest_is_not():
    session = Session()
    twin = Origin.of(session, {}).twin().component
    assert twin.lock is session.lock
    assert twin.seen is not session.seen
    assert twin.weights is not session.weights


@functools.lru_cache
def slow(x):
    return object()


def test_caches_of_functions_are_emptied():
    before = slow(1)
    Origin.of(Counter(), {})
    assert slow(1) is not before
