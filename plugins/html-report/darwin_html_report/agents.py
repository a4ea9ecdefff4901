"""What each agent did, and what it added by counterfactual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from darwin_html_report.texts import MISSING, coloured, count, esc, gain, money, number, percent, ratio, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Agent = Mapping[str, Any]

_DID = ("Agent", "Mode", "Decides", "Decisions", "Applied", "Fell back", "Off baseline", "Mean action")
_PAIRS = (("total_return", "Return", gain), ("sharpe", "Sharpe", ratio), ("max_drawdown", "Drawdown", percent))
_ADDED: tuple[tuple[str, str, Callable[..., str]], ...] = (
    ("money", "Money", money), ("r", "R a decision", ratio), ("sharpe", "Sharpe", ratio),
)  # fmt: skip
_CHANGED = ("Agent", *(text for _, label, _ in _PAIRS for text in (f"{label} with", "without")))


def attribution(agents: Sequence[Agent]) -> str:
    """Return bars of money added, what the agents did, and each figure with and without them."""
    did = table(_DID, (_did(agent) for agent in agents))
    changed = table(_CHANGED, (_changed(agent) for agent in agents), "pairs")
    return f"{bars(agents)}{did}{changed}{added(agents)}{experiments(agents)}"


def experiments(agents: Sequence[Agent]) -> str:
    """Return the arms of each experiment side by side, each on its own symbols; nothing for a run without any."""
    arms = [agent for agent in agents if agent.get("experiment")]
    if not arms:
        return ""
    order = sorted(arms, key=lambda agent: (agent["experiment"]["name"], agent["experiment"]["arm"]))
    heads = ("Experiment", "Arm", "Symbols", "Outcomes known", "R a decision")
    note = (
        '<p class="muted">Arms of an experiment: each acts on its own symbols, chosen by a hash, and is measured '
        "there, applied or not. What both of their intervals hold is not known to differ; <code>darwin evaluate"
        "</code> has the interval of the difference.</p>"
    )
    return note + table(heads, (_arm(agent) for agent in order))


def _arm(agent: Agent) -> tuple[str, ...]:
    arm, found = agent["experiment"], agent.get("added") or {}
    return (
        esc(arm["name"]), esc(agent["name"]), count(len(arm["symbols"])), count(found.get("arm_resolved")),
        _interval(found.get("arm_r"), ratio),
    )  # fmt: skip


def added(agents: Sequence[Agent]) -> str:
    """Return what each agent added with 95 % intervals; nothing for a run that has none on record."""
    known = [agent for agent in agents if agent.get("added")]
    if not known:
        return ""
    heads = ("Agent", *(label for _, label, _ in _ADDED))
    note = (
        '<p class="muted note">What each agent added, or would have added: 95 % intervals by drawing whole blocks of '
        "time. One on both sides of zero says that it is not known which way it goes.</p>"
    )
    return note + table(heads, (_added(agent) for agent in known))


def _added(agent: Agent) -> tuple[str, ...]:
    verb = "would have added" if agent["hypothetical"] else "added"
    cells = (_interval(agent["added"].get(key), write) for key, _, write in _ADDED)
    return (f"{esc(agent['name'])}<small>{verb}</small>", *cells)


def _interval(figure: Any, write: Callable[..., str]) -> str:
    """Return a figure with its interval and what that rests on."""
    if not figure:
        return MISSING
    value, low, high = (number(figure[key]) for key in ("value", "low", "high"))
    blocks = f"{count(figure['blocks'])} {esc(figure['unit'])} blocks"
    if low is None or high is None:
        return f"{write(value, sign=True)}<small>no interval: {blocks}</small>"
    return f"{write(value, sign=True)}<small>{write(low, sign=True)} to {write(high, sign=True)}, {blocks}</small>"


def bars(agents: Sequence[Agent]) -> str:
    """Return one bar an agent, to the right what it added and to the left what it cost."""
    most = max((abs(number(agent["added_money"]) or 0.0) for agent in agents), default=0.0)
    return f'<div class="attribution">{"".join(_bar(agent, most) for agent in agents)}</div>'


def _bar(agent: Agent, most: float) -> str:
    added = number(agent["added_money"]) or 0.0
    width = 50.0 * abs(added) / most if most > 0.0 else 0.0
    place = f"left:{50.0 if added >= 0.0 else 50.0 - width:.2f}%;width:{width:.2f}%"
    verb = "would have added" if agent["hypothetical"] else "added"
    css = f"{'gain' if added >= 0.0 else 'loss'}{' hypothetical' if agent['hypothetical'] else ''}"
    return (
        f'<div class="agent"><div class="who"><b>{esc(agent["name"])}</b> {verb} '
        f"{coloured(agent['added_money'], lambda v: money(v, sign=True))} "
        f'<span class="muted">and {ratio(_sharpe(agent), sign=True)} in Sharpe</span></div>'
        f'<div class="track"><div class="bar {css}" style="{place}"></div></div></div>'
    )


def _sharpe(agent: Agent) -> float | None:
    acting, without = (number(agent[key].get("sharpe")) for key in ("with", "without"))
    return None if acting is None or without is None else acting - without


def _did(agent: Agent) -> tuple[str, ...]:
    share = agent.get("share")
    mode = esc(agent["mode"]) if share is None else f"{esc(agent['mode'])}, {percent(share, digits=0)} of symbols"
    when = esc(agent["when"])
    decides = f"at each {when}" if agent["when"] in ("candidate", "bar") else f"once a {when}"
    version = f", version {esc(agent['version'])}" if agent.get("version") else ""
    return (
        f"{esc(agent['name'])}<small>{esc(agent['plugin'])}{version}</small>",
        mode,
        f"{decides}, {esc(agent['effect'])}",
        *(count(agent[key]) for key in ("decisions", "applied", "fallback", "differs_from_baseline")),
        ratio(agent["mean_action"]),
    )


def _changed(agent: Agent) -> tuple[str, ...]:
    both = (write(agent[side].get(key)) for key, _, write in _PAIRS for side in ("with", "without"))
    return (esc(agent["name"]), *both)
