"""What the tests of the registry share; helper modules can be imported by name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HERE = Path(__file__).parent
for _place in (str(HERE), str(HERE.parent / "live")):
    if _place not in sys.path:
        sys.path.insert(0, _place)

import policies  # noqa: E402 - it lies in the folder that was just named

if TYPE_CHECKING:
    from darwin_core.registry import Registry, Signer


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return policies.make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def signer(keys: Path) -> Signer:
    return policies.signer(keys)


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """A key that nobody trusts."""
    return policies.signer(policies.make_keys(tmp_path_factory.mktemp("stranger")))


@pytest.fixture
def registry(tmp_path: Path, signer: Signer) -> Registry:
    return policies.registry(tmp_path / "models", signer)


@pytest.fixture
def served(registry: Registry, signer: Signer) -> Registry:
    """Three versions of gate, of which v1, v2 and v3 were put into service in turn; one of portfolio."""
    policies.serve(registry, signer, "gate", 3)
    policies.serve(registry, signer, "portfolio", 1)
    return registry
