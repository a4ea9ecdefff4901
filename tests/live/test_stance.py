"""What people and triggers have said about risk: done now, or read in the journal by the next process, it is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import parity_cases as cases
import pytest
from campaigns.evidence import bodies

from darwin_core.live import acting
from darwin_core.live import session as sessions
from darwin_core.live.control.actions import Action, Answer, as_entry
from darwin_core.live.controls import REPEATS, Reenabled
from darwin_core.live.running import open_runtime
from darwin_core.live.schema import Alert, Control, Decision, Denial, Sent
from darwin_core.live.stance import Stance

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core.live.runtime import Runtime
    from darwin_core.live.schema import Body
    from darwin_core.live.session import Session


def done(action: str, **details: Any) -> Control:
    return Control(action, "Ada", "risk", "a look", {**details, "outcome": "done"})


def stance(*said: Body, unwind_bars: int = 0) -> tuple[Stance, list[Alert]]:
    """Return the stance after records, and what it has told since."""
    told: list[Alert] = []
    made = Stance(unwind_bars, lambda alert, written=False: told.append(alert))
    for time, body in enumerate(said):
        made.take(time, body)
    return made, told


def test_who_halts_is_named_and_resume_lifts_what_everybody_has_said() -> None:
    made, _ = stance(done("halt"), Alert("critical", "data", "safe mode: late"))
    assert made.reason == "data: late; halt: a look (Ada)"
    made.take(2, done("resume"))
    assert made.reason == ""


def test_what_was_asked_for_and_not_done_changes_nothing() -> None:
    refused = Control("halt", "Ada", "viewer", "a look", {"outcome": "refused"})
    made, _ = stance(refused)
    assert made.reason == ""


def test_a_trigger_that_closes_and_lifts_tells_what_the_next_process_reads() -> None:
    made, told = stance()
    made.close(1, "positions", "S0: 1 here, 0 at the venue")
    again, _ = stance(*told)
    assert again.closed == made.closed == {"positions": "S0: 1 here, 0 at the venue"}
    made.lift(2, "positions", "they agree again")
    again, _ = stance(*told)
    assert again.closed == made.closed == {}


def test_repeats_stop_the_deployment_until_a_named_person_re_enables_it_and_again_at_the_next() -> None:
    made, _ = stance(
        Denial("a", REPEATS, "repeat 11"), Denial("b", REPEATS, "stopped until"), Denial("c", "cash", "no")
    )
    assert made.disabled == "repeat 11"
    made.take(7, done("resume"))
    assert (made.disabled, made.reenabled) == ("", Reenabled("Ada", "a look", 7))
    made.take(8, Denial("d", REPEATS, "repeat 12"))
    assert made.disabled == "repeat 12"


@pytest.mark.parametrize("after", [0, 1, 3])
def test_unwinding_goes_on_where_the_process_before_has_left_it(after: int) -> None:
    made, _ = stance(Alert("critical", "data", "safe mode: late"), unwind_bars=4)
    kept = [made.keep() for _ in range(5)]
    assert kept == [0.75, 0.5, 0.25, 0.0, 0.0]
    decided = Decision(1, {"given": {"keep": kept[after]}})
    again, _ = stance(Alert("critical", "data", "safe mode: late"), decided, unwind_bars=4)
    assert again.keep() == kept[after + 1]


def test_a_halt_alone_unwinds_nothing() -> None:
    made, _ = stance(done("halt"), unwind_bars=4)
    assert made.keep() == 1.0


def ask(run: Runtime, name: Any, **details: Any) -> None:
    """Ask for something as the control socket does, and put it on record."""
    action = Action(name, "Ada", "risk", "a look", details)
    said = acting.do(run, action)
    run.telling.note(as_entry(action, Answer("done", said)))


def bought(session: Session, symbol: str) -> int:
    """Return how many orders of a symbol were sent."""
    sent = {body.client_id for body in bodies(session) if isinstance(body, Sent)}
    journal = [body for body in bodies(session) if type(body).__name__ == "Intent"]
    return sum(each.symbol == symbol and each.client_id in sent for each in journal)  # type: ignore[union-attr]


def test_a_symbol_that_was_denied_stays_denied_in_the_next_process(tmp_path: Path) -> None:
    session = sessions.begin(cases.deployment(tmp_path, missing=0.0), {}, replay="2000-01-31:")

    def deny(run: Runtime) -> None:
        if run.course.bars == 0:
            ask(run, "override", symbol="S0", rule="deny")

    cases.run(session, stop=5, during=deny)
    assert bought(session, "S0") == 0
    seen: list[tuple[str, ...]] = []
    cases.run(session, during=lambda run: seen.append(run.ordering.controls.symbols.deny))
    assert set(seen) == {("S0",)}
    assert bought(session, "S0") == 0
    assert bought(session, "S1") > 0


def test_what_is_decided_otherwise_than_before_closes_although_somebody_has_resumed_once(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path)
    session = sessions.begin(path, {}, replay="2000-01-31:")
    cases.run(session, stop=5, during=lambda run: ask(run, "resume"))
    strategy = tmp_path / "rising.py"
    strategy.write_text(strategy.read_text().replace("close > before", "close < before"))
    seen: list[str] = []
    cases.run(sessions.load(session.folder), stop=1, during=lambda run: seen.append(run.stance.reason))
    assert "recovery: the bar of 2000-01-31" in seen[0]


def test_a_resume_re_enables_what_repeats_have_stopped(tmp_path: Path) -> None:
    session = sessions.begin(cases.deployment(tmp_path), {}, replay="2000-01-31:")
    run = open_runtime(session, 0.0, lambda _status: None)
    run.ordering.refusals[REPEATS] = 1, "repeat 11"
    run.safety.watch()
    assert run.stance.disabled == "repeat 11"
    acting.do(run, Action("resume", "Ada", "risk", "looked into", {}))
    run.safety.watch()
    assert run.stance.disabled == ""
    run.ordering.refusals[REPEATS] = 2, "repeat 12"
    run.safety.watch()
    assert run.stance.disabled == "repeat 12"
    for part in (run.tape, run.journal, run.calls):
        part.close()
