"""The order state machine, row by row, and the tricky sequences of FIX 4.4's appendix D as cards."""

from __future__ import annotations

from itertools import permutations
from typing import get_args

import pytest
from attrs import frozen
from samples import fill, intent, report

from darwin_core.live import states
from darwin_core.live.errors import IllegalTransition
from darwin_core.live.orders import FINAL, FillReport, OrderReport, Status
from darwin_core.live.schema import AbsentReport, CancelSent, Denial, Result, Sent, Session
from darwin_core.live.states import Event, Order, Signal, add, advance, next_status

ORDER = intent(1, "A", 10.0)
ID = ORDER.client_id


def answer(action: str, outcome: str) -> Result:
    return Result(ID, action, outcome, "V1" if outcome == "accepted" else "")  # type: ignore[arg-type]


SENT, ACK, NO, LOST = Sent(ID), answer("submit", "accepted"), answer("submit", "refused"), answer("submit", "unknown")
CANCEL, CANCEL_ACK, CANCEL_NO = CancelSent(ID), answer("cancel", "accepted"), answer("cancel", "refused")
CANCEL_LOST, RESTART, DENIED = answer("cancel", "unknown"), Session("again"), Denial(ID, "cash", "too little")
ABSENT, NOT_SEEN = AbsentReport(ID, True), AbsentReport(ID, False)


def says(status: str, filled: float, time: int) -> OrderReport:
    return report(ORDER, status, filled, time)


def got(number: int, quantity: float) -> FillReport:
    return fill(ORDER, number, quantity)


@frozen
class Card:
    """A sequence of events, and the order after it."""

    name: str
    events: tuple[Event, ...]
    status: Status
    filled: float = 0.0
    warned: str = ""
    refused: str = ""


