"""The columns of a symbol's own bars: names, numbers they take, fields they read, how they are computed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from darwin_indicators import formulas as f
from darwin_indicators.own_bars import EVERYTHING, Recipe
from darwin_indicators.windows import depth, mean

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BARS = 100_000


@frozen
class Number:
    """A number that a column takes."""

    name: str
    default: float
    least: float = 1
    whole: bool = True

    def check(self, value: float) -> float:
        """Return the value; raise ValueError when it makes no sense."""
        if self.whole and not (value.is_integer() and self.least <= value <= MOST_BARS):
            msg = f"{self.name} must be a whole number from {self.least:g} to {MOST_BARS}, not {value:g}"
            raise ValueError(msg)
        if not self.whole and not self.least < value < float("inf"):
            msg = f"{self.name} must be above {self.least:g}, not {value:g}"
            raise ValueError(msg)
        return int(value) if self.whole else value


@frozen(eq=False)
class Entry:
    """One column on offer."""

    numbers: tuple[Number, ...]
    fields: tuple[str, ...]
    recipe: Callable[..., Recipe]


def signature(name: str, numbers: tuple[Number, ...]) -> str:
    """Return how a column is written, with its defaults.

    Examples
    --------
    >>> signature("bollinger", (Number("n", 20), Number("k", 2.0)))
    'bollinger(n=20, k=2)'
    """
    return f"{name}({', '.join(f'{each.name}={each.default:g}' for each in numbers)})" if numbers else name


def arguments(name: str, numbers: tuple[Number, ...], given: tuple[float, ...]) -> list[float]:
    """Return the checked arguments with defaults for those not given; raise ValueError."""
    if len(given) > len(numbers):
        takes = f"{len(numbers)} number{'s' * (len(numbers) != 1)}" if numbers else "no numbers"
        msg = f"{name} takes {takes}, not {len(given)}: {signature(name, numbers)}"
        raise ValueError(msg)
    values = [*given, *(each.default for each in numbers[len(given) :])]
    return [number.check(float(value)) for number, value in zip(numbers, values, strict=True)]


def _change(n: int) -> Recipe:
    return Recipe(partial(f.change, n=n), n + 1, n + 1)


def _momentum(n: int, skip: int) -> Recipe:
    if skip >= n:
        msg = f"skip must be less than n, and {skip} is not less than {n}"
        raise ValueError(msg)
    return Recipe(partial(f.change, n=n, skip=skip), n + 1, n + 1)


def _macd(function: Callable[..., object], fast: int, slow: int, signal: int) -> Recipe:
    if fast >= slow:
        msg = f"fast must be less than slow, and {fast} is not less than {slow}"
        raise ValueError(msg)
    full = depth(f.ema_decay(slow))
    if function is f.macd:
        return Recipe(partial(f.macd, fast=fast, slow=slow), full, slow)
    of_both = partial(function, fast=fast, slow=slow, signal=signal)
    return Recipe(of_both, full + depth(f.ema_decay(signal)) - 1, slow + signal - 1)  # type: ignore[arg-type]


def _drawdown(n: int) -> Recipe:
    return Recipe(partial(f.drawdown, n=n), n or EVERYTHING, n or 1)


def _wilder(function: Callable[..., object], n: int) -> Recipe:
    return Recipe(partial(function, n=n), depth(f.wilder_decay(n)) + 1, n + 1)  # type: ignore[arg-type]


def _window(function: Callable[..., object], n: int, **more: float) -> Recipe:
    return Recipe(partial(function, n=n, **more), n, n)  # type: ignore[arg-type]


_CLOSE = ("close",)
_RANGE = ("high", "low", "close")
_MACD = (Number("fast", 12), Number("slow", 26, 2), Number("signal", 9))
MOMENTUM = (Number("n", 252), Number("skip", 21, 0))


def _n(default: int, least: int = 1) -> tuple[Number, ...]:
    return (Number("n", default, least),)


ENTRIES = {
    "level": Entry((), _CLOSE, lambda: Recipe(f.level, 1, 1)),
    "return": Entry(_n(1), _CLOSE, _change),
    "log_return": Entry(_n(1), _CLOSE, lambda n: Recipe(partial(f.log_change, n=n), n + 1, n + 1)),
    "momentum": Entry(MOMENTUM, _CLOSE, _momentum),
    "sma": Entry(_n(20), _CLOSE, partial(_window, mean)),
    "ema": Entry(_n(20), _CLOSE, lambda n: Recipe(partial(f.ema, n=n), depth(f.ema_decay(n)), n)),
    "macd": Entry(_MACD, _CLOSE, partial(_macd, f.macd)),
    "macd_signal": Entry(_MACD, _CLOSE, partial(_macd, f.macd_signal)),
    "macd_hist": Entry(_MACD, _CLOSE, partial(_macd, f.macd_hist)),
    "rsi": Entry(_n(14), _CLOSE, partial(_wilder, f.rsi)),
    "volatility": Entry(_n(20, 2), _CLOSE, lambda n: Recipe(partial(f.volatility, n=n), n + 1, n + 1)),
    "zscore": Entry(_n(20, 2), _CLOSE, partial(_window, f.zscore)),
    "bollinger": Entry(
        (Number("n", 20, 2), Number("k", 2.0, 0, whole=False)), _CLOSE, lambda n, k: _window(f.bollinger, n, k=k)
    ),
    "drawdown": Entry(_n(252, 0), _CLOSE, _drawdown),
    "close_channel": Entry(_n(20, 2), _CLOSE, partial(_window, f.close_channel)),
    "channel": Entry(_n(20), _RANGE, partial(_window, f.channel)),
    "atr": Entry(_n(14), _RANGE, partial(_wilder, f.atr)),
    "atr_ratio": Entry(_n(14), _RANGE, partial(_wilder, f.atr_ratio)),
    "volume_z": Entry(_n(20, 2), ("volume",), partial(_window, f.zscore)),
}
