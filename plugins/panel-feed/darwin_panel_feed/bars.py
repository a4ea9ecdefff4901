"""What every single bar must satisfy, and the scaling to adjusted prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from darwin_panel_feed.rows import Screen
    from darwin_panel_feed.setup import Roles, Setup

    Bools: TypeAlias = NDArray[np.bool_]
    Floats: TypeAlias = NDArray[np.float64]


def check(columns: dict[str, Floats], role: Roles, setup: Setup, screen: Screen) -> dict[str, Floats]:
    """Judge the bars of a file; return its fields, adjusted if so wished, (n,) each."""
    values = {name: columns[column] for name, column in role.fields.items()}
    raw = list(values.values())
    prices = [each for name, each in values.items() if name != "volume"]
    if role.adjust:
        raw.append(columns[role.adjust])
        prices.append(columns[role.adjust])
    screen.judge("missing", _any(np.isnan(each) for each in raw))
    screen.judge("infinite", _any(np.isinf(each) for each in raw))
    if role.adjust:
        values = adjust(values, columns[role.adjust])
        prices += [each for name, each in values.items() if name != "volume"]
    if setup.positive:
        screen.judge("nonpositive", _any(each <= 0 for each in prices))
    if "volume" in values:
        screen.judge("negative_volume", values["volume"] < 0)
    screen.judge("infinite", _any(~np.isfinite(each) for each in values.values()), "once it is adjusted")
    screen.judge("range", out_of_range(values))
    return values


def adjust(values: dict[str, Floats], adjusted: Floats) -> dict[str, Floats]:
    """Scale prices by adjusted / close and volumes by close / adjusted, so that price x volume stays.

    All prices of a bar are multiplied by the same number, the close too: rounding cannot change their order.
    """
    with np.errstate(all="ignore"):  # what overflows or is divided by zero is judged afterwards
        factor = adjusted / values["close"]
        return {name: each / factor if name == "volume" else each * factor for name, each in values.items()}


def out_of_range(values: dict[str, Floats]) -> Bools:
    """Mark bars whose high is below, or whose low is above, another price of the bar, (n,)."""
    bad = np.zeros(len(values["close"]), np.bool_)
    for name in ("open", "close", "low"):
        if name in values and "high" in values:
            bad |= values["high"] < values[name]
    for name in ("open", "close"):
        if name in values and "low" in values:
            bad |= values["low"] > values[name]
    return bad


def _any(masks: Iterable[Bools]) -> Bools:
    found: Bools = np.logical_or.reduce(list(masks))
    return found
