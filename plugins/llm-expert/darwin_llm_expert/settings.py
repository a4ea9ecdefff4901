"""The options of the expert."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le, min_len, optional

from darwin_core import Secret  # noqa: TC001 - the types are looked at while running

if TYPE_CHECKING:
    from attrs import Attribute

_SHARE = and_(ge(0.0), le(1.0))
_HERE = ("localhost", "127.0.0.1", "::1")


def _plain_url(_: object, __: Attribute[str], value: str) -> None:
    try:
        url = urlsplit(value)
        _ = url.port
    except ValueError as error:
        raise ValueError(f"{value!r} is no address: {error}") from None
    if "@" in url.netloc or url.query or url.fragment:  # its text is not repeated: it may hold a password
        raise ValueError("write the address alone; the key is an option of its own")
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(f"{value!r} is no address: write https://HOST/v1, or http://127.0.0.1:PORT/v1")


def _columns(_: object, __: Attribute[Any], value: tuple[str, ...]) -> None:
    twice = sorted({name for name in value if value.count(name) > 1})
    if not value or twice:
        raise ValueError(f"names {twice[0]!r} twice" if twice else "names no column")


def _zone(_: object, __: Attribute[str], value: str) -> None:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{value!r} is no time zone: write UTC, or a name such as America/New_York") from None


@frozen
class Settings:
    """What the deployment says of the expert.

    Parameters
    ----------
    prompt
        File with the question; ``{COLUMN}`` or ``{COLUMN:.2f}`` stands for a column of `requires`.
    requires
        Columns that the prompt may name. A candidate of which one is missing is not asked about.
    model, base_url, key
        Whom to ask: any endpoint that speaks the chat completions API. A local one may need no key.
    recording
        SQLite file that keeps every answer, by the hash of what was asked.
    calls
        recorded: nobody is asked, answers are those of the recording. live: what is not recorded is asked.
    action
        What following means: 1, or the confidence of the opinion. Declining is 0.
    baseline
        The action without an opinion.
    temperature
        Sent when it is given; else the endpoint's own holds.
    max_tokens, limit
        Longest answer in tokens, and the name under which the endpoint takes it.
    structured
        How the endpoint is held to the answer's form: by a JSON schema, to any JSON object, or not at all. The
        answer is checked in every case.
    timeout_s, patience_s
        Seconds for one request, and for all requests of a bar together.
    retries
        How often one opinion may be asked for again after a passing fault.
    concurrency
        Requests at the same time, all of one bar.
    price_prompt, price_answer
        Money for 1,000 tokens.
    calls_per_day, money_per_day
        Caps by the bars' own dates, over all that use the recording.
    timezone
        In which zone dates are meant.
    """

    prompt: Path
    requires: tuple[str, ...] = field(validator=_columns)
    model: str = field(validator=min_len(1))
    base_url: str = field(validator=_plain_url)
    recording: Path
    key: Secret | None = None
    calls: Literal["recorded", "live"] = "recorded"
    action: Literal["decision", "confidence"] = "decision"
    baseline: float = field(default=0.0, validator=_SHARE)
    temperature: float | None = field(default=None, validator=optional(and_(ge(0.0), le(2.0))))
    max_tokens: int = field(default=300, validator=ge(16))
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    structured: Literal["schema", "object", "text"] = "schema"
    timeout_s: float = field(default=20.0, validator=gt(0.0))
    patience_s: float = field(default=60.0, validator=gt(0.0))
    retries: int = field(default=2, validator=and_(ge(0), le(10)))
    concurrency: int = field(default=4, validator=and_(ge(1), le(256)))
    price_prompt: float = field(default=0.0, validator=ge(0.0))
    price_answer: float = field(default=0.0, validator=ge(0.0))
    calls_per_day: int = field(default=1000, validator=ge(1))
    money_per_day: float | None = field(default=None, validator=optional(ge(0.0)))
    timezone: str = field(default="UTC", validator=_zone)

    def __attrs_post_init__(self) -> None:
        """Refuse a cap that could not hold, and a key that anybody could read on its way."""
        if self.money_per_day is not None and not (self.price_prompt and self.price_answer):
            raise ValueError("money_per_day needs price_prompt and price_answer: money for 1,000 tokens")
        url = urlsplit(self.base_url)
        if self.key is not None and url.scheme == "http" and url.hostname not in _HERE:
            raise ValueError("a key is sent over https only, or to this machine")

    @property
    def attempts(self) -> int:
        """Most requests for one opinion: the first, one for a repair, and the retries."""
        return 2 + self.retries

    def cost(self, prompt_tokens: int, answer_tokens: int) -> int:
        """Return what tokens cost, in billionths of the currency, a broken one counted as a whole."""
        prices = (_nano(price, 1_000_000, ROUND_CEILING) for price in (self.price_prompt, self.price_answer))
        return sum(n * price for n, price in zip((prompt_tokens, answer_tokens), prices, strict=True))

    @property
    def money_cap(self) -> int | None:
        """The day's cap in billionths of the currency."""
        return None if self.money_per_day is None else _nano(self.money_per_day, 1_000_000_000, ROUND_FLOOR)


def _nano(amount: float, unit: int, rounding: str) -> int:
    """Return money as a whole number, of the decimal that was written and not of its float."""
    return int((Decimal(str(amount)) * unit).to_integral_value(rounding=rounding))
