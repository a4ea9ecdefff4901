"""The law, audited: components asked again about prefixes of their blocks must say the same, bit for bit."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, field, frozen

from darwin_core.assembly import NamedColumn
from darwin_core.errors import CausalityError, PluginError
from darwin_core.evaluate import call, compute, cut_proposal, stamp
from darwin_core.law import cuts
from darwin_core.law.asking import AgentAudit
from darwin_core.law.cuts import Reach, Terrain, Window
from darwin_core.law.twins import Home, Origin
from darwin_core.law.verdict import Cut, Subject, difference, verdict
from darwin_core.protocols import WHOLE_TAPE
from darwin_core.types import OUTPUTS, Market

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core.assembly import Line, MonitorPart
    from darwin_core.blocks import Block
    from darwin_core.engine import Walk
    from darwin_core.evaluate import Evaluator, Part
    from darwin_core.forming import Formed
    from darwin_core.law.verdict import Outputs
    from darwin_core.observing import Questions
    from darwin_core.plugins import Owner
    from darwin_core.types import Ints

_SAMPLED = 2
"""Blocks in which a cheap audit cuts every component (or how often in the only one there is), beside the first block
that has a place of each kind."""
_SHARE, _LEAST_CELLS = 0.2, 65_536
"""The bars times symbols that a cheap audit asks a component again about: a share of the run's, or this many."""
_CUTS = 8
_FULL_RANDOM = 32
_KINDS = ("on boom", "on crash", "off boom", "off crash", "gap end", "period end")
"""Where to cut, and what comes after the cut: a boom, a crash, or the end."""


@frozen
class Audited:
    """How often one component was asked again."""

    component: str
    prefixes: int


