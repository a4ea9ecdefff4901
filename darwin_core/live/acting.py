"""What people ask of a running session, done in the loop; see `control.actions` for who may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core.errors import DarwinError, did_you_mean
from darwin_core.live.control.actions import Answer, as_entry

if TYPE_CHECKING:
    from darwin_core.live.control.actions import Action
    from darwin_core.live.parts import Parts
    from darwin_core.types import Mode


def do(run: Parts, action: Action) -> str:
    """Do what somebody asks for; return what was done, in words.

    Raises
    ------
    DarwinError
        It cannot be done, and nothing has changed.
    """
    said = _words(run, action)
    run.stance.take(run.clock.now(), as_entry(action, Answer("done", said)))
    if action.name == "flatten":
        run.killer.done = False
    elif action.name == "release":
        run.safety.release(action)
    elif "agent" in action.details:
        run.circuits.reset(action.details["agent"])
    elif action.name == "override":
        run.ordering.controls = run.stance.controls(run.session.settings.controls)
    return said


def mode_of(run: Parts, agent: str) -> Mode:
    """Return the mode that an agent is in."""
    deployed = next(part.trust.mode for part in run.line.agents if part.name == agent)
    return run.stance.modes.get(agent, deployed)


def _words(run: Parts, action: Action) -> str:
    """Say what is going to be done; refuse what cannot be."""
    if action.name == "halt":
        return "no new risk is taken; exits go on"
    if action.name == "resume":
        return f"trading goes on; lifted: {', '.join(sorted(run.stance.closed)) or 'nothing'}"
    if action.name == "flatten":
        return "the kill latch is closed; orders are cancelled and positions closed"
    if action.name == "release":
        return "the kill latch is open"
    return _of_agent(run, action) if "agent" in action.details else _of_symbol(run, action)


def _of_agent(run: Parts, action: Action) -> str:
    agent, names = action.details["agent"], [part.name for part in run.line.agents]
    if agent not in names:
        raise DarwinError(f"there is no agent {agent!r}: there are {', '.join(names) or 'none'}")
    mode = mode_of(run, agent)
    if action.details.get("from") and action.details["from"] != mode:
        raise DarwinError(f"{agent} is in {mode} by now, not in {action.details['from']}: ask again")
    return f"{agent} is in {action.details['mode']} from the next bar on"


def _of_symbol(run: Parts, action: Action) -> str:
    symbol, rule = action.details["symbol"], action.details["rule"]
    if symbol not in run.tape.symbols:
        raise DarwinError(f"the deployment does not trade {symbol!r}: {did_you_mean(symbol, run.tape.symbols)}")
    return f"{symbol}: {'no new risk' if rule == 'deny' else 'allowed again'}"
