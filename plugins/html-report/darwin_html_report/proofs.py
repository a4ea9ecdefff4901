"""What lets a reader check the run: the audit, digest, data, versions and the whole deployment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from darwin_html_report.texts import count, esc, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Info = Mapping[str, Any]

_FEW = 8
_FILES = (("deployment.toml", "The deployment file"), ("config.json", "Every setting, defaults filled in"))


def audit(info: Info) -> str:
    """Return one sentence on the audit."""
    level, prefixes = info["level"], info["prefixes"]
    if level == "off":
        return '<p class="warning">The audit was off: nothing was checked for look-ahead.</p>'
    if not prefixes:
        return f'<p class="warning">Audit {esc(level)}: there was nothing to check.</p>'
    total = count(sum(prefixes.values()))
    components = "1 component" if len(prefixes) == 1 else f"{count(len(prefixes))} components"
    return (
        f"<p>Audit <b>{esc(level)}</b>: {total} prefixes of {components} were evaluated again with the future cut off; "
        "every value was bit for bit the same.</p>"
    )


def audited(info: Info) -> str:
    """Return how many prefixes of each component were evaluated again."""
    return table(("Component", "Prefixes"), ((esc(name), count(n)) for name, n in info["prefixes"].items()))


def facts(run_id: str, info: Info) -> str:
    """Return what names the run and what it stood on."""
    rows = (
        ("Run", run_id),
        ("Created", info["created"]),
        ("Decision digest", info["digest"]),
        ("Data fingerprint", info["data"]),
        ("Seed", info["seed"]),
        ("Block", info["block"]),
        ("Time zone", info["timezone"]),
        *((name, version) for name, version in info["versions"].items()),
    )
    return table(("", ""), ((esc(name), f"<code>{esc(value)}</code>") for name, value in rows), "facts")


def warnings(info: Info) -> str:
    """Return everything that a reader of the figures must know first."""
    texts = []
    if info["halted"]:
        texts.append("Trading was halted: the drawdown limit was reached and all positions were closed.")
    for each in info["incidents"]:
        times = "once" if each["count"] == 1 else f"{count(each['count'])} times"
        texts += [f"Agent {each['agent']}: {each['kind']}, {times}; the first: {each['first']}"]
    texts += [f"Data: {finding}" for finding in info["findings"]]
    if not texts:
        return ""
    first, rest = (_items(part) for part in (texts[:_FEW], texts[_FEW:]))
    more = f'<details class="warning"><summary>{len(texts) - _FEW:,} more</summary>{rest}</details>' if rest else ""
    return first + more


def _items(texts: Sequence[str]) -> str:
    return f'<ul class="warnings">{"".join(f"<li>{esc(text)}</li>" for text in texts)}</ul>' if texts else ""


def config(folder: Path) -> str:
    """Return the deployment as it was written and as it was understood."""
    parts = []
    for name, title in _FILES:
        path = folder / name
        if path.is_file():
            text = esc(path.read_text(encoding="utf-8"))
            parts.append(f"<details><summary>{title}</summary><pre><code>{text}</code></pre></details>")
    return "".join(parts)


def start_cash(folder: Path) -> float | None:
    """Return the money before the first bar, from the stored settings."""
    try:
        return float(json.loads((folder / "config.json").read_text(encoding="utf-8"))["execution"]["cash"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
