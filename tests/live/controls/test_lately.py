"""What was lately sent: brought forward order by order, it says the same as gathered anew."""

from __future__ import annotations

from operator import attrgetter

from hypothesis import given
from hypothesis import strategies as st

from darwin_core.live.controls import Recent, lately
from darwin_core.live.controls.lately import Lately, Past
from darwin_core.live.orders import Intent

moves = st.lists(st.tuples(st.sampled_from(["send", "send", "forget"]), st.sampled_from("ABC"), st.integers(-2, 3)))


def sent(number: int, symbol: str, time: int) -> Recent:
    return Recent(Intent(str(number), "d", 0, symbol, "target", 0, 1.0, 1.0), time)


def played(steps: list[tuple[str, str, int]]) -> tuple[Lately, list[Recent]]:
    kept, plain, time = Lately(), list[Recent](), 0
    for number, (what, symbol, later) in enumerate(steps):
        time += later
        if what == "send":
            new = sent(number, symbol, time)
            plain.append(new)
            plain.sort(key=attrgetter("time"))  # a clock that is set back
            kept.append(new)
        elif plain:
            assert kept.popleft() is plain.pop(0)
    return kept, plain


@given(moves, st.integers(0, 100))
def test_what_is_kept_is_what_was_sent_and_not_forgotten(steps: list[tuple[str, str, int]], time: int) -> None:
    lately._SPENT, spent = 3, lately._SPENT
    try:
        kept, plain = played(steps)
    finally:
        lately._SPENT = spent
    past, anew = kept.past(), Past.of(plain)
    assert [*kept] == plain
    assert [*reversed(kept)] == plain[::-1]
    assert len(kept) == len(plain)
    assert past.symbols == {name: tuple(r for r in plain if r.intent.symbol == name) for name in past.symbols}
    assert {r.intent.symbol for r in plain} == set(past.symbols)
    assert past.symbols == anew.symbols
    assert list(past.times) == list(anew.times) == [r.time for r in plain]
    assert past.since(time) == anew.since(time) == sum(r.time > time for r in plain)
    assert sorted(past, key=plain.index) == plain


@given(moves, moves)
def test_a_past_stays_as_it_is(before: list[tuple[str, str, int]], after: list[tuple[str, str, int]]) -> None:
    kept, plain = played(before)
    past = kept.past()
    for number, (what, symbol, _) in enumerate(after):
        if what == "send":
            kept.append(sent(number, symbol, 0))
        elif len(kept):
            kept.popleft()
    assert list(past.times) == [r.time for r in plain]
    assert sorted(past, key=plain.index) == plain
