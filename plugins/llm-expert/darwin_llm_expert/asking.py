"""Asking: the questions of one bar after another, those of a bar at the same time, within caps and patience.

What is asked, and in which order the caps are used up, depends on the questions alone and not on how fast answers
come: questions go in waves, and a wave is as many as the caps have room for at their worst.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from attrs import define, evolve, field

from darwin_llm_expert.endpoint import Endpoint, Trouble
from darwin_llm_expert.opinion import INSTRUCTION, SCHEMA, Failure, parse
from darwin_llm_expert.recording import Answer, Bill

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from darwin_llm_expert.endpoint import Reply
    from darwin_llm_expert.recording import Allotment, Question, Recording
    from darwin_llm_expert.settings import Settings

T = TypeVar("T")
Outcome: TypeAlias = "tuple[Allotment, Bill, Answer | Failure]"

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_REPAIR = "Your answer cannot be used: {}. Answer again, with the JSON object alone."
_REPEATED, _FAULT = 500, 200  # characters of a wrong answer, and of what is wrong with it, that are sent back
_AROUND = 512 + len(INSTRUCTION) + len(str(SCHEMA)) + 4 * _REPEATED + len(_REPAIR) + 4 * _FAULT


def worst(settings: Settings, prompt: str) -> int:
    """Return the most that one request can cost, in billionths: no token is shorter than a byte."""
    return settings.cost(len(prompt.encode()) + _AROUND, settings.max_tokens)


def ask(settings: Settings, recording: Recording, questions: Sequence[tuple[str, Question]]) -> None:
    """Ask questions, each with its bar's date, in the order of bars; what becomes of them is written to the recording.

    A key is asked about once, at the first bar that brings it, and again at a later one when that failed.
    """
    _finish(lambda: _ask(settings, recording, questions))


def _finish(work: Callable[[], Coroutine[None, None, T]]) -> T:
    """Run a coroutine to its end, also where a loop is running already, in a notebook for example."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()


async def _ask(settings: Settings, recording: Recording, questions: Sequence[tuple[str, Question]]) -> None:
    ordered = sorted(questions, key=lambda pair: pair[1].bar)
    async with Endpoint(settings) as endpoint:
        asker = Asker(settings, recording, endpoint)
        for (day, bar), pairs in groupby(ordered, key=lambda pair: (pair[0], pair[1].bar)):
            wanted = {question.key: question for _, question in pairs}
            known = recording.read((key, bar) for key in wanted)
            await asker.bar(day, [question for key, question in wanted.items() if (key, bar) not in known])


@define(eq=False)
class Tally:
    """Counts what a question costs while it is asked."""

    worst: int
    bill: Bill = field(factory=Bill)

    def sent(self) -> None:
        """Count a request at its worst."""
        self.bill = evolve(self.bill, requests=self.bill.requests + 1, nano=self.bill.nano + self.worst)

    def cost(self, nano: int, prompt_tokens: int = 0, answer_tokens: int = 0) -> None:
        """Say what the last request has cost after all."""
        self.bill = Bill(
            self.bill.requests,
            self.bill.nano - self.worst + nano,
            self.bill.prompt_tokens + prompt_tokens,
            self.bill.answer_tokens + answer_tokens,
        )


@define(eq=False)
class Asker:
    """Asks the questions of bars, for the time of one call."""

    settings: Settings
    recording: Recording
    endpoint: Endpoint
    _gate: asyncio.Semaphore = field(init=False)
    _refused: Failure | None = field(default=None, init=False)
    """What the endpoint would say to everybody."""

    def __attrs_post_init__(self) -> None:
        """Let so many requests be made at the same time."""
        self._gate = asyncio.Semaphore(self.settings.concurrency)

    async def bar(self, day: str, questions: list[Question]) -> None:
        """Ask the questions of one bar, and write down what becomes of them."""
        settings = self.settings
        end = asyncio.get_running_loop().time() + settings.patience_s
        while questions:
            if self._refused is not None:
                self.recording.fail(questions, self._refused)
                return
            caps = settings.calls_per_day, settings.money_cap
            allotted = self.recording.allot(day, questions, settings.attempts, *caps)
            if not allotted:
                self.recording.fail(questions, self._capped(day))
                return
            results = await asyncio.gather(*(self.opinion(each, end) for each in allotted))
            self.recording.write(settings.model, results)
            questions = questions[len(allotted) :]

    def _capped(self, day: str) -> Failure:
        money = self.settings.money_per_day
        caps = f"{self.settings.calls_per_day} calls" + ("" if money is None else f", {money:g} in money")
        return Failure("cap", f"the caps of {day} leave no room for another request ({caps})")

    async def opinion(self, allotment: Allotment, end: float) -> Outcome:
        """Ask one question until there is an opinion, the requests are used up, or `end` of the loop's time."""
        tally = Tally(allotment.question.worst)
        result: Answer | Failure
        try:
            async with asyncio.timeout_at(end), self._gate:
                result = await self._opinion(allotment, tally, end)
        except TimeoutError:
            result = Failure("patience", f"no opinion within the {self.settings.patience_s:g} s of a bar")
        return allotment, tally.bill, result

    async def _opinion(self, allotment: Allotment, tally: Tally, end: float) -> Answer | Failure:
        question, retries, repairs = allotment.question.prompt, self.settings.retries, 1
        messages = [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": question}]
        trouble = Trouble("cap", "no request was left")
        pause = _FIRST_WAIT
        for _ in range(allotment.requests):
            try:
                reply = await self._request(messages, tally)
            except Trouble as found:
                trouble = found
                wait = pause if found.wait is None else found.wait
                if not found.again or retries == 0 or asyncio.get_running_loop().time() + wait >= end:
                    break
                retries -= 1
                pause = min(2.0 * pause, _LONGEST_WAIT)
                await asyncio.sleep(wait)
                continue
            text = reply.text or ""
            try:
                parse(text)
            except ValueError as error:
                trouble = Trouble("answer", f"the answer is no opinion: {self.endpoint.clean(str(error))}")
                if repairs == 0:
                    break
                repairs -= 1
                messages = [*messages[:2], *_repair(text, str(error))]
            else:
                return Answer(text, reply.served)
        failure = Failure(trouble.kind, trouble.words)
        if trouble.everybody:
            self._refused = failure
        return failure

    async def _request(self, messages: list[dict[str, str]], tally: Tally) -> Reply:
        """Make one request and count what it costs; what nobody says the price of costs the most that it can."""
        tally.sent()
        try:
            reply = await self.endpoint.ask(messages)
        except Trouble as trouble:
            if not trouble.billed:
                tally.cost(0)
            raise
        if reply.usage is not None:
            tally.cost(self.settings.cost(*reply.usage), *reply.usage)
        if reply.trouble is not None:
            raise reply.trouble
        return reply


def _repair(text: str, fault: str) -> list[dict[str, str]]:
    said = text[:_REPEATED].encode(errors="replace").decode()
    return [
        {"role": "assistant", "content": said},
        {"role": "user", "content": _REPAIR.format(fault[:_FAULT])},
    ]
