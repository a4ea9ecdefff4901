"""One request to an endpoint, and what can become of it. Nothing that is said here holds the key."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from darwin_llm_expert.opinion import FORMATS

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from darwin_llm_expert.settings import Settings

_AGAIN = {408, 409, 425, 429}
_EVERYBODY = {401, 403, 404}
_SHOWN = 200


class Trouble(Exception):  # noqa: N818 - it is a state, and caught where the request was made
    """A request that brought no answer.

    Parameters
    ----------
    kind, words
        As in `Failure`.
    again
        Whether it may go better another time.
    wait
        Seconds that the endpoint asks for, if it does.
    billed
        Whether it may have cost money.
    everybody
        Whether the endpoint will say the same to every question.
    """

    def __init__(
        self, kind: str, words: str, *, again: bool = True, wait: float | None = None, billed: bool = True,
        everybody: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(words)
        self.kind, self.words, self.again, self.wait = kind, words, again, wait
        self.billed, self.everybody = billed, everybody


@frozen
class Reply:
    """What an endpoint answered.

    Parameters
    ----------
    text
        The model's words; None when `trouble` says why there are none to be used.
    usage
        Tokens of the prompt and of the answer, when the endpoint says so.
    """

    text: str | None
    trouble: Trouble | None
    usage: tuple[int, int] | None
    served: str | None


@define(eq=False)
class Endpoint:
    """A client for the time of one call; it follows no redirects and repeats nothing by itself."""

    settings: Settings
    _key: str = field(init=False, repr=False)
    _client: Any = field(init=False, repr=False)

    async def __aenter__(self) -> Self:
        """Make the client."""
        import openai

        for name in ("httpcore", "httpcore2"):  # at DEBUG it shows all that an endpoint sends back, were it the key
            logging.getLogger(name).setLevel(logging.INFO)
        settings = self.settings
        self._key = settings.key.reveal() if settings.key is not None else ""
        self._client = openai.AsyncOpenAI(
            api_key=self._key or "none",
            admin_api_key="none",  # else the environment's
            base_url=settings.base_url,
            max_retries=0,
            timeout=settings.timeout_s,
            http_client=openai.DefaultAsyncHttpxClient(follow_redirects=False),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._client.close()

    async def ask(self, messages: list[dict[str, str]]) -> Reply:
        """Send one request and return the reply; raise Trouble when there is none."""
        import openai

        settings = self.settings
        try:
            async with asyncio.timeout(settings.timeout_s):
                raw = await self._client.chat.completions.with_raw_response.create(**self._body(messages))
                text = raw.http_response.text
        except (TimeoutError, openai.APITimeoutError):
            raise Trouble("timeout", f"no answer within {settings.timeout_s:g} s") from None
        except openai.APIStatusError as error:
            raise self._of_status(error.response) from None
        except openai.APIConnectionError as error:
            raise Trouble("connection", f"the connection failed ({type(error.__cause__ or error).__name__})") from None
        except Exception as error:  # noqa: BLE001 - its text may hold what was sent
            raise Trouble("client", f"the request failed ({type(error).__name__})", again=False) from None
        return self._reply(text)

    def _body(self, messages: list[dict[str, str]]) -> dict[str, Any]:
        settings = self.settings
        body: dict[str, Any] = {"model": settings.model, "messages": messages, settings.limit: settings.max_tokens}
        if settings.temperature is not None:
            body["temperature"] = settings.temperature
        form = FORMATS[settings.structured]
        return body if form is None else {**body, "response_format": form}

    def _of_status(self, response: Any) -> Trouble:
        """Say what a status other than 200 means."""
        code = int(response.status_code)
        everybody, again = code in _EVERYBODY, code in _AGAIN or code >= 500
        # Who refuses a key repeats parts of it; of other refusals the endpoint's words help.
        said = "" if code in (401, 403) else self.clean(_message(response))
        words = f"the endpoint refuses with status {code}{': ' + said if said else ''}"
        wait = _seconds(response.headers.get("retry-after"))
        return Trouble("status", words, again=again, wait=wait, billed=False, everybody=everybody)

    def _reply(self, text: str) -> Reply:
        """Take a chat completion apart; what is not there is not assumed."""
        try:
            whole = json.loads(text)
            (choice, *_) = whole["choices"]
            message = choice["message"]
            content, refusal = message.get("content"), message.get("refusal")
            end = choice.get("finish_reason")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Trouble("malformed", "the endpoint's answer is no chat completion") from None
        trouble = None
        if refusal or end == "content_filter":
            trouble = Trouble("refusal", f"the model refuses: {self.clean(str(refusal or end))}", again=False)
        elif end == "length":
            trouble = Trouble(
                "length", f"the answer is longer than max_tokens = {self.settings.max_tokens}", again=False
            )
        elif not isinstance(content, str) or not content:
            trouble = Trouble("malformed", "the endpoint's answer holds no text")
        elif self._key and self._key in content:
            trouble = Trouble("secret", "the answer holds the key: it is not kept", again=False)
        served = whole.get("model")
        named = self.clean(served) if isinstance(served, str) else None
        return Reply(None if trouble else content, trouble, _usage(whole.get("usage")), named)

    def clean(self, text: str) -> str:
        """Return text without the key, on one line, and not too long."""
        hidden = text.replace(self._key, "***") if self._key else text
        printable = "".join(each if each.isprintable() else " " for each in hidden)
        return " ".join(printable.split())[:_SHOWN]


def _message(response: Any) -> str:
    """Return the endpoint's own words in an error, wherever it puts them."""
    try:
        found = response.json()
        found = found.get("error", found)
        found = found.get("message", "") if isinstance(found, dict) else found
    except Exception:  # noqa: BLE001 - no JSON, then there are none
        return ""
    return found if isinstance(found, str) else ""


def _seconds(header: str | None) -> float | None:
    """Return the seconds of Retry-After; a date would need a clock."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if 0.0 <= seconds < float("inf") else None


def _usage(found: Any) -> tuple[int, int] | None:
    if not isinstance(found, dict):
        return None
    counts = [found.get(name) for name in ("prompt_tokens", "completion_tokens")]
    if any(not isinstance(n, int) or isinstance(n, bool) or n < 0 for n in counts):
        return None
    return counts[0], counts[1]  # type: ignore[return-value]
