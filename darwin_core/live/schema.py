"""What a journal holds: one frozen class for each kind of record, and its one canonical JSON text.

Times are int64 ns UTC; quantities and money float64, signed as in `darwin_core.live.orders`. A `Json` field takes
anything that JSON can say, without NaN and infinities.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from darwin_core.live.orders import FillReport, Intent, OrderReport

Json: TypeAlias = Mapping[str, Any]
Level: TypeAlias = Literal["info", "warning", "critical"]
Role: TypeAlias = Literal["viewer", "operator", "risk", "admin", "system"]


@frozen
class Session:
    """A process begins to write. Orders that were on their way when the last one ended are unknown from here on."""

    run: str
    version: str = ""
    details: Json = field(factory=dict)


@frozen
class Decision:
    """A bar was decided on. Written in one commit with the intents that follow from it, so it is never half done."""

    bar: int
    content: Json = field(factory=dict)


@frozen
class Denial:
    """A control refused an intent."""

    client_id: str
    control: str
    reason: str


@frozen
class Sent:
    """The order goes on the wire next."""

    client_id: str


@frozen
class CancelSent:
    """A cancel goes on the wire next."""

    client_id: str
    why: str = ""


@frozen
class Result:
    """What a broker's submit or cancel returned: Accepted, Refused or Unknown."""

    client_id: str
    action: Literal["submit", "cancel"]
    outcome: Literal["accepted", "refused", "unknown"]
    venue_id: str = ""
    code: str = ""
    text: str = ""


@frozen
class AbsentReport:
    """The venue was asked, and does not know the order; `authoritative`: and it never will."""

    client_id: str
    authoritative: bool


@frozen
class PositionSeen:
    """A position as the venue states it. It is compared with the book, and never changes it."""

    symbol: str
    quantity: float
    as_of: int


@frozen
class Control:
    """Somebody acted on the running system."""

    action: str
    who: str
    role: Role
    why: str
    details: Json = field(factory=dict)


@frozen
class Alert:
    """Something that people should know; `about` is an order's id, a symbol or a component."""

    level: Level
    source: str
    text: str
    about: str = ""


@frozen
class Latency:
    """Durations of one bar's stages, seconds by name, or their histograms."""

    bar: int
    stages: Json


@frozen
class Tape:
    """What was seen of the market: where the bars lie, gaps, revisions, refused bars."""

    event: str
    details: Json = field(factory=dict)


@frozen
class Latch:
    """The kill latch is set or, by a named person and for a reason, released."""

    on: bool
    trigger: str
    who: str
    role: Role
    why: str


@frozen
class Segment:
    """A run of records, `first` to `last` inclusive, that an archive file holds.

    Parameters
    ----------
    file, sha256
        Its name in the archive's folder, and its content's digest, hex.
    before, after
        Hashes, hex, of the record before `first` and of `last`: they let a chain be checked across the segment
        even when the file has been dropped.
    newest
        The highest time in it.
    dropped
        Its retention is over and the file is gone.
    """

    first: int
    last: int
    file: str
    sha256: str
    before: str
    after: str
    newest: int
    dropped: bool = False


@frozen
class Archived:
    """Records up to `last` have left the journal.

    Parameters
    ----------
    segments
        Every segment ever archived, oldest first.
    state
        What those records amounted to (see `darwin_core.live.book.Book.carried`): the journal without them is
        still all that a restart needs.
    """

    last: int
    segments: tuple[Segment, ...]
    state: Json


Body: TypeAlias = (
    Session | Decision | Intent | Denial | Sent | CancelSent | Result | OrderReport | FillReport | AbsentReport
    | PositionSeen | Control | Alert | Latency | Tape | Latch | Archived
)  # fmt: skip

KINDS: dict[str, type[Any]] = {
    "session": Session,
    "decision": Decision,
    "intent": Intent,
    "denied": Denial,
    "sent": Sent,
    "cancel": CancelSent,
    "outcome": Result,
    "report": OrderReport,
    "fill": FillReport,
    "absent": AbsentReport,
    "position": PositionSeen,
    "control": Control,
    "alert": Alert,
    "latency": Latency,
    "tape": Tape,
    "latch": Latch,
    "archived": Archived,
}
KIND_OF: dict[type[Any], str] = {body: kind for kind, body in KINDS.items()}

OWN: frozenset[str] = frozenset({"intent", "denied", "sent", "cancel"})
"""What darwin itself is about to do: an illegal one is refused before it is written. Everything else has already
happened and is written whatever it says."""


@frozen
class Entry:
    """Something to be written: when (ns), and what."""

    time: int
    body: Body

    @property
    def kind(self) -> str:
        """The kind of record that it makes."""
        return KIND_OF[type(self.body)]
