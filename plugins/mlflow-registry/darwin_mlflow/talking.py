"""Asking MLflow: its surroundings while it is asked, and what goes wrong there in words."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from darwin_core import PluginError
from darwin_mlflow.settings import CREDENTIALS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from darwin_mlflow.settings import MlflowOptions

_LONGEST = 300
_REFUSALS = {"UNAUTHENTICATED": 401, "CUSTOMER_UNAUTHORIZED": 401, "PERMISSION_DENIED": 403}


def surroundings(settings: MlflowOptions) -> dict[str, str]:
    """Return the variables that MLflow is asked with; those that are set already stay as they are.

    MLflow's usage telemetry goes to its makers: a machine that trades does not send it.
    """
    return {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(settings.timeout_s),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(settings.retries),
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }


@contextmanager
def asking(settings: MlflowOptions, doing: str) -> Iterator[None]:
    """Set MLflow's surroundings, and put them back; turn its errors into words.

    Raises
    ------
    PluginError
        No answer, no answer in time, credentials that are refused, or what the server says.
    """
    unset = {name: value for name, value in surroundings(settings).items() if name not in os.environ}
    os.environ.update(unset)
    try:
        from mlflow.exceptions import MlflowException
        from requests.exceptions import RequestException

        try:
            yield
        except (MlflowException, RequestException, OSError) as error:
            raise PluginError(f"{settings.uri}: {_words(error)} ({doing})") from None
    finally:
        for name in unset:
            os.environ.pop(name, None)


def _words(error: BaseException) -> str:
    """Return what went wrong, for people."""
    from requests.exceptions import ConnectionError as NoConnection
    from requests.exceptions import Timeout

    causes = _causes(error)
    status = _status(causes)
    if status in (401, 403):
        names = f"{CREDENTIALS[0]} and {CREDENTIALS[1]}, or {CREDENTIALS[2]}"
        what = "it wants credentials, or refuses these" if status == 401 else "these credentials may not do that"
        return f"{what} (status {status}): set {names}"
    if any(isinstance(each, Timeout) or "timed out" in str(each) for each in causes):
        limit, retries = os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"], os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
        return f"no answer within {limit} s ({retries} retries)"
    if any(isinstance(each, NoConnection) for each in causes):
        return "there is no connection: is the server running there, and is the address right?"
    return f"{'status ' + str(status) + ': ' if status else ''}{_plain(error)}"


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and what it was raised for, innermost last."""
    found: list[BaseException] = []
    now: BaseException | None = error
    while now is not None and now not in found:
        found.append(now)
        now = now.__cause__ or now.__context__
    return found


def _status(causes: list[BaseException]) -> int | None:
    """Return the HTTP status of an answer that was refused, if there was an answer."""
    for each in causes:
        response = getattr(each, "response", None)
        if response is not None:
            return int(response.status_code)
        refusal = _REFUSALS.get(getattr(each, "error_code", ""))
        if refusal is not None:
            return refusal
    return None


def _plain(error: BaseException) -> str:
    """Return an error's first line: printable, and not endless."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(letter if letter.isprintable() else "?" for letter in lines[0])[:_LONGEST]
