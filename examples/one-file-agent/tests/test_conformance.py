"""The standard cases for agents, on the agent in the file above."""

from __future__ import annotations

from darwin_core.testing import AgentTests


class TestMyAgent(AgentTests):
    use = "../my_agent.py"
    options = {"stretch": 1.5}  # noqa: RUF012 - a suite's options are plain data
