"""The expert: an agent whose decisions are a language model's opinions, as they are recorded."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np
from attrs import field, frozen

from darwin_core import ConfigError, DataError, period
from darwin_llm_expert.asking import ask, worst
from darwin_llm_expert.opinion import FOLLOW, FORMATS, INSTRUCTION, Failure, Opinion
from darwin_llm_expert.recording import Question, Recording
from darwin_llm_expert.settings import Settings
from darwin_llm_expert.template import Template, template_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from darwin_core import Observation, Options

    Floats: TypeAlias = NDArray[np.float64]


_LEFT = "proposal.weight"
"""What earlier agents have left of a candidate: nobody is paid for an opinion on one of which nothing is left."""


_SKIPPED = "not asked: an earlier agent has skipped it"


class NoOpinion(Exception):  # noqa: N818 - the guard shows the name, and it says what there is
    """There is no opinion on any row that the expert was asked about."""


def expert_of(options: Options) -> Expert:
    """Make the expert; raise ConfigError when it could not work as the deployment says."""
    settings = options.into(Settings)
    try:
        template = template_of(settings.prompt, settings.requires)
    except ValueError as error:
        raise options.error("prompt", str(error)) from None
    recording = Recording(settings.recording)
    try:
        if settings.calls == "recorded" or recording.path.exists():
            recording.check()
    except DataError as error:
        raise options.error("recording", str(error)) from None
    if not recording.path.parent.is_dir():
        raise options.error("recording", f"there is no folder {recording.path.parent.name} to keep it in")
    if settings.calls == "live" and settings.key is not None:
        _check_key(options, settings)
    return Expert(settings, template, recording)


def _check_key(options: Options, settings: Settings) -> None:
    """Refuse a key that cannot be sent, before anything else would say so and show it."""
    try:
        key = settings.key.reveal() if settings.key is not None else ""
    except ConfigError as error:
        raise options.error("key", str(error)) from None
    except UnicodeDecodeError:
        key = ""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise options.error("key", f"what {settings.key!r} stands for is empty, or holds what no key can")


@frozen(eq=False)
class Expert:
    """The agent.

    Parameters
    ----------
    settings, template, recording
        The deployment's options, the prompt, and the file of answers.
    """

    settings: Settings
    template: Template
    recording: Recording
    _prefix: bytes = field(init=False, repr=False)

    when: ClassVar[Literal["candidate"]] = "candidate"
    effect: ClassVar[Literal["scale"]] = "scale"

    @_prefix.default
    def _all_but_the_prompt(self) -> bytes:
        """Return what is the same of all questions."""
        settings = self.settings
        asked = {
            "model": settings.model,
            "temperature": settings.temperature,
            settings.limit: settings.max_tokens,
            "format": FORMATS[settings.structured],
            "instruction": INSTRUCTION,
            "template": self.template.digest,
        }
        return json.dumps(asked, sort_keys=True).encode() + b"\0"

    @property
    def requires(self) -> tuple[str, ...]:
        """The columns that the prompt may name, and what is left of the candidate."""
        return tuple(dict.fromkeys((*self.settings.requires, _LEFT)))

    @property
    def baseline(self) -> float:
        """What stands without an opinion."""
        return self.settings.baseline

    @property
    def price(self) -> float | None:
        """What a question has cost on average, in money, as far as the recording knows; None when it knows of none."""
        return self.recording.price()

    def decide(self, observation: Observation) -> Floats:
        """Return an action a row, 0 to 1; NaN where there is no opinion, so that the baseline stands in, (N,).

        Nobody is asked about a candidate that earlier agents have skipped: the baseline is as good an answer.

        Raises
        ------
        NoOpinion
            When there is none on any row; it says why. For the decisions that is the same as NaN in each.
        """
        left = _left(observation)
        found = self.opinions(observation, left, ask_missing=self.settings.calls == "live")
        said = np.array([self._action(each) for each in found], np.float64)
        if len(said) and np.isnan(said).all():
            raise NoOpinion(self._told([each for each in found if isinstance(each, Failure)]))
        actions = np.full(len(observation), self.baseline)
        actions[left] = said
        return actions

    def explain(self, observation: Observation) -> list[tuple[float, str]]:
        """Return for each row the confidence, NaN without an opinion, and the reason, the model's or why there is none.

        Nobody is asked: it reads what `decide` has left in the recording.
        """
        left = _left(observation)
        found = iter(self.opinions(observation, left))
        return [_words(next(found)) if asked else (np.nan, _SKIPPED) for asked in left.tolist()]

    def opinions(
        self, observation: Observation, rows: NDArray[np.bool_], *, ask_missing: bool = False
    ) -> list[Opinion | Failure]:
        """Return what the recording holds on each of some rows, after asking for what is missing if so wanted."""
        columns = [observation.names.index(name) for name in self.settings.requires]
        prompts = [self.template.render(row) for row in observation.values[rows][:, columns].tolist()]
        keys = [self.key(prompt) for prompt in prompts]
        bars = np.broadcast_to(observation.time, len(rows))[rows].tolist()
        places = list(zip(keys, bars, strict=True))
        if ask_missing:
            self.recording.make()
        found = self.recording.read(places)
        missing = [(*place, prompt) for place, prompt in zip(places, prompts, strict=True) if place not in found]
        if ask_missing and missing:
            self._ask(missing)
            found = self.recording.read(places)
        name = self.recording.path.name
        nothing = Failure("missing", f'no recorded answer in {name}, and calls = "recorded" asks nobody')
        return [found.get(place, nothing) for place in places]

    def key(self, prompt: str) -> str:
        """Return the hash under which the answer to a prompt is kept: of model, parameters, template and prompt."""
        return hashlib.sha256(self._prefix + prompt.encode()).hexdigest()

    def _ask(self, missing: Sequence[tuple[str, int, str]]) -> None:
        days = period(np.array([bar for _, bar, _ in missing], np.int64), "day", self.settings.timezone)
        dates = days.astype("datetime64[D]").astype(str).tolist()
        questions = [Question(key, bar, prompt, worst(self.settings, prompt)) for key, bar, prompt in missing]
        ask(self.settings, self.recording, list(zip(dates, questions, strict=True)))

    def _action(self, found: Opinion | Failure) -> float:
        if isinstance(found, Failure):
            return np.nan
        if found.decision != FOLLOW:
            return 0.0
        return found.confidence if self.settings.action == "confidence" else 1.0

    def _told(self, failures: list[Failure]) -> str:
        """Say in one sentence why there is no opinion: the kinds with their counts, and the first words of each."""
        counts = Counter(each.kind for each in failures)
        first = {each.kind: each.words for each in reversed(failures)}
        said = "; ".join(f"{count} {kind} ({first[kind]})" for kind, count in sorted(counts.items()))
        return f"no opinion on {len(failures)} candidates: {said}"


def _left(observation: Observation) -> NDArray[np.bool_]:
    """Return the rows on which something is left to decide about, (N,)."""
    left: NDArray[np.bool_] = observation.values[:, observation.names.index(_LEFT)] != 0.0
    return left


def _words(found: Opinion | Failure) -> tuple[float, str]:
    if isinstance(found, Opinion):
        return found.confidence, f"{found.decision}: {found.reason}"
    return np.nan, f"{found.kind}: {found.words}"
