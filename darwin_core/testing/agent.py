"""The suite for agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from darwin_core.errors import did_you_mean
from darwin_core.testing import columns as invented
from darwin_core.testing.compare import check, differences
from darwin_core.testing.sample import daily_bars
from darwin_core.testing.suite import ComponentTests
from darwin_core.types import Observation, read_only

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from darwin_core.testing.columns import Values
    from darwin_core.types import Floats

_ROWS = 96
_WHENS = ("candidate", "bar", "hour", "day", "week", "month", "quarter", "year")
_EFFECTS = ("scale", "target", "cap")


class AgentTests(ComponentTests):
    """Cases for an agent.

    Attributes
    ----------
    columns
        What the columns of `requires` hold: a range ``(low, high)`` or a list of values. Those of proposal and
        account are known; features that are not named are invented between -3 and 3. Two ascending numbers are a
        range, so write three values for a list of two: ``(0, 0, 1)``.
    seed
        The agent's seed.
    """

    kind: ClassVar[str] = "agent"
    columns: ClassVar[Mapping[str, Values]] = {}
    seed: ClassVar[int] = 7

    def backend(self) -> Any:
        """Return the inference backend that the agent is given; None by default."""
        return None

    def also(self) -> dict[str, Any]:
        """Return the seed and the backend."""
        return {"backend": self.backend(), "seed": self.seed}

    def observation(self, agent: Any, rows: int = _ROWS) -> Observation:
        """Return rows as the core lays them out: all finite, ordered by time, then symbol."""
        names = tuple(agent.requires)
        invented.known(names)
        ranges = {**invented.LIVE, **self.columns}
        drawn = [invented.draw(name, ranges.get(name, invented.UNKNOWN), rows) for name in names]
        values = np.column_stack(drawn) if names else np.empty((rows, 0))
        bars = daily_bars()
        symbol = np.arange(rows) % len(bars.symbols)
        time = bars.time[np.arange(rows) // len(bars.symbols)]
        return _lent(Observation(names, np.ascontiguousarray(values), time, symbol, bars.symbols))

    def says(self, folder: Path) -> dict[str, NDArray[Any]]:
        """Return the actions of a fresh agent."""
        agent = self.fresh(folder)
        return {"actions": _decided(agent, self.observation(agent))}

    def test_declares_when_what_and_a_floor(self) -> None:
        """A1: `when`, `effect`, `requires` and `baseline` are such as the core knows.

        When it fails: the message lists what there is. The baseline is the action that stands when the agent cannot
        decide.
        """
        agent = self.make()
        check(agent.when in _WHENS, f"when is {agent.when!r}: {did_you_mean(str(agent.when), _WHENS)}")
        check(agent.effect in _EFFECTS, f"effect is {agent.effect!r}: {did_you_mean(str(agent.effect), _EFFECTS)}")
        check(np.isfinite(agent.baseline), f"the baseline is {agent.baseline}")
        check(
            agent.effect == "target" or agent.baseline >= 0.0,
            f"the baseline is {agent.baseline}: a {agent.effect} is 0 or more",
        )
        names = tuple(agent.requires)
        check(len(set(names)) == len(names), "`requires` names a column twice")
        invented.known(names)

    def test_decides_once_a_row(self) -> None:
        """A2: `decide` returns one finite action a row, 0 or more where it scales or caps.

        When it fails: return an array of shape (N,), not (N, 1) and no scalar. For a NaN look for a logarithm, root
        or quotient of values that a column never has: then say in `columns` which it has.
        """
        agent = self.make()
        for rows in (1, 2, _ROWS):
            asked = self.observation(agent, rows)
            actions = _decided(agent, asked)
            check(actions.shape == (rows,), f"decide returned shape {actions.shape} for {rows} rows, not ({rows},)")
            bad = np.flatnonzero(~np.isfinite(actions) | ((agent.effect != "target") & (actions < 0.0)))
            what = dict(zip(asked.names, asked.values[bad[0]].tolist(), strict=True)) if len(bad) else {}
            check(not len(bad), f"action {actions[bad[0]] if len(bad) else 0} for {what}")

    def test_a_batch_is_its_rows(self) -> None:
        """A3: a batch of n rows gets the same actions, bit for bit, as n batches of one row and as any part of it.

        When it fails: a row's action depends on the other rows. Look for a mean, rank or softmax over axis 0, and
        for ``@`` or ``dot``: a matrix product rounds differently with the number of rows; ``np.einsum`` does not.
        """
        agent = self.make()
        asked = self.observation(agent)
        whole = _decided(agent, asked)
        parts = [slice(i, i + 1) for i in range(len(asked))] + [slice(0, 2), slice(0, 7), slice(5, 69), slice(31, None)]
        for part in parts:
            found = differences({"actions": whole[part]}, {"actions": _decided(agent, _taken(asked, part))})
            check(
                not found, f"rows {part.start} to {part.stop} of {len(asked)}, in the batch and by themselves: {found}"
            )

    def test_the_order_of_rows_does_not_matter(self) -> None:
        """A4: the same rows in another order get the same actions.

        When it fails: as A3; and do not assume that the rows are sorted, or that one follows the other in time.
        """
        agent = self.make()
        asked = self.observation(agent)
        order = np.random.default_rng(0).permutation(len(asked))
        found = differences(
            {"actions": _decided(agent, asked)[order]}, {"actions": _decided(agent, _taken(asked, order))}
        )
        check(not found, f"the same rows in another order: {found}")

    def test_other_symbols_do_not_matter(self) -> None:
        """A5: a row's action does not change when the rows of other symbols do.

        When it fails: as A3; what relates symbols to each other (a rank, breadth) is a feature column, not an
        agent's business.
        """
        agent = self.make()
        asked = self.observation(agent)
        own = asked.symbol == 0
        values = asked.values.copy()
        values[~own] = values[~own][0]  # all alike: neither mean nor ranks stay what they were
        changed = _lent(Observation(asked.names, values, asked.time, asked.symbol, asked.symbols))
        found = differences({"actions": _decided(agent, asked)[own]}, {"actions": _decided(agent, changed)[own]})
        check(not found, f"the rows of one symbol, with other values for the others: {found}")

    def test_one_time_for_all_rows_will_do(self) -> None:
        """A6: rows of one bar may come with a single time, (1,), and get the same actions as with (N,).

        When it fails: `observation.time` is (N,), or (1,) when all rows are of one bar: let it broadcast, do not
        index it by row.
        """
        agent = self.make()
        whole = self.observation(agent, 4)
        one_bar = Observation(whole.names, whole.values, np.repeat(whole.time[:1], 4), whole.symbol, whole.symbols)
        single = Observation(whole.names, whole.values, whole.time[:1], whole.symbol, whole.symbols)
        found = differences({"actions": _decided(agent, one_bar)}, {"actions": _decided(agent, single)})
        check(not found, f"four rows of one bar, with four times and with one: {found}")

    def test_inputs_stay_as_they_are(self) -> None:
        """A7: the agent does not write to the observation.

        When it fails: copy before you change: ``values = observation.values.copy()``.
        """
        agent = self.make()
        asked, kept = self.observation(agent), self.observation(agent)
        try:
            agent.decide(asked)
        except ValueError as error:
            check("read-only" not in str(error), f"it writes to its input: {error}")
            raise
        found = differences(_contents(kept), _contents(asked))
        check(not found, f"it changed the observation: {found}")

    def test_calls_do_not_disturb_each_other(self) -> None:
        """A8: an action does not depend on what was asked before.

        When it fails: keep nothing on `self` between calls. What an agent needs of the past is a feature or an
        account column.
        """
        agent = self.make()
        asked = self.observation(agent)
        first = _decided(agent, asked)
        for part in (slice(0, 3), slice(10, 11), slice(40, None)):
            _decided(agent, _taken(asked, part))
        found = differences({"actions": first}, {"actions": _decided(agent, asked)})
        check(not found, f"asked again after other questions: {found}")

    def test_compiled_is_the_same(self) -> None:
        """A9: where the agent offers `compiled`, it writes the same actions as `decide`, bit for bit.

        When it fails: write the same operations in the same order in both, or let `decide` call `compiled`. Compile
        for ``void(float64[:, ::1], float64[::1])`` with ``error_model="numpy"`` and without ``fastmath``.
        """
        agent = self.make()
        if not hasattr(agent, "compiled"):
            return
        for rows in (1, 3, _ROWS):
            asked = self.observation(agent, rows)
            actions = np.full(rows, np.nan)
            agent.compiled(asked.values.copy(), actions)
            found = differences({"actions": _decided(agent, asked)}, {"actions": actions})
            check(not found, f"decide, then compiled, on {rows} rows: {found}")

    def test_explains_the_row_and_nothing_else(self) -> None:
        """A10: where the agent offers `explain`, it gives one confidence and words a row, by that row alone.

        When it fails: return a pair ``(confidence, words)`` for each row, 0 to 1 or NaN, and a text. As with `decide`,
        a row's words depend on no other row, and asking again changes nothing. It may raise nothing on rows on which
        the agent has just decided.
        """
        agent = self.make()
        if not hasattr(agent, "explain"):
            return
        asked = self.observation(agent)
        agent.decide(asked)
        whole = _explained(agent, asked)
        check(whole == _explained(agent, asked), "asked twice about the same rows, it says two things")
        for part in (slice(0, 1), slice(5, 9), slice(31, None)):
            found = _explained(agent, _taken(asked, part))
            check(found == whole[part], f"rows {part.start} to {part.stop} are explained otherwise by themselves")


def _decided(agent: Any, asked: Observation) -> Floats:
    actions: Floats = np.asarray(agent.decide(asked), dtype=np.float64)
    return actions.copy()


def _explained(agent: Any, asked: Observation) -> list[tuple[str, str]]:
    """Return what an agent says of its decisions, the confidence as text, for NaN is not NaN."""
    said = list(agent.explain(asked))
    check(len(said) == len(asked), f"{len(said)} explanations for {len(asked)} rows")
    for confidence, words in said:
        check(isinstance(words, str), f"the words are {words!r}")
        sure = float(confidence)
        check(np.isnan(sure) or 0.0 <= sure <= 1.0, f"the confidence is {confidence!r}: 0 to 1, or NaN")
    return [(repr(float(confidence)), words) for confidence, words in said]


def _taken(asked: Observation, part: Any) -> Observation:
    return _lent(Observation(asked.names, asked.values[part], asked.time[part], asked.symbol[part], asked.symbols))


def _lent(asked: Observation) -> Observation:
    """Return an observation whose arrays are read-only and its own."""
    values, time, symbol = (read_only(np.array(a, order="C")) for a in (asked.values, asked.time, asked.symbol))
    return Observation(asked.names, values, time, symbol, asked.symbols)


def _contents(asked: Observation) -> dict[str, NDArray[Any]]:
    return {"values": asked.values, "time": asked.time, "symbol": asked.symbol}
