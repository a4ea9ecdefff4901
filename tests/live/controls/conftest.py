"""A kit that builds intents and books, from the installed controls or from a copy that was tampered with."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

import darwin_core.live.controls
from darwin_core.live.calendar import Session
from darwin_core.live.orders import Intent, client_order_id

if TYPE_CHECKING:
    import ast

FOLDER = Path(darwin_core.live.controls.__file__).parent
PACKAGE = "darwin_core.live.controls"
SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
HOUR = 3600 * SECOND
OPEN = Session("2023-11-14", NOW - HOUR, NOW + HOUR)


class Kit:
    """The controls' classes by name, and factories whose defaults let an order through."""

    def __init__(self, modules: dict[str, ModuleType]) -> None:
        self.modules = modules
        for module in modules.values():
            for name, value in vars(module).items():
                if isinstance(value, type) and value.__module__.startswith(PACKAGE):
                    setattr(self, name, value)

    def intent(self, quantity=1.0, symbol="A", *, attempt=1, bar=NOW, leg="target", reference=100.0, **more):
        kind = "market" if more.get("limit_price") is None else "limit"
        known = client_order_id("test", bar, symbol, leg, attempt)
        base = {"kind": kind, "client_id": known, "deployment": "test"}
        return Intent(
            bar=bar, symbol=symbol, leg=leg, attempt=attempt, quantity=quantity, reference=reference, **{**base, **more}
        )

    def order(self, quantity, symbol="A", limit_price=None, status="working", client_id="theirs"):
        return self.OpenOrder(client_id, symbol, quantity, limit_price, status)

    def sent(self, ago_s, **intent):
        """An intent that was sent some seconds ago; its id is its own."""
        return self.Recent(self.intent(**{"client_id": f"sent {ago_s} s ago", **intent}), NOW - round(ago_s * SECOND))

    def book(self, **facts):
        """A book with 10,000 of equity in cash and a price of 100 for A, B, C."""
        prices = facts.pop("prices", {"A": 100.0, "B": 100.0, "C": 100.0})
        prices = {name: self.Price(*(p if isinstance(p, tuple) else (p, NOW))) for name, p in prices.items()}
        return self.Book(
            **{"now": NOW, "equity": 10_000.0, "cash": 10_000.0, "prices": prices, "session": OPEN, **facts}
        )


def load(tampered: str = "", tree: ast.Module | None = None) -> Kit:
    """Load a private copy of the package, one module of it from another syntax tree."""
    names = ["facts", "exposure", "book", "gates", "pace", "price", "bounds", "review"]
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(PACKAGE)}
    shell = ModuleType(PACKAGE)
    shell.__path__ = [str(FOLDER)]
    sys.modules[PACKAGE] = shell
    try:
        modules = {}
        for name in names:
            spec = importlib.util.spec_from_file_location(f"{PACKAGE}.{name}", FOLDER / f"{name}.py")
            module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
            if name == tampered:
                exec(compile(tree, str(FOLDER / f"{name}.py"), "exec"), vars(module))  # noqa: S102
            else:
                spec.loader.exec_module(module)
            modules[name] = module
        return Kit(modules)
    finally:
        for name in list(sys.modules):
            if name.startswith(PACKAGE):
                del sys.modules[name]
        sys.modules.update(kept)


@pytest.fixture(scope="session")
def kit() -> Kit:
    """The controls as they are."""
    names = ["facts", "exposure", "book", "gates", "pace", "price", "bounds", "review", "table"]
    return Kit({name: importlib.import_module(f"{PACKAGE}.{name}") for name in names})


@pytest.fixture(scope="session")
def tampered():
    """Makes kits from tampered copies."""
    return load
