"""The recording: every answer and every failure in one SQLite file, and what was spent on them.

An answer belongs to what was asked (its key) and never changes. A failure belongs to what was asked at one bar: the
bar was decided without an opinion, and is so whenever it is decided again. Money is reserved before it can be spent,
in the file itself, so that a cap holds across processes and crashes.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from darwin_core import DataError
from darwin_llm_expert.opinion import Failure, Opinion, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

Place: TypeAlias = tuple[str, int]
"""What was asked, as the hash of it, and at which bar, ns."""

_APPLICATION, _VERSION = 0x64_77_6C_6D, 1
_BUSY_SECONDS = 30.0
_APPEND_ONLY = "".join(
    f"CREATE TRIGGER {table}_{what} BEFORE {what} ON {table} BEGIN SELECT raise(ABORT, 'append-only'); END;\n"
    for table in ("answers", "allotments", "bills")
    for what in ("UPDATE", "DELETE")
)
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE answers (
    key TEXT PRIMARY KEY,             -- SHA-256 of model, parameters, template and prompt
    bar INTEGER NOT NULL,             -- at which it was first asked, ns since 1970 UTC
    model TEXT NOT NULL,
    prompt TEXT NOT NULL,
    answer TEXT NOT NULL,             -- the model's words
    served TEXT                       -- which model it was, as the endpoint says
) STRICT, WITHOUT ROWID;
CREATE TABLE failures (
    key TEXT NOT NULL,
    bar INTEGER NOT NULL,
    kind TEXT NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (key, bar)
) STRICT, WITHOUT ROWID;
CREATE TABLE allotments (             -- what may be spent on an opinion, written before anything is sent
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    bar INTEGER NOT NULL,
    day TEXT NOT NULL,                -- the bar's own date
    requests INTEGER NOT NULL,
    nano INTEGER NOT NULL             -- billionths of the currency
) STRICT;
CREATE TABLE bills (                  -- what was spent; an allotment without a bill counts in full
    number INTEGER PRIMARY KEY REFERENCES allotments,
    requests INTEGER NOT NULL,
    nano INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    answer_tokens INTEGER NOT NULL
) STRICT;
CREATE INDEX allotments_of_day ON allotments (day);
CREATE VIEW spent AS
SELECT day, sum(coalesce(b.requests, a.requests)) AS requests, sum(coalesce(b.nano, a.nano)) AS nano,
    sum(coalesce(b.nano, a.nano)) / 1e9 AS money,
    sum(b.prompt_tokens) AS prompt_tokens, sum(b.answer_tokens) AS answer_tokens
FROM allotments AS a LEFT JOIN bills AS b USING (number) GROUP BY day;
CREATE VIEW opinions AS
SELECT key, bar, model, json_extract(answer, '$.decision') AS decision,
    json_extract(answer, '$.confidence') AS confidence, json_extract(answer, '$.reason') AS reason
FROM answers;
{_APPEND_ONLY}
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
COMMIT;
"""  # noqa: S608 - of constants alone


@frozen
class Question:
    """Something to be asked at a bar, and the most that one request about it can cost, in billionths."""

    key: str
    bar: int
    prompt: str
    worst: int


@frozen
class Allotment:
    """Requests that may be made about a question; they are paid for already, at their worst."""

    number: int
    question: Question
    requests: int


@frozen
class Bill:
    """What a question has cost."""

    requests: int = 0
    nano: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0


@frozen
class Answer:
    """A model's words that are an opinion, and which model it was."""

    text: str
    served: str | None


