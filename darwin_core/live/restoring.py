"""What an earlier process of the session has left: its journal brings it all back; what is in doubt is asked later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from darwin_core.errors import RunError
from darwin_core.evaluate import stamp
from darwin_core.graduation.roles import version_of
from darwin_core.live.archive import whole
from darwin_core.live.controls import Recent
from darwin_core.live.deciding import log_of, refold
from darwin_core.live.schema import Alert, Control, Decision, Entry, Result, Sent
from darwin_core.live.schema import Session as Began

if TYPE_CHECKING:
    from collections.abc import Sequence

    from darwin_core.live.parts import Parts
    from darwin_core.live.schema import Body
    from darwin_core.live.stepping import Step

_WHO = "recovery"


def restore(run: Parts) -> Step | None:
    """Bring a session forward by what its journal holds, and begin to write; return the last bar that was decided."""
    agents = {part.name: version_of(part) for part in run.line.agents}
    began = Began(run.session.id, run.session.info["version"], {"kind": run.session.kind, "agents": agents})
    bodies = list(whole(run.journal))
    decided, recorded = sum(isinstance(body, Decision) for _, body in bodies), len(run.tape) - run.tape.known
    if decided > recorded:
        raise RunError(
            f"{run.session.tape} has {recorded:,} bars, and the journal decisions on {decided:,}: they are not of one "
            f"time. Restore a backup of both"
        )
    run.course.look_back()
    for time, body in bodies:
        run.stance.take(time, body)
        _recall(run, time, body)
    run.ordering.controls = run.stance.controls(run.session.settings.controls)
    last = _decided_again(run, [body for _, body in bodies])
    run.journal.append([Entry(run.clock.now(), began)])
    if run.journal.recovered.note:
        run.telling.tell(Alert("warning", "journal", run.journal.recovered.note))
    if run.shut():
        run.telling.tell(Alert("critical", "kill", f"the kill latch is closed: {run.shut()}"))
        run.killer.done = False
    return last


def _decided_again(run: Parts, bodies: Sequence[Body]) -> Step | None:
    """Decide every bar again, so that the account is as it was; no new risk when one comes out otherwise."""
    last = None
    for record, step in refold(run.fold, iter(bodies)):
        if step.decisions.tobytes() != log_of(record).tobytes() and _WHO not in run.stance.closed:
            reason = f"the bar of {stamp(step.bar)} is decided otherwise than before: a plugin or a library has changed"
            run.stance.close(run.clock.now(), _WHO, reason)
        run.safety.heart.beat()
        run.course.done(step)
        run.course.note_prices(run.tape.row(step.number))
        run.course.count(step)
        last = step
    return last


def _recall(run: Parts, time: int, body: Body) -> None:
    """Know again what was sent lately, how far the venue was heard, and what the watchdog has said."""
    if isinstance(body, Sent):
        order = run.journal.book.orders.get(body.client_id)
        if order is not None:
            run.ordering.recent.append(Recent(order.intent, time))
            run.ordering.unanswered.add(body.client_id)
    elif isinstance(body, Result) and body.action == "submit":
        run.ordering.unanswered.discard(body.client_id)
    elif isinstance(body, Decision):
        run.inbox.cursor, run.truth.fills = body.content["cursor"], body.content["fills"]
        run.course.day, run.course.day_start = run.course.day_of(body.bar), body.content["day_start"]
    elif isinstance(body, Control) and body.action == "watchdog" and body.details.get("outcome") == "done":
        run.safety.watchdog.heard = body.details["number"]
