"""What each agent did and what it added."""

from __future__ import annotations

def _agents(agents: Sequence[Mapping[str, Any]], console: Console) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("agent", overflow="fold", min_width=8)
    for heading in ("mode", "decisions", "applied", "fell back", "", "money", "Sharpe"):
        table.add_column(heading, justify="left" if heading == "mode" else "right", no_wrap=True)
    for agent in agents:
        numbers = [f"{agent[key]:,}" for key in ("decisions", "applied", "fallback")]
        added, sharpe = money(agent["added_money"], sign=True).strip(), ratio(_sharpe_added(agent), sign=True).strip()
        name = Text(clean(agent["name"]), "bold")
        table.add_row(name, _mode(agent), *numbers, _added(agent), Text(added, _colour(agent["added_money"])), sharpe)
    if Measurement.get(console, console.options.update(max_width=10_000), table).minimum <= console.width:
        return table
    return Text("\n").join(_agent_in_words(agent) for agent in agents)


def _agent_in_words(agent: Mapping[str, Any]) -> Text:
    did = f"{agent['decisions']:,} decisions, {agent['applied']:,} applied, {agent['fallback']:,} fell back;"
    added, sharpe = money(agent["added_money"], sign=True).strip(), ratio(_sharpe_added(agent), sign=True).strip()
    return _line(
        (agent["name"], "bold"), (f" ({_mode(agent)}): {did} {_added(agent)} ", ""), (added, _colour(agent["added_money"])),
        (f" in money and {sharpe} in Sharpe", ""),
    )  # fmt: skip


def _mode(agent: Mapping[str, Any]) -> str:
    share = known(agent.get("share"))
    return clean(agent["mode"]) if share is None else f"{clean(agent['mode'])} {share:.0%}"


def _added(agent: Mapping[str, Any]) -> str:
    return "would have added" if agent["hypothetical"] else "added"


def _sharpe_added(agent: Mapping[str, Any]) -> float | None:
    acting, without = (known(agent[key].get("sharpe")) for key in ("with", "without"))
    return None if acting is None or without is None else acting - without