CARDS = [
    # plain lives
    Card("accepted, filled in parts", (SENT, ACK, got(1, 4.0), says("partial", 4.0, 1), got(2, 6.0)), "filled", 10.0),
    Card("filled at once", (SENT, ACK, got(1, 10.0), says("filled", 10.0, 1)), "filled", 10.0),
    Card("part filled, then expired at the close", (SENT, ACK, got(1, 2.0), says("expired", 2.0, 5)), "expired", 2.0),
    Card("refused by the venue", (SENT, NO), "refused"),
    Card("denied by a control", (DENIED,), "denied"),
    Card("refused after it was acknowledged", (SENT, ACK, says("refused", 0.0, 3)), "refused"),
    Card("ended by the venue with a part filled", (SENT, ACK, got(1, 3.0), says("refused", 3.0, 3)), "cancelled", 3.0),
    # cancels
    Card("cancelled, nothing filled", (SENT, ACK, CANCEL, CANCEL_ACK, says("cancelled", 0.0, 2)), "cancelled"),
    Card("cancelled with a part filled", (SENT, ACK, got(1, 4.0), CANCEL, says("cancelled", 4.0, 2)), "cancelled", 4.0),
    Card("fill before the cancel is answered", (SENT, ACK, CANCEL, got(1, 4.0), CANCEL_ACK), "cancelling", 4.0),
    Card("the cancel crosses the last fill", (SENT, ACK, CANCEL, got(1, 10.0), CANCEL_NO), "filled", 10.0),
    Card("filled reported before the cancel is refused", (SENT, ACK, CANCEL, says("filled", 10.0, 2), CANCEL_NO,
                                                         got(1, 10.0)), "filled", 10.0),
    Card("a cancel refused, the order works on", (SENT, ACK, CANCEL, CANCEL_NO), "working"),
    Card("a cancel refused with a part filled", (SENT, ACK, got(1, 1.0), CANCEL, CANCEL_NO), "partial", 1.0),
    Card("a cancel that nobody answered", (SENT, ACK, CANCEL, CANCEL_LOST), "cancelling"),
    Card("asked twice to cancel", (SENT, ACK, CANCEL, CANCEL_LOST, CANCEL, CANCEL_ACK), "cancelling"),
    Card("cancel before the acknowledgement", (SENT, CANCEL, ACK, says("cancelled", 0.0, 2)), "cancelled"),
    Card("cancel refused before the acknowledgement", (SENT, CANCEL, CANCEL_NO), "sent"),
    Card("unsolicited cancel", (SENT, ACK, says("cancelled", 0.0, 4)), "cancelled"),
    Card("unsolicited cancel with a part filled", (SENT, ACK, got(1, 3.0), says("cancelled", 3.0, 4)), "cancelled", 3.0),
    Card("cancelled on the far side of a full fill", (SENT, ACK, got(1, 10.0), CANCEL_ACK, says("cancelled", 10.0, 4)),
         "filled", 10.0),
    Card("a cancel of what is done", (SENT, ACK, got(1, 10.0), CANCEL), "filled", 10.0, refused="filled"),
    # late and out of order
    Card("the fill comes before the acknowledgement", (SENT, got(1, 10.0), ACK), "filled", 10.0),
    Card("the report comes before the record of sending", (says("working", 0.0, 1), ACK), "working"),
    Card("cancelled first, then the fill that it counted", (SENT, ACK, says("cancelled", 4.0, 3), got(1, 4.0)),
         "cancelled", 4.0),
    Card("a late fill that the cancel did not count", (SENT, ACK, says("cancelled", 0.0, 3), got(1, 4.0)), "cancelled",
         4.0, warned="late fill"),
    Card("a late fill after expiry", (SENT, ACK, says("expired", 0.0, 3), got(1, 10.0)), "expired", 10.0,
         warned="late fill"),
    Card("reports in reverse", (SENT, ACK, says("filled", 10.0, 4), says("partial", 6.0, 2), says("working", 0.0, 1),
                                got(2, 4.0), got(1, 6.0)), "filled", 10.0),
    Card("an old report after a cancel", (SENT, ACK, says("cancelled", 2.0, 5), says("partial", 2.0, 4), got(1, 2.0)),
         "cancelled", 2.0),
    Card("everything twice", (SENT, ACK, ACK, got(1, 4.0), got(1, 4.0), says("partial", 4.0, 1), says("partial", 4.0, 1),
                              got(2, 6.0), got(2, 6.0), says("filled", 10.0, 2), says("filled", 10.0, 2)),
         "filled", 10.0),
    Card("alive again after it was cancelled", (SENT, ACK, says("cancelled", 0.0, 5), says("working", 0.0, 9)),
         "cancelled", refused="alive again"),
    # unknown, and crashes
    Card("unknown stays unknown", (SENT, LOST, LOST, NOT_SEEN, RESTART), "unknown"),
    Card("unknown, then the venue has it", (SENT, LOST, says("working", 0.0, 1)), "working"),
    Card("unknown, then a fill", (SENT, LOST, got(1, 1.0)), "partial", 1.0),
    Card("unknown, and the venue will never have it", (SENT, LOST, ABSENT), "refused"),
    Card("asked before the answer, and the venue will never have it", (SENT, ABSENT), "refused"),
    Card("unknown, then the answer after all", (SENT, LOST, ACK), "working"),
    Card("a cancel does not end unknown", (SENT, LOST, CANCEL, CANCEL_NO), "unknown"),
    Card("a cancel that the venue takes does", (SENT, LOST, CANCEL, CANCEL_ACK), "cancelling"),
    Card("the timeout comes after the report", (SENT, says("working", 0.0, 1), LOST), "working"),
    Card("a crash before the record of sending", (RESTART,), "unknown"),
    Card("a crash after it", (SENT, RESTART, says("partial", 2.0, 1)), "partial", 0.0),
    Card("a crash while cancelling", (SENT, ACK, CANCEL, RESTART), "cancelling"),
    Card("unknown may not be sent again", (SENT, LOST, SENT), "unknown", refused="sent"),
    # contradictions
    Card("sent twice", (SENT, SENT), "sent", refused="'sent'"),
    Card("denied after it was sent", (SENT, DENIED), "sent", refused="'denied'"),
    Card("accepted after it was refused", (SENT, NO, ACK), "refused", refused="'accepted'"),
    Card("refused after it worked", (SENT, ACK, NO), "working", refused="'refused'"),
    Card("the venue has forgotten a working order", (SENT, ACK, ABSENT), "working", refused="'absent'"),
    Card("a report on what was never sent", (DENIED, says("working", 0.0, 1)), "denied", refused="is working"),
    Card("a fill of what was refused is money all the same", (SENT, NO, got(1, 4.0)), "refused", 4.0, warned="refused"),
    Card("more than was ordered", (SENT, ACK, got(1, 10.0), got(2, 5.0)), "filled", 15.0, warned="more filled"),
    Card("one id, two fills", (SENT, ACK, got(1, 4.0), got(1, 5.0)), "partial", 4.0, refused="come twice"),
    Card("a fill of the other side", (SENT, ACK, got(1, -4.0)), "working", refused="the other side"),
    Card("filled, says the venue, and counts half", (SENT, ACK, says("filled", 5.0, 1)), "working", refused="5.0 of 10.0"),
    # restated by the venue
    Card("restated to what is filled", (SENT, ACK, got(1, 6.0), OrderReport(ID, "V1", "A", "working", 6.0, 6.0, 3)),
         "filled", 6.0, warned="restated"),
    Card("restated upwards", (SENT, ACK, OrderReport(ID, "V1", "A", "working", 12.0, 0.0, 3), got(1, 10.0)), "partial",
         10.0, warned="restated"),
]  # fmt: skip