@define(eq=False)
class Auditor:
    """Asks twins of the line's components about prefixes of their blocks.

    Cheap, the default: some ten prefixes a component in a long run, for about a fifth of its time. Full: some
    forty in every block. What is cut where follows from the deployment's seed.
    """

    line: Line
    blocks: list[Block]
    _known: dict[str, Home] = field(factory=dict, init=False)
    _columns: dict[str, Subject] = field(init=False)
    _strategy: Subject = field(init=False)
    _monitors: list[Subject] = field(init=False)
    _agents: AgentAudit = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Copy every component before its first call."""
        self._columns = {named.name: self._column(named) for named in self.line.columns}
        owner, strategy = self.line.strategy.owner, self.line.strategy.strategy
        self._strategy = self._subject(str(owner), owner, "", strategy, lambda s, m, n: _propose(owner, s, m, n))
        self._monitors = [self._monitor(part) for part in self.line.monitors]
        self._agents = AgentAudit(self.line, self.blocks, self._full, self._known)

    @property
    def _full(self) -> bool:
        return self.line.settings.run.audit == "full"

    def _column(self, named: NamedColumn) -> Subject:
        def ask(column: Any, market: Market, rows: int) -> Outputs:
            return {"": compute(NamedColumn(named.name, column, named.owner), market.bars, rows)}

        words = f"column {named.name!r}"
        return self._subject(words, named.owner, words, named.column, ask)

    def _monitor(self, part: MonitorPart) -> Subject:
        def ask(monitor: Any, market: Market, rows: int) -> Outputs:
            answer = np.asarray(call(part.owner, monitor.allow, market))
            if answer.shape != (len(market),):
                raise PluginError(f"{part.owner}: allow must return bool of shape ({len(market)},)")
            return {"allow": answer[len(market) - rows :, None]}

        return self._subject(str(part.owner), part.owner, "", part.monitor, ask)

    def _subject(self, name: str, owner: Owner, words: str, component: Any, ask: Callable[..., Outputs]) -> Subject:
        lookback, symbols = component.lookback, len(self.line.feed.symbols)
        before = [self._before(block, lookback) for block in self.blocks]
        cells = float(sum(before) + sum(map(len, self.blocks))) * symbols
        budget = np.inf if self._full else max(_LEAST_CELLS, _SHARE * cells)
        within = [k for k, rows in enumerate(before) if 4 * rows * symbols <= budget]  # a whole tape grows dear
        within = [k for k in within if len(self.blocks[k]) > 1] or within  # one bar alone has no future in its block
        if len(within) > _SAMPLED:
            within = self._rng(name).choice(within, _SAMPLED, replace=False).tolist()
        origin = Origin.of(component, self._known)
        return Subject(name, owner, words, lookback, ask, origin, budget, frozenset(within), set(_KINDS))

    def _before(self, block: Block, lookback: int) -> int:
        """Return how many bars before a block a component sees."""
        return block.start if lookback == WHOLE_TAPE else min(block.start, lookback)

    def _rng(self, name: str, *more: int) -> np.random.Generator:
        return np.random.default_rng([self.line.settings.deployment.seed, zlib.crc32(name.encode()), *more])

    def audited(self) -> tuple[Audited, ...]:
        """Return what was audited, in the order of the line."""
        subjects = [*self._columns.values(), self._strategy, *self._monitors]
        market = [Audited(subject.name, subject.asked) for subject in subjects if subject.asked]
        return (*market, *(Audited(name, count) for name, count in self._agents.asked().items()))

    def check_market(self, k: int, evaluator: Evaluator, part: Part) -> None:
        """Audit what looks at the market on block `k`; raise CausalityError at the first that breaks the law."""
        terrain = Terrain(part.bars)
        for name, subject in self._columns.items():
            said = {"": part.features[name]}
            self._check(subject, k, terrain, said, lambda s: Market(evaluator.window(k, s.lookback), {}))
        proposed = {name: getattr(part.proposal, name) for name in OUTPUTS}
        self._check(self._strategy, k, terrain, proposed, lambda s: evaluator.market(k, s.lookback))
        for subject in self._monitors:
            allowed = {"allow": part.may_add[:, None]}
            self._check(subject, k, terrain, allowed, lambda s: evaluator.market(k, s.lookback))

    def check_agents(self, k: int, part: Part, formed: Formed, questions: Questions, walk: Walk) -> None:
        """Audit the agents on block `k`; raise CausalityError at the first that breaks the law."""
        self._agents.check(k, part, formed, questions, walk)

    def _check(
        self, subject: Subject, k: int, terrain: Terrain, said: Outputs, window: Callable[[Subject], Market]
    ) -> None:
        """Audit one component on block `k`."""
        trials = self._trials(subject, k, terrain, said)
        if not trials:
            return
        whole, n = Window(window(subject)), len(terrain.bars)
        before = len(whole.market) - n
        if len(self._monitors) > 1 and subject in self._monitors:  # the run kept only what they say together
            said = subject.fresh(whole.market, n)
        found = _ask_again(subject, [Cut(whole, before + rows, rows, kind) for rows, kind in trials], said)
        if found:
            raise CausalityError(verdict(subject, found[0], said, found[1]))

    def _trials(self, subject: Subject, k: int, terrain: Terrain, said: Outputs) -> list[tuple[int, str]]:
        """Return the rows of block `k` that each question leaves in place, and what comes after them."""
        n, symbols = len(terrain.bars), len(terrain.bars.symbols)
        sampled = self._full or k in subject.sampled
        if n == 1 and not sampled:
            return []
        kinds = _KINDS if sampled else sorted(subject.missing)
        found = {where: _places(where, terrain, said) for where in dict.fromkeys(map(_where, kinds))}
        if not sampled and not any(map(len, found.values())):
            return []
        before = self._before(self.blocks[k], subject.lookback)
        most = min(float(n), subject.budget / symbols / _CUTS - before)
        reach = Reach(max(1, subject.lookback + 1 - before), int(most))
        lengths = {where: cuts.fitting(rows, reach, n) for where, rows in found.items()}
        rng = self._rng(subject.name, k)
        rounds = _SAMPLED // min(_SAMPLED, len(self.blocks)) if sampled else 1
        trials: list[tuple[int, str]] = []
        if sampled:
            trials.append((min(reach.least, max(1, n - 1)), "end"))
            for _ in range(_FULL_RANDOM // 2 if self._full else rounds):
                trials += [(cuts.short(reach, n, rng), "end"), (cuts.anywhere(reach, n, rng), "end")]
        for kind in [*kinds] * rounds:
            if subject.spent + sum(before + length for length, _ in trials) * symbols > subject.budget:
                break
            fit, what = lengths[_where(kind)], kind.rpartition(" ")[2]
            if len(fit):
                trials.append((cuts.pick(fit, rng), what))
                subject.missing.discard(kind)
            elif sampled and kind in ("on boom", "off crash") and n > 1:  # it says the same all the time
                trials.append((cuts.short(reach, n, rng), what))
        return list(dict.fromkeys(trials))


def _ask_again(subject: Subject, trials: list[Cut], said: Outputs) -> tuple[Cut, Outputs] | None:
    """Ask one twin about every cut; return the first at which it says something else, and what it says."""
    failed = None
    with subject.awake() as twin:
        for cut in trials:
            shown = cut.shown()
            subject.asked += 1
            subject.spent += len(shown) * len(shown.bars.symbols)
            try:
                again = subject.ask(twin, shown, cut.rows + len(shown) - cut.stop)
            except PluginError as error:
                if cut.kind == "end":  # what never came may be more than it can bear
                    failed = failed or (error, shown.bars.time[-1])
                continue
            if difference(said, again, cut.rows):
                return cut, again
    if failed:
        where = f"so it does when the bars end at {stamp(failed[1])}, as they do in live"
        raise PluginError(f"{failed[0]}: {where}") from failed[0]
    return None


def _where(kind: str) -> str:
    return kind.partition(" ")[0]


def _places(where: str, terrain: Terrain, said: Outputs) -> Ints:
    """Return the rows of a block after which there is something to see."""
    if where not in cuts.CHANGES:
        return terrain.rows(where)
    return cuts.changes(where, [value for value in said.values() if np.ndim(value) == 2])  # type: ignore[arg-type, misc]


def _propose(owner: Owner, strategy: Any, market: Market, rows: int) -> Outputs:
    proposal = cut_proposal(owner, call(owner, strategy.propose, market), market, len(market) - rows)
    return {name: getattr(proposal, name) for name in OUTPUTS}
