"""The suite for safety monitors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from darwin_core.testing.columns import feature_names
from darwin_core.testing.compare import check
from darwin_core.testing.law import LawTests
from darwin_core.testing.sample import lend_market
from darwin_core.types import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from darwin_core.testing.columns import Values
    from darwin_core.types import Market


class MonitorTests(LawTests):
    """Cases for a safety monitor; `columns` as in `StrategyTests`."""

    kind: ClassVar[str] = "monitor"
    columns: ClassVar[Mapping[str, Values]] = {}

    def requires(self, component: Any) -> Sequence[str]:
        """Return the columns that it reads."""
        return tuple(component.requires)

    def answer(self, component: Any, market: Market, only: str = "") -> dict[str, NDArray[Any]]:  # noqa: ARG002
        """Return its word for each bar, (T,)."""
        return {"allow": np.asarray(component.allow(market))}

    def lookbacks(self, component: Any) -> dict[str, int]:
        """Return its look-back."""
        return {"allow": component.lookback}

    def test_requires_columns_that_can_exist(self) -> None:
        """M1: `requires` names feature columns, each of them once, and nothing of the account.

        When it fails: limits on the account (drawdown, gross, weight) stand in `limits`; the core holds them.
        """
        feature_names(self.make())

    def test_allows_or_not_for_every_bar(self) -> None:
        """M2: `allow` returns bool of shape (T,), whatever is missing.

        When it fails: decide what a NaN means (``nan > 3`` is False), and return one bool for each bar of the
        window.
        """
        component = self.make()
        for sample, market in self.markets(component).items():
            allowed = self.answer(component, lend_market(market))["allow"]
            check(
                allowed.shape == (len(market),),
                f"allow has shape {allowed.shape} on {sample} bars, not ({len(market)},)",
            )
            check(allowed.dtype == np.bool_, f"allow is of {allowed.dtype}, not bool")

    def test_limits_are_limits(self) -> None:
        """M3: `limits` is a `Limits` of sensible numbers, and stays the same.

        When it fails: build it from the options alone: ``Limits(max_weight=self.max_weight)``; shares are above 0,
        a drawdown is at most 1.
        """
        component = self.make()
        limits = component.limits
        check(isinstance(limits, Limits), f"limits is {type(limits).__name__}, not Limits")
        for name in ("max_weight", "max_gross", "max_drawdown"):
            value = getattr(limits, name)
            check(value > 0.0, f"limits.{name} is {value}: it is above 0")
        check(limits.max_drawdown <= 1.0, f"limits.max_drawdown is {limits.max_drawdown}: it is at most 1")
        for market in self.markets(component).values():
            component.allow(lend_market(market))
        check(component.limits == limits, "limits changed between two looks at them")