def play(events: tuple[Event, ...], order: Order | None = None) -> tuple[Order, list[str], list[str]]:
    order = order or Order(ORDER)
    warned: list[str] = []
    refused: list[str] = []
    for event in events:
        try:
            step = advance(order, event)
        except IllegalTransition as error:
            refused.append(str(error))
        else:
            order, warned = step.order, [*warned, *step.warnings]
    return order, warned, refused


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_the_order_ends_as_the_card_says(card: Card) -> None:
    order, warned, refused = play(card.events)
    assert (order.status, order.filled) == (card.status, card.filled)
    assert bool(warned) == bool(card.warned), warned
    assert card.warned in " ".join(warned)
    assert bool(refused) == bool(card.refused), refused
    assert card.refused in " ".join(refused)


@pytest.mark.parametrize("card", [c for c in CARDS if not c.refused], ids=lambda card: card.name)
def test_what_the_venue_says_twice_changes_nothing(card: Card) -> None:
    order, _, _ = play(card.events)
    heard = tuple(event for event in card.events if isinstance(event, OrderReport | FillReport))
    again, warned, _ = play(heard, order)
    assert (again.status, again.filled, again.fills) == (order.status, order.filled, order.fills)
    assert warned == []


def test_the_order_in_which_a_venue_is_heard_does_not_matter() -> None:
    heard: tuple[Event, ...] = (got(1, 4.0), says("partial", 4.0, 1), got(2, 6.0), says("filled", 10.0, 2), ACK)
    ends = {(o.status, o.filled, o.reported) for each in permutations(heard) for o, _, _ in [play((SENT, *each))]}
    assert ends == {("filled", 10.0, 10.0)}


STATUSES: tuple[Status, ...] = get_args(Status)
SIGNALS: tuple[Signal, ...] = get_args(Signal)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("signal", SIGNALS)
def test_every_pair_is_refused_or_gives_a_status(status: Status, signal: Signal) -> None:
    try:
        after = next_status(status, signal)
    except IllegalTransition as error:
        said = str(error)
    else:
        said = f"{status} {signal}"
        assert after in STATUSES
        assert status not in FINAL or after == status
    assert status in said
    assert signal in said


def test_unknown_is_left_only_by_what_a_venue_says() -> None:
    leaves = {signal for signal, after in states._TABLE["unknown"].items() if after != "unknown"}
    ours = {"restart", "denied", "sent", "unknown", "cancel", "cancel unknown", "cancel refused", "not seen"}
    assert not leaves & ours
    assert leaves == set(SIGNALS) - ours


def test_nothing_goes_back_to_before_the_wire() -> None:
    for status in set(STATUSES) - {"intended", "partial", "cancelling"}:
        assert not {"intended", "sent"} & (set(states._TABLE[status].values()) - {status})


def test_what_the_venue_counts_and_has_not_told_is_owed() -> None:
    order, _, _ = play((SENT, ACK, says("partial", 6.0, 2), got(1, 4.0)))
    assert order.owed == 2.0
    order, _, _ = play((got(2, 2.0),), order)
    assert order.owed == 0.0


def test_tenths_fill_an_order_of_three_tenths_exactly() -> None:
    wanted = intent(1, "A", 0.3)
    order, warned, refused = play((Sent(wanted.client_id), fill(wanted, 1, 0.1), fill(wanted, 2, 0.2)), Order(wanted))
    assert (order.status, order.filled, warned, refused) == ("filled", 0.3, [], [])


def test_decimals_that_cancel_leave_nothing() -> None:
    total = 0.0
    for part in (0.1, 0.2, 0.3, -0.6):
        total = add(total, part)
    assert total == 0.0
    assert 0.1 + 0.2 + 0.3 - 0.6 != 0.0