@frozen
class Recording:
    """The file. It is opened for each call and closed after it.

    Every method raises DataError, with the file's name, when the file cannot be used.
    """

    path: Path

    def check(self) -> None:
        """Raise DataError when there is no recording, or something else."""
        with self._open("ro"):
            pass

    def make(self) -> None:
        """Make the file, unless it is there."""
        with self._telling(), closing(self._connect("rwc")) as file:
            if not file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                try:
                    file.executescript(_SCHEMA)
                except sqlite3.OperationalError:  # somebody else has made it meanwhile, or it is said below why not
                    if file.in_transaction:
                        file.execute("ROLLBACK")
        self.check()

    def read(self, places: Iterable[Place]) -> dict[Place, Opinion | Failure]:
        """Return what is known at each place; a place at which nothing is known is left out."""
        found: dict[Place, Opinion | Failure] = {}
        with self._open("ro") as file:
            for place in places:
                if place not in found and (known := _known(file, place)) is not None:
                    found[place] = known
        return found

    def price(self) -> float | None:
        """Return what an opinion has cost on average, in money; None before any was paid for."""
        if not self.path.exists():
            return None
        with self._open("ro") as file:
            mean = file.execute("SELECT avg(nano) / 1e9 FROM bills WHERE nano > 0").fetchone()[0]
        return None if mean is None else float(mean)

    def allot(
        self, day: str, questions: Sequence[Question], attempts: int, calls: int, money: int | None
    ) -> list[Allotment]:
        """Reserve requests for the first of some questions, as many as the day's caps have room for.

        A question gets room for all its `attempts`; when that is not there, and none is reserved for others that may
        give it back, what there is. Empty: the caps are reached.
        """
        made: list[Allotment] = []
        with self._writing() as file:
            spent = file.execute("SELECT requests, nano FROM spent WHERE day = ?", (day,)).fetchone() or (0, 0)
            calls -= spent[0]
            money = None if money is None else money - spent[1]
            for each in questions:
                room = calls if money is None or not each.worst else min(calls, money // each.worst)
                requests = min(attempts, room)
                if requests < 1 or (requests < attempts and made):
                    break
                cost = requests * each.worst
                row = (each.key, each.bar, day, requests, cost)
                number = file.execute(
                    "INSERT INTO allotments (key, bar, day, requests, nano) VALUES (?, ?, ?, ?, ?)", row
                ).lastrowid
                made.append(Allotment(number or 0, each, requests))
                calls -= requests
                money = None if money is None else money - cost
                if requests < attempts:
                    break
        return made

    def write(self, model: str, results: Iterable[tuple[Allotment, Bill, Answer | Failure]]) -> None:
        """Write down what became of questions; of two answers to one question the first stays."""
        with self._writing() as file:
            for allotment, bill, result in results:
                row = (allotment.number, bill.requests, bill.nano, bill.prompt_tokens, bill.answer_tokens)
                file.execute("INSERT INTO bills VALUES (?, ?, ?, ?, ?)", row)
                question = allotment.question
                if isinstance(result, Failure):
                    _fail(file, question, result)
                    continue
                answer = (question.key, question.bar, model, question.prompt, result.text, result.served)
                file.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", answer)

    def fail(self, questions: Iterable[Question], failure: Failure) -> None:
        """Write down that questions were not asked, and why."""
        with self._writing() as file:
            for question in questions:
                _fail(file, question, failure)

    @contextmanager
    def _open(self, mode: str) -> Iterator[sqlite3.Connection]:
        if not self.path.is_file():
            raise DataError(f'there is no recording {self.path.name}: calls = "live" makes one by asking')
        with self._telling(), closing(self._connect(mode)) as file:
            (application,), (version,) = (
                file.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
            )
            if application != _APPLICATION:
                raise DataError(f"{self.path.name} is no recording of an expert's")
            if version > _VERSION:
                raise DataError(f"the recording {self.path.name} was made by a newer darwin-llm-expert")
            yield file

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Open it for one transaction: everything inside, or nothing."""
        with self._open("rw") as file:
            file.execute("BEGIN IMMEDIATE")
            try:
                yield file
            except BaseException:
                file.execute("ROLLBACK")
                raise
            file.execute("COMMIT")

    def _connect(self, mode: str) -> sqlite3.Connection:
        address = f"{self.path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(address, uri=True, isolation_level=None, timeout=_BUSY_SECONDS)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise DataError(f"the recording {self.path.name} cannot be used: {error}") from None


def _known(file: sqlite3.Connection, place: Place) -> Opinion | Failure | None:
    failed = file.execute("SELECT kind, words FROM failures WHERE key = ? AND bar = ?", place).fetchone()
    if failed is not None:
        return Failure(*failed)
    row = file.execute("SELECT answer FROM answers WHERE key = ?", place[:1]).fetchone()
    if row is None:
        return None
    try:
        return parse(row[0])
    except ValueError as error:
        return Failure("damaged", f"the recorded answer is not as it was written: {error}")


def _fail(file: sqlite3.Connection, question: Question, failure: Failure) -> None:
    row = (question.key, question.bar, failure.kind, failure.words)
    file.execute("INSERT INTO failures VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row)
