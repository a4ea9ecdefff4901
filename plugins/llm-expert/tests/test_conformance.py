"""The standard cases: once on recorded answers, and once on an endpoint that is asked."""

from __future__ import annotations

import atexit
import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from darwin_core.testing import AgentTests

FOLDER = Path(tempfile.mkdtemp(prefix="llm-expert-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
PROMPT = FOLDER / "expert.txt"
PROMPT.write_text("RSI {rsi(14):.1f}, side {strategy.side:+.0f}")


def _endpoint() -> Any:
    """Start the fake endpoint, in whichever process asks."""
    spec = importlib.util.spec_from_file_location("conformance_endpoint", Path(__file__).with_name("fake_endpoint.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    serving = module.serving()
    atexit.register(serving.__exit__, None, None, None)
    return serving.__enter__()


class _Expert(AgentTests):
    use = "llm-expert"
    options: ClassVar[dict[str, Any]] = {
        "prompt": str(PROMPT),
        "requires": ["rsi(14)", "strategy.side"],
        "model": "m",
        "base_url": "http://127.0.0.1:9/v1",
        "recording": str(FOLDER / "unmade.sqlite"),
        "calls": "live",
    }
    columns: ClassVar[dict[str, Any]] = {"rsi(14)": (10.0, 30.0, 50.0, 70.0, 90.0)}
    endpoint: ClassVar[Any] = None

    def asking(self, file: str) -> dict[str, Any]:
        if _Expert.endpoint is None:
            _Expert.endpoint = _endpoint()
        return {"base_url": _Expert.endpoint.url, "recording": str(FOLDER / file)}


class TestAsking(_Expert):
    """Every component begins without any recording."""

    made: ClassVar[int] = 0

    def make(self, changes: Any = None, folder: Path | None = None) -> Any:
        TestAsking.made += 1
        return super().make({**self.asking(f"{self.made}.sqlite"), **(changes or {})}, folder)


class TestReplaying(_Expert):
    """Every component has the answers that another one has asked for, and nobody to ask."""

    def make(self, changes: Any = None, folder: Path | None = None) -> Any:
        recording = self.asking("kept.sqlite")
        if not (FOLDER / "kept.sqlite").exists():
            asking = super().make(recording)
            asking.decide(self.observation(asking, 960))
        return super().make({"recording": recording["recording"], "calls": "recorded", **(changes or {})}, folder)
