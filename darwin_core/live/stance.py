"""Where a session stands on risk: what people and triggers have said about it, and what still holds of that.

It is a fold of records. What is done now and what a restart reads in the journal go through the same `take`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, evolve, field

from darwin_core.live.controls import REPEATS, Reenabled
from darwin_core.live.schema import Alert, Control, Decision, Denial

if TYPE_CHECKING:
    from darwin_core.live.controls import Controls
    from darwin_core.live.ordering import Tell
    from darwin_core.live.schema import Body
    from darwin_core.types import Mode

_SAFE = "safe mode: "
"""How the alert begins that says why; after a restart it is known from there."""


@define(eq=False)
class Stance:
    """What has been said about risk.

    Parameters
    ----------
    unwind_bars
        Bars in which positions are brought down while no new risk is taken; 0 leaves them.
    tell
        Told when safe mode begins and ends.
    """

    unwind_bars: int
    tell: Tell
    closed: dict[str, str] = field(factory=dict, init=False)
    """Why no new risk is taken, by who says so."""
    modes: dict[str, Mode] = field(factory=dict, init=False)
    """Of agents whose mode somebody has changed."""
    denied: set[str] = field(factory=set, init=False)
    """Symbols in which somebody wants no new risk."""
    disabled: str = field(default="", init=False)
    """Why a decision that was carried out again and again has stopped the deployment."""
    reenabled: Reenabled | None = field(default=None, init=False)
    _unwound: int = field(default=0, init=False)

    def take(self, time: int, body: Body) -> None:
        """Take a record in; most of them say nothing about risk."""
        if isinstance(body, Decision):
            self._unwound = round((1.0 - body.content["given"]["keep"]) * self.unwind_bars)
        elif isinstance(body, Denial) and body.control == REPEATS and not self.disabled:
            self.disabled = body.reason
        elif isinstance(body, Alert) and body.text.startswith(_SAFE):
            self.closed[body.source] = body.text.removeprefix(_SAFE)
        elif isinstance(body, Alert) and body.level == "info":
            self.closed.pop(body.source, None)
        elif isinstance(body, Control) and body.details.get("outcome") == "done":
            self._asked(time, body)

    def _asked(self, time: int, body: Control) -> None:
        """Take in what somebody has asked for, and has got."""
        details = body.details
        if body.action == "override" and "agent" in details:
            self.modes[details["agent"]] = details["mode"]
        elif body.action == "override":
            (self.denied.add if details["rule"] == "deny" else self.denied.discard)(details["symbol"])
        elif body.action == "halt":
            self.closed["halt"] = f"{body.why} ({body.who})"
        elif body.action == "resume":
            self.closed.clear()
            if self.disabled:
                self.disabled, self.reenabled = "", Reenabled(body.who, body.why, time)

    def close(self, time: int, who: str, reason: str) -> None:
        """Take no new risk because a trigger says so, and tell it."""
        self._say(time, Alert("critical", who, _SAFE + reason))

    def lift(self, time: int, who: str, words: str) -> None:
        """Forget why a trigger has said so, and tell it; what others say stands."""
        self._say(time, Alert("info", who, words))

    def _say(self, time: int, alert: Alert) -> None:
        self.take(time, alert)
        self.tell(alert)

    @property
    def reason(self) -> str:
        """Why no new risk is taken, all of it; empty when it is."""
        return "; ".join(f"{who}: {reason}" for who, reason in sorted(self.closed.items()))

    def controls(self, controls: Controls) -> Controls:
        """Return the deployment's controls with what people have said about symbols."""
        symbols = controls.symbols
        return evolve(controls, symbols=evolve(symbols, deny=tuple(sorted({*symbols.deny, *self.denied}))))

    def keep(self) -> float:
        """Return the share of the strategy's targets that stands at the next bar; one call a bar."""
        unwinding = self.unwind_bars and any(who != "halt" for who in self.closed)
        self._unwound = self._unwound + 1 if unwinding else 0
        return max(0.0, 1.0 - self._unwound / self.unwind_bars) if unwinding else 1.0
