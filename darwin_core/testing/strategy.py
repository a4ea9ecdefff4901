"""The suite for strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from darwin_core.errors import PluginError
from darwin_core.plugins import Owner
from darwin_core.testing.columns import feature_names
from darwin_core.testing.compare import check
from darwin_core.testing.law import LawTests
from darwin_core.testing.sample import lend_market
from darwin_core.types import OUTPUTS, Proposal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from darwin_core.testing.columns import Values
    from darwin_core.types import Market


class StrategyTests(LawTests):
    """Cases for a strategy.

    Attributes
    ----------
    columns
        What the columns of `requires` hold: a range ``(low, high)``, a list of values, or a function of the
        bars; invented numbers between -3 and 3 for those that are not named.
    """

    kind: ClassVar[str] = "strategy"
    columns: ClassVar[Mapping[str, Values]] = {}

    def requires(self, component: Any) -> Sequence[str]:
        """Return the columns that it reads."""
        return tuple(component.requires)

    def answer(self, component: Any, market: Market, only: str = "") -> dict[str, NDArray[Any]]:  # noqa: ARG002
        """Return the parts of the proposal, (T, S) each."""
        proposal = component.propose(market)
        check(isinstance(proposal, Proposal), f"propose returned {type(proposal).__name__}, not a Proposal")
        shape = market.bars.close.shape
        parts = {}
        for name in OUTPUTS:
            value = getattr(proposal, name)
            if value is not None:
                try:
                    parts[name] = np.broadcast_to(np.asarray(value), shape)
                except ValueError:
                    raise AssertionError(f"{name} has shape {np.shape(value)}, which does not fit {shape}") from None
        return parts

    def lookbacks(self, component: Any) -> dict[str, int]:
        """Return the look-back of every part, which is the strategy's."""
        return dict.fromkeys(OUTPUTS, component.lookback)

    def test_requires_columns_that_can_exist(self) -> None:
        """S1: `requires` names feature columns, each of them once, and nothing of the account.

        When it fails: a strategy sees the market only; what depends on the account is an agent's business.
        """
        feature_names(self.make())

    def test_proposals_are_accepted_by_the_core(self) -> None:
        """S2: on data with gaps, late listings and standing prices, the proposal is one that the core takes.

        When it fails: the message names the first bad cell. Compare with NaN in mind (``nan > 1`` is False), and
        give rows that are not known yet side 0.
        """
        from darwin_core.evaluate import cut_proposal
        from darwin_core.forming import form

        component = self.make()
        owner = Owner(self.kind, self.use, "under test")
        for sample, market in self.markets(component).items():
            lent = lend_market(market)
            try:
                cut = cut_proposal(owner, component.propose(lent), lent, 0)
                form(owner, cut, lent.bars, np.zeros(len(lent.bars.symbols), np.int8))
            except PluginError as error:
                raise AssertionError(f"on {sample} bars: {error}") from None

    def test_proposes_something(self) -> None:
        """S3: on at least one of the samples, some row has a side.

        When it fails: the other cases prove nothing about a strategy that is always flat. Set `columns` to values
        on which it acts, or override `samples` with bars on which it does.
        """
        component = self.make()
        sides = [self.answer(component, lend_market(m))["side"] for m in self.markets(component).values()]
        check(any(np.any(side != 0) for side in sides), "it never has a side on the sample data")
