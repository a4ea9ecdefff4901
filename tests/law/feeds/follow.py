"""A lawful strategy that reads one column, so that the column is computed."""

from __future__ import annotations

import attrs
import numpy as np

from darwin_core import Proposal, hookimpl


@attrs.frozen
class Follow:
    column: str = "change(5)"
    lookback: int = 0

    @property
    def requires(self):
        return (self.column,)

    def propose(self, market):
        return Proposal(side=np.nan_to_num(np.sign(market[self.column])), weight=0.2)


@hookimpl
def make_strategy(options):
    return options.into(Follow)
