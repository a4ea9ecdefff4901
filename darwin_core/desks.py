"""Where the compiled loop lays out what a Python agent is asked, and takes the answer from.

A Python call a bar is dear, so nothing is made twice: an agent sees the same `Observation` each time that it is
asked about as many rows, with other content. It is valid during the call only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from attrs import define, field

from darwin_core.types import Observation, read_only

if TYPE_CHECKING:
    from collections.abc import Callable

    from darwin_core.observing import Panel
    from darwin_core.types import Floats, Ints


@define(eq=False)
class Desks:
    """The buffers of `lockstep` over one block, and the agents that work on them.

    Parameters
    ----------
    panel
        The agents.
    time
        (n,) the block's times.
    drain
        Called when the loop's own buffers are full.
    """

    panel: Panel
    time: Ints
    drain: Callable[[], None]
    rows: Ints = field(init=False)
    observation: Floats = field(init=False)
    actions: Floats = field(init=False)
    _moment: Ints = field(init=False)
    _views: tuple[memoryview, memoryview] = field(init=False)
    _made: list[dict[int, tuple[Observation, Floats]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make room for all symbols and the widest observation."""
        symbols = len(self.panel.symbols)
        self.rows = np.zeros(symbols, np.int64)
        self.observation = np.zeros(symbols * int(self.panel.agents["width"].max(initial=1)))
        self.actions = np.zeros(symbols)
        self._moment = np.zeros(1, np.int64)
        # Python reads and writes single numbers through a memoryview in half the time.
        self._views = self.time.data, self._moment.data
        self._made = [{} for _ in self.panel.parts]

    def ask(self, j: int, row: int, n: int) -> bool:
        """Let agent `j` answer the `n` rows laid out at bar `row`; False when its baseline has to stand in."""
        if j < 0:
            if row > 0:  # not full before the first bar: it is the call at the end of the block
                self.drain()
            return True
        time, moment = self._views
        moment[0] = time[row]
        made = self._made[j].get(n)
        observation, actions = made or self._make(j, n)
        answer = self.panel.guards[j].decide(observation)
        if answer is None:
            return False
        actions[...] = answer
        return True

    def _make(self, j: int, n: int) -> tuple[Observation, Floats]:
        """Return agent `j`'s observation of `n` rows, and where the actions for them go."""
        names = tuple(self.panel.parts[j].agent.requires)
        values = self.observation[: n * len(names)].reshape(n, len(names))
        rows = read_only(self.rows[:n])
        observation = Observation(names, read_only(values), read_only(self._moment), rows, self.panel.symbols)
        made = self._made[j][n] = observation, self.actions[:n]
        return made
