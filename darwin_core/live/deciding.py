"""What a journal keeps of a bar that was decided on, and how it is decided again from that."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import numpy as np

from darwin_core.live import coding
from darwin_core.live.folding import NOT_SENT
from darwin_core.live.orders import Intent
from darwin_core.live.schema import KINDS, Control, Decision
from darwin_core.live.stepping import Given
from darwin_core.lockstep import DECISION_DTYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from darwin_core.live.chain import Record
    from darwin_core.live.folding import Fold, Wanted
    from darwin_core.live.schema import Body
    from darwin_core.live.stepping import Step


def decision(step: Step, digest: str, cursor: str = "", fills: str = "", day_start: float = 0.0) -> Decision:
    """Return the record of a step.

    `digest` is that of the decision log up to it; `cursor` and `fills` say how far the venue's stream and its list of
    fills have been taken in; `day_start` is the equity with which the day began.
    """
    given: dict[str, Any] = {
        "silent": sorted(step.given.silent),
        "held": step.given.held,
        "closed": step.given.closed,
        "keep": step.given.keep,
        "modes": [list(pair) for pair in step.given.modes],
        "spoiled": [list(pair) for pair in step.given.spoiled],
    }
    equity, cash, gross, net = step.curve
    return Decision(
        step.bar,
        {
            "row": step.number,
            "given": given,
            "log": b64encode(step.decisions.tobytes()).decode(),
            "digest": digest,
            "cursor": cursor,
            "fills": fills,
            "equity": equity,
            "cash": cash,
            "gross": gross,
            "net": net,
            "day_start": day_start,
            "took": {who.removeprefix("agent "): s for who, s in step.took.items() if who.startswith("agent ")},
            "faults": [[fault.who, fault.what] for fault in step.faults],
            **({"remarks": [list(each) for each in step.remarks]} if step.remarks else {}),
        },
    )


def given_of(record: Decision) -> Given:
    """Return what a recorded bar was decided without."""
    given = record.content["given"]
    return Given(
        frozenset(given["silent"]), given["held"], given["closed"], given["keep"],
        tuple((name, mode) for name, mode in given["modes"]),
        tuple((name, s) for name, s in given.get("spoiled", ())),
    )  # fmt: skip


def log_of(record: Decision) -> NDArray[Any]:
    """Return the rows of the decision log that a bar added."""
    return np.frombuffer(b64decode(record.content["log"]), DECISION_DTYPE)


def decoded(record: Record) -> Body:
    """Return what a record of a journal says."""
    body: Body = coding.decode(KINDS[record.kind], record.body)
    return body


def refold(fold: Fold, bodies: Iterator[Body]) -> Iterator[tuple[Decision, Step]]:
    """Bring an account forward by the records of a journal; yield each bar as it was decided, and as it is now.

    An order that the kernel makes again and that the journal holds is known from then on. What is left at the end,
    made by the kernel and not in the journal, is in `Fold.pending`.
    """
    for body in bodies:
        if isinstance(body, Decision):
            step = fold.stepper.step(given_of(body), again=True)
            for wanted in fold.wanted(step):
                fold.pending[wanted.intent.client_id] = wanted
            yield body, step
        elif isinstance(body, Intent):
            wanted_again: Wanted | None = fold.pending.pop(body.client_id, None)
            if wanted_again is None:
                fold.outside(body)
            else:
                fold.intend(wanted_again)
        else:
            if isinstance(body, Control) and body.action == NOT_SENT:
                skipped = fold.pending.pop(body.details["client_id"], None)
                if skipped is not None:
                    fold.intend(skipped)
            fold.apply(body)
