"""A recorded session, folded again, gives the bytes that it gave: with faults inside, and in any process."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import parity_cases as cases
import pytest

from darwin_core.errors import RunError
from darwin_core.live import session as sessions
from darwin_core.live.archive import archive
from darwin_core.live.deciding import decoded
from darwin_core.live.journal import open_journal
from darwin_core.live.replaying import differing_rows, replay
from darwin_core.live.schema import Alert, Decision, Result
from darwin_core.lockstep import DECISION_DTYPE

if TYPE_CHECKING:
    from darwin_core.live.session import Session

FAULTS = {
    "broker.reject": 0.1, "broker.partial": 0.2, "broker.unknown_before": 0.1, "broker.unknown_after": 0.1,
    "broker.reorder": 0.2, "broker.duplicate": 0.2, "broker.late_fill": 0.2, "agents.1.nans": 0.3,
    "agents.1.raises": 0.1, "agents.1.sleeps": 0.02, "agents.1.deadline_ms": 30.0, "agents.2.raises": 0.1,
}  # fmt: skip
TEXT = "[exits]\nstop = 0.02\n" + cases.AGENTS.format(gate="active", scaler="active", week="canary")
ALONE = """
import sys
from pathlib import Path
from darwin_core.live import session
from darwin_core.live.replaying import replay
found = replay(session.load(Path(sys.argv[1])))
print(found.equal, found.digest)
"""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Trade with all kinds of faults, and a restart in the middle; the faults are over when it is folded again."""
    path = cases.deployment(tmp_path_factory.mktemp("faulty") / "x", text=TEXT, seed=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cases.REHEARSE, "1")
        return cases.trade(path, FAULTS, stop=30)


def test_a_session_full_of_faults_repeats_byte_for_byte(faulty: Session) -> None:
    journal = open_journal(faulty.journal, faulty.id)
    bodies = [decoded(record) for record in journal.records()]
    journal.close()
    given = [body.content["given"] for body in bodies if isinstance(body, Decision)]
    assert any(each["silent"] for each in given)
    assert any(each["spoiled"] for each in given)
    texts = " ".join(body.text for body in bodies if isinstance(body, Alert))
    assert "a fault for rehearsal" in texts
    assert "took longer than 30 ms" in texts
    assert {body.outcome for body in bodies if isinstance(body, Result)} == {"accepted", "refused", "unknown"}
    found = replay(faulty)
    assert found.equal
    assert found.mismatches == ()
    assert (found.bars, found.digest) == (60, found.recorded)
    assert found.orders > 40


def test_it_repeats_under_other_hash_seeds_and_beside_other_processes(faulty: Session) -> None:
    digest = replay(faulty).digest
    started = [
        subprocess.Popen(
            [sys.executable, "-c", ALONE, str(faulty.folder)], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        for seed in ("1", "4711")
    ]  # fmt: skip
    said = [each.communicate(timeout=120)[0].split() for each in started]
    assert said == [["True", digest]] * 2


def test_the_number_of_processes_changes_nothing(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path / "x", text=cases.AGENTS.format(gate="active", scaler="active", week="active"))
    digests = {replay(cases.trade(path, {"run.processes": n})).digest for n in (1, 3)}
    assert len(digests) == 1


def test_what_is_in_the_archive_is_folded_too(tmp_path: Path) -> None:
    session = cases.trade(cases.deployment(tmp_path / "x", text="[exits]\nstop = 0.02\n"), {"broker.partial": 0.3})
    before = replay(session)
    journal = open_journal(session.journal, session.id)
    moved = archive(journal, cases.FIRST + 90 * cases.DAY, 20)
    journal.close()
    assert moved.segment is not None
    assert moved.segment.last > 100
    assert replay(session) == before


def test_a_tape_that_was_touched_is_found_by_bar_symbol_and_stage(tmp_path: Path) -> None:
    session = cases.trade(cases.deployment(tmp_path / "x", missing=0.0))
    connection = sqlite3.connect(session.tape)
    time, blob = connection.execute('select time, "values" from rows order by time limit 1 offset 30').fetchone()
    values = np.frombuffer(blob).reshape(4, -1).copy()
    values[:, 2] *= 1.5
    connection.execute('update rows set "values" = ? where time = ?', (values.tobytes(), time))
    connection.commit()
    connection.close()
    found = replay(session)
    assert not found.equal
    assert found.differing > 1
    assert {each.bar for each in found.mismatches} >= {time}
    first = found.mismatches[0]
    assert (first.bar, first.symbol) == (time, "S2")
    assert first.stage in ("strategy", "target")
    assert first.recorded != first.now


def test_a_component_that_fails_now_is_named(tmp_path: Path) -> None:
    path = cases.deployment(tmp_path / "x", text=cases.AGENTS.format(gate="active", scaler="active", week="active"))
    session = cases.trade(path)
    (path.parent / "rising.py").write_text(cases.STRATEGY.replace("close = market", "1 / 0; close = market"))
    found = replay(session)
    assert not found.equal
    assert found.mismatches[-1].stage == "component"
    assert "ZeroDivisionError" in found.mismatches[-1].now


def test_a_session_that_has_not_begun_is_refused_in_words(tmp_path: Path) -> None:
    session = sessions.begin(cases.deployment(tmp_path / "x"), {}, replay="2000-02-01:")
    with pytest.raises(RunError, match="has not begun"):
        replay(session)


def test_rows_in_which_two_logs_differ_are_counted_once() -> None:
    one = np.zeros(3, DECISION_DTYPE)
    one["symbol"] = [0, 1, 2]
    other = one.copy()
    assert differing_rows(one, other) == 0
    other["value"][1] = np.nan
    assert differing_rows(one, other) == 1
    assert differing_rows(one, other[:2]) == 2
    assert differing_rows(other, other) == 0
