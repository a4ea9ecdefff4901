"""What a journal knows when a process begins: enough to go on, and what the venue has to be asked first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from darwin_core.live import loading, storage

if TYPE_CHECKING:
    from pathlib import Path

    from darwin_core.live.book import Book, Position
    from darwin_core.live.chain import Place
    from darwin_core.live.loading import Loaded
    from darwin_core.live.schema import Latch
    from darwin_core.live.states import Order


@frozen
class Recovered:
    """The state of a journal at its start.

    Parameters
    ----------
    end
        Where the chain ends; at record 0 the journal is new.
    unfinished
        Orders that may still trade, by bar and id.
    positions
        By symbol, those that are not flat.
    last_bar
        Time of the newest bar that was decided on, ns, or None. It was decided with all its intents.
    latch
        The kill latch, when it is on.
    note
        What an interrupted write left, for people.
    """

    end: Place
    unfinished: tuple[Order, ...]
    positions: dict[str, Position]
    last_bar: int | None
    latch: Latch | None
    note: str = ""

    @property
    def in_doubt(self) -> tuple[Order, ...]:
        """Orders whose truth only the venue knows: ask by client id before any new risk on their symbols.

        An order that is only intended is among them: the process may have ended between the wire and the record.
        """
        return tuple(o for o in self.unfinished if o.status in ("intended", "sent", "unknown", "cancelling"))

    @property
    def owed(self) -> tuple[Order, ...]:
        """Unfinished orders of which the venue has reported more than the fills that have arrived."""
        return tuple(order for order in self.unfinished if order.owed)

    @classmethod
    def of(cls, loaded: Loaded) -> Recovered:
        """Return what a loaded journal knows."""
        book: Book = loaded.book
        held = {symbol: p for symbol, p in sorted(book.positions.items()) if p.quantity}
        return cls(loaded.end, tuple(book.unfinished()), held, book.last_bar, book.latch, loaded.note)


def recover(path: Path, key: bytes | None = None) -> Recovered:
    """Read a journal without changing it, also while it is being written.

    Raises
    ------
    JournalError
        It is missing, damaged, or its tail was cut off.
    """
    connection = storage.connect(path, write=False)
    try:
        return Recovered.of(loading.load(path, connection, key))
    finally:
        connection.close()
