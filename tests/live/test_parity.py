"""A session without faults is its backtest, byte for byte; whatever else differs has one cause."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import parity_cases as cases
import pytest

from darwin_core.ledger import split
from darwin_core.live.control.actions import Action
from darwin_core.live.explaining import Attribution
from darwin_core.live.parity import Parity, parity
from darwin_core.live.replaying import opened, replay

if TYPE_CHECKING:
    from darwin_core.live.runtime import Runtime

EXITS = "[exits]\nstop = 0.02\ntake_profit = 0.03\nhorizon = 5\n"
CLEAN: dict[str, dict[str, Any]] = {
    "the next open, ranges": {},
    "the next close, ranges": {"fill": "next_close"},
    "the next close, closes only": {"fill": "next_close", "ranges": False},
    "exits at the next open": {"text": EXITS},
    "exits at the next close": {"text": EXITS, "fill": "next_close"},
    "exits on closes": {"text": EXITS, "fill": "next_close", "ranges": False},
    "the strategy's own stops": {"text": "", "strategy": {"strategy.stop": 0.015, "strategy.short": True}},
    "every fourth bar missing": {"missing": 0.25, "text": EXITS},
    "no history before": {"known": 0},
    "canary": {"text": EXITS + cases.AGENTS.format(gate="canary", scaler="observe", week="canary")},
    "active": {"text": cases.AGENTS.format(gate="active", scaler="active", week="active"), "fill": "next_close"},
    "a rebalancing band, lots": {"text": "", "strategy": {"execution.band": 0.01, "execution.lot": 1.0}},
}


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_session_has_the_digest_of_its_backtest(name: str, tmp_path: Path) -> None:
    case = dict(CLEAN[name])
    changes, known = case.pop("strategy", {}), case.pop("known", 30)
    session = cases.trade(cases.deployment(tmp_path / "x", **case), changes, known=known)
    found = parity(session)
    assert found.equal
    assert found.differences == ()
    assert (found.backtest, found.differing) == (found.live, 0)
    assert found.bars == 90 - known
    assert found.rows > 40
    assert replay(session).equal


def test_a_clean_session_has_nothing_to_explain_bar_by_bar_either(tmp_path: Path) -> None:
    text = EXITS + cases.AGENTS.format(gate="active", scaler="active", week="active")
    session = cases.trade(cases.deployment(tmp_path / "x", text=text, missing=0.2))
    with opened(session) as recorded:
        assert Attribution(recorded, recorded.line_on_tape).differences() == ()


def made(found: Parity) -> Counter[str]:
    return Counter(each.cause for each in found.differences)


def dirty(path: Path, changes: dict[str, Any], **named: Any) -> Parity:
    """Trade with faults; the session has to be no clean one, and to repeat."""
    session = cases.trade(path, changes, **named)
    found = parity(session)
    assert not found.equal
    assert found.unexplained == ()
    assert replay(session).equal
    return found


ONE_FAULT = {
    "reject": ({"broker.reject": 0.3}, {"reject"}),
    "partial": ({"broker.partial": 0.3}, {"partial fill", "latency"}),
    "unknown": ({"broker.unknown_before": 0.3}, {"unknown order"}),
    "reorder": ({"broker.reorder": 0.3}, {"latency"}),
    "control": ({"controls.symbol_cap.share": 0.15}, {"control"}),
    "price": ({"broker.use": "./odd.py", "broker.price": 1e-4}, {"price"}),
    "fee": ({"broker.use": "./odd.py", "broker.fee": 0.25}, {"fee"}),
    "missing bar": ({"broker.use": "./odd.py", "broker.trades_missing": True}, {"missing bar"}),
}


@pytest.mark.parametrize("name", ONE_FAULT)
def test_one_kind_of_fault_is_the_cause_of_everything(name: str, tmp_path: Path) -> None:
    changes, causes = ONE_FAULT[name]
    path = cases.deployment(tmp_path / "x", seed=7, missing=0.2 if name == "missing bar" else 0.03)
    found = dirty(path, changes)
    assert set(made(found)) == causes
    first = found.differences[0].cause
    assert first == min(causes, key=lambda cause: cause == "latency")


def test_what_the_venue_may_do_without_harm_leaves_the_session_clean(tmp_path: Path) -> None:
    changes = {"broker.duplicate": 0.5, "broker.unknown_after": 0.5, "broker.drop": 0.5}
    assert parity(cases.trade(cases.deployment(tmp_path / "x", text=EXITS, seed=7), changes)).equal


def test_an_exit_is_booked_where_the_stream_is_mute(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path / "x", text=EXITS, seed=7, fill="next_close", bars=44)
    assert parity(cases.trade(path, {"broker.mute": 1.0})).equal


@pytest.mark.parametrize(("fault", "share"), [("raises", 0.2), ("nans", 0.3), ("sleeps", 0.2)])
def test_an_agent_that_fails_is_the_cause_where_it_fell_back(
    fault: str, share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cases.deployment(
        tmp_path / "x", text=cases.AGENTS.format(gate="active", scaler="active", week="observe"), seed=7
    )
    monkeypatch.setenv(cases.REHEARSE, "1")
    session = cases.trade(path, {f"agents.1.{fault}": share, "agents.1.deadline_ms": 30.0})
    monkeypatch.delenv(cases.REHEARSE)
    found = parity(session)
    assert set(made(found)) == {"model"}
    assert {each.about for each in found.differences} == {"scaler"}
    assert sum(each.rows for each in found.differences) > 0
    assert replay(session).equal


def test_an_agent_that_always_fails_on_the_same_bars_is_in_the_backtest_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cases.deployment(
        tmp_path / "x", text=cases.AGENTS.format(gate="observe", scaler="active", week="active"), seed=7
    )
    monkeypatch.setenv(cases.REHEARSE, "1")
    session = cases.trade(path, {"agents.1.raises": 0.2, "agents.1.nans": 0.2})
    assert parity(session).equal


def test_an_agent_that_fails_on_a_block_as_a_whole_is_told_apart(tmp_path: Path) -> None:
    """Live asks it bar by bar, a backtest about the block at once: it costs the backtest the whole block."""
    path = cases.deployment(
        tmp_path / "x", text=cases.AGENTS.format(gate="active", scaler="observe", week="observe"), seed=7
    )
    found = dirty(path, {"agents.0.most": 6})
    assert set(made(found)) == {"model"}
    assert {each.about for each in found.differences} == {"gate"}
    assert "whole block" in found.differences[0].text


def test_nothing_waits_for_what_rounding_leaves_of_an_order(tmp_path: Path) -> None:
    """0.8 - 0.1 - 0.7 is not 0: an order that came in two fills has been filled all the same."""
    path = cases.deployment(tmp_path / "x", seed=7)
    seen: list[float] = []

    def during(runtime: Runtime) -> None:
        seen.extend(float(each) for each in split(runtime.stepper.walk.slots)[0]["order"])

    changes = {"broker.use": "./odd.py", "broker.split": 0.37, "execution.lot": 0.1}
    found = dirty(path, changes, during=during)
    assert set(made(found)) == {"partial fill"}
    assert min(abs(each) for each in seen if each) >= 0.099


def test_a_strategy_that_gives_no_numbers_leaves_its_last_proposal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cases.deployment(tmp_path / "x", seed=7)
    wrong = "weight = np.nan if 'DARWIN_TEST_REHEARSE' in os.environ and len(close) % 7 == 0 else self.weight\n"
    text = cases.STRATEGY.replace("self.weight, 0.5", "weight, 0.5").replace(
        "        stop = np", f"        {wrong}        stop = np"
    )
    path.with_name("rising.py").write_text("import os\n" + text)
    monkeypatch.setenv(cases.REHEARSE, "1")
    session = cases.trade(path)
    monkeypatch.delenv(cases.REHEARSE)
    found = parity(session)
    assert set(made(found)) == {"model"}
    assert {each.about for each in found.differences} == {"strategy"}
    assert "weight is nan" in found.differences[0].text
    assert replay(session).equal


def test_a_halt_and_an_override_are_causes(tmp_path: Path) -> None:
    path = cases.deployment(
        tmp_path / "x", text=cases.AGENTS.format(gate="active", scaler="active", week="observe"), seed=7
    )

    def during(runtime: Runtime) -> None:
        if runtime.course.bars == 10:
            runtime.stance.closed["halt"] = "somebody says so"
        if runtime.course.bars == 20:
            runtime.stance.closed.clear()
            runtime.stance.modes = {"gate": "off", "scaler": "observe"}
        if runtime.course.bars == 35:
            runtime.stance.modes = {}

    found = dirty(path, {}, during=during)
    assert set(made(found)) == {"halt"}
    assert any(each.about == "gate" for each in found.differences)
    assert any("override" in each.text for each in found.differences)


def test_the_kill_variable_is_a_halt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cases.deployment(
        tmp_path / "x", text=cases.AGENTS.format(gate="active", scaler="active", week="observe"), seed=7
    )
    monkeypatch.setenv("DARWIN_RL_DISABLED", "1")
    assert set(made(dirty(path, {}))) == {"halt"}


def test_the_kill_switch_is_a_halt(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path / "x", text=EXITS, seed=7)

    def during(runtime: Runtime) -> None:
        if runtime.course.bars == 20:
            runtime.kill(Action("flatten", "somebody", "risk", "a rehearsal"))

    found = dirty(path, {}, during=during)
    assert made(found)["halt"]
    assert any("kill switch" in each.text for each in found.differences)


def test_unwinding_is_a_halt(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path / "x", seed=7)

    def during(runtime: Runtime) -> None:
        if runtime.course.bars == 20:
            runtime.stance.closed["data"] = "late"

    found = dirty(path, {"live.unwind_bars": 5}, during=during)
    assert set(made(found)) <= {"halt", "control"}
    assert made(found)["halt"]


def test_a_stop_and_a_start_leave_the_session_clean(tmp_path: Path) -> None:
    text = EXITS + cases.AGENTS.format(gate="active", scaler="active", week="canary")
    assert parity(cases.trade(cases.deployment(tmp_path / "x", text=text), stop=25)).equal


def test_a_process_that_dies_before_an_answer_leaves_nothing_unexplained(tmp_path: Path) -> None:
    """The order was never at the venue: it is sent again after the start, or it is over and that is the cause."""
    path = cases.deployment(tmp_path / "x", seed=7)
    session = cases.trade(path, {"broker.use": "./odd.py", "broker.crash": "submit"})
    assert (session.folder / "crashed").exists()
    found = parity(session)
    assert found.equal or set(made(found)) == {"unknown order"}
    assert replay(session).equal


def test_an_order_that_a_dying_process_did_not_send_is_a_restart(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path / "x", seed=7)
    changes = {"broker.use": "./odd.py", "broker.crash": "cancel", "broker.partial": 0.5}
    found = dirty(path, changes)
    assert made(found)["restart"] == 1
    assert set(made(found)) == {"restart", "partial fill", "latency"}


def corrected(session_path: Path, *, late: bool) -> tuple[Parity, Parity]:
    """Correct a bar while a session runs: one that it has, or one that it has not."""
    path = cases.deployment(session_path, seed=7, missing=0.1)
    done: list[int] = []

    def during(runtime: Runtime) -> None:
        if runtime.course.bars < 12 or done:
            return
        number = len(runtime.tape) - 1
        bars = runtime.tape.read(number, number + 1)
        for s, symbol in enumerate(bars.symbols):
            values = np.array([bars.fields[name][0, s] for name in runtime.tape.fields])
            if np.isnan(values[0]) == late:
                values = runtime.tape.read(0, number).fields["close"][-30:, s] if late else values
                level = float(np.nanmean(values))
                runtime.tape.revise(int(bars.time[0]), symbol, np.full(len(runtime.tape.fields), 1.2 * level), 1)
                done.append(number)
                return

    session = cases.trade(path, during=during)
    assert done
    return parity(session), parity(session, as_corrected=True)


@pytest.mark.parametrize(("late", "cause"), [(False, "revision"), (True, "late bar")])
def test_a_correction_changes_what_would_have_been_and_nothing_that_was(late: bool, cause: str, tmp_path: Path) -> None:
    seen, ideal = corrected(tmp_path / "x", late=late)
    assert seen.equal
    assert not ideal.equal
    assert ideal.as_corrected
    assert set(made(ideal)) == {cause}
    assert len(ideal.differences) == 1
    assert ideal.differences[0].rows > 0


def test_a_recorded_decision_that_does_not_follow_is_unexplained(tmp_path: Path) -> None:
    """An agent that answers otherwise than it did is no function of the tape: nothing on record explains it."""
    path = cases.deployment(
        tmp_path / "x", text=cases.AGENTS.format(gate="active", scaler="active", week="observe"), seed=7
    )
    session = cases.trade(path)
    agent = path.with_name("agent.py")
    agent.write_text(agent.read_text().replace("* 5.0", "* 6.0"))
    found = parity(session)
    assert found.unexplained
    assert "decided again from the same records" in found.unexplained[0].text
    again = replay(session)
    assert not again.equal
    assert {each.stage for each in again.mismatches} & {"gate", "scaler"}
    assert again.mismatches[0].symbol.startswith("S")
