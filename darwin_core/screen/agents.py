"""What each agent did and what it added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from darwin_core.screen.words import clean, colour, fixed, known, line, money, ratio, widths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console, RenderableType

    Agent = Mapping[str, Any]

_HEADINGS = ("mode", "decided", "applied", "fell back", "", "money", "Sharpe")
_VERB = _HEADINGS.index("")
_NOTE = "money, Sharpe: what an agent added"
_NOTE_OBSERVING = f"{_NOTE}; one that only observes would have added it"
_NUMBERS = ("decisions", "applied", "fallback")


def show_agents(agents: Sequence[Agent], console: Console) -> RenderableType:
    """Return a row an agent, with its verb in a note where that does not fit; a sentence an agent where no row does."""
    for said, gap in ((True, 2), (True, 1), (False, 2), (False, 1)):
        table = _rows(agents, gap, said=said)
        if widths(table, console)[0] <= console.width:
            note = _NOTE_OBSERVING if any(agent["hypothetical"] for agent in agents) else _NOTE
            return table if said else Group(table, Text(note, "dim"))
    return Text("\n").join(_in_words(agent) for agent in agents)


def show_calls(agents: Sequence[Agent]) -> Text | None:
    """Return what the questions came to of agents that are paid for them, a line each; None without such agents."""
    lines = [calls(agent) for agent in agents if agent.get("calls")]
    return Text("\n".join(lines)) if lines else None


def calls(agent: Agent) -> str:
    """Say how many questions an agent was asked, what earlier agents have saved or would have, and its price."""
    found = agent["calls"]
    price = found["price"]

    def worth(count: int) -> str:
        return f" ({money(count * price)} in money)" if price is not None and count else ""

    parts = [f"asked about {found['asked']:,} candidates{worth(found['asked'])}"]
    parts.append(f"{found['saved']:,} questions saved by agents before it{worth(found['saved'])}")
    parts += [f"{name} would save {count:,} more{worth(count)}" for name, count in found["would"].items() if count]
    return f"{agent['name']}: {'; '.join(parts)}"


def _rows(agents: Sequence[Agent], gap: int, *, said: bool) -> Table:
    rows = [_row(agent, amount) for agent, amount in zip(agents, _amounts(agents), strict=True)]
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("agent", overflow="fold", min_width=8)
    columns = list(zip(_HEADINGS, *(row[1:] for row in rows), strict=True))
    shown = [each for number, each in enumerate(columns) if said or number != _VERB]
    for heading, *texts in shown:
        width = max(len(text) for text in (heading, *texts))
        table.add_column(heading, justify="left" if heading == "mode" else "right", no_wrap=True, min_width=width)
    for name, cells in zip((row[0] for row in rows), zip(*(texts for _, *texts in shown), strict=True), strict=True):
        table.add_row(name, *cells)
    return table


def _row(agent: Agent, amount: str) -> tuple[Text | str, ...]:
    numbers = (f"{agent[key]:,}" for key in _NUMBERS)
    added = Text(amount, colour(agent["added_money"]))
    return (_name(agent), _mode(agent), *numbers, _verb(agent), added, _sharpe(agent))


def _name(agent: Agent) -> Text:
    version = agent.get("version")
    return line((agent["name"], "bold"), (f" {version}" if version else "", ""))


def _amounts(agents: Sequence[Agent]) -> list[str]:
    """Return what was added, all amounts with the same digits: one column is read against itself."""
    added = [known(agent["added_money"]) for agent in agents]
    if max((abs(each) for each in added if each is not None), default=0.0) < 1000.0:
        return [money(each, sign=True) for each in added]
    return [money(each) if each is None else fixed(each, 0, sign=True) for each in added]


def _in_words(agent: Agent) -> Text:
    decided, applied, fallback = (f"{agent[key]:,}" for key in _NUMBERS)
    return line(
        (agent["name"], "bold"),
        (f" ({_mode(agent)}): {decided} decisions, {applied} applied, {fallback} fell back; {_verb(agent)} ", ""),
        (money(agent["added_money"], sign=True), colour(agent["added_money"])),
        (f" in money and {_sharpe(agent)} in Sharpe", ""),
    )


def _mode(agent: Agent) -> str:
    share = known(agent.get("share"))
    return clean(agent["mode"]) if share is None else f"{clean(agent['mode'])} {share:.0%}"


def _verb(agent: Agent) -> str:
    return "would have added" if agent["hypothetical"] else "added"


def _sharpe(agent: Agent) -> str:
    acting, without = (known(agent[key].get("sharpe")) for key in ("with", "without"))
    return ratio(None if acting is None or without is None else acting - without, sign=True)
