"""The options of ``[registry.mirror]``."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

from attrs import field, frozen
from attrs.validators import and_, ge, le, matches_re

CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


def _is_server(_options: object, _key: object, uri: str) -> None:
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{uri!r} is no MLflow server: write https://HOST:PORT, or http://127.0.0.1:PORT")
    if parts.username is not None:
        raise ValueError(f"a name or password does not stand in this file: set {', '.join(CREDENTIALS)}")
    if parts.scheme == "http" and not _this_machine(parts.hostname) and any(os.environ.get(n) for n in CREDENTIALS):
        raise ValueError(f"{uri} would get the credentials in the clear: use https")


def _this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@frozen
class MlflowOptions:
    """Where the server is.

    Parameters
    ----------
    uri
        ``https://HOST:PORT``; ``http://`` too, but not with credentials, unless it is this machine. ``file:///PATH`` is
        MLflow's own store in a folder.
    experiment
        Where the runs that hold the files go.
    prefix
        Before an agent's name in the names of the registered models, for deployments that share a server.
    timeout_s, retries
        For one request, in whole seconds, and how often it is tried again. The variables of MLflow
        (``MLFLOW_HTTP_REQUEST_TIMEOUT``, ``MLFLOW_HTTP_REQUEST_MAX_RETRIES``) go before these two.
    """

    uri: str = field(validator=_is_server)
    experiment: str = field(default="darwin", validator=matches_re(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,79}"))
    prefix: str = field(default="", validator=matches_re(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,39})?"))
    timeout_s: int = field(default=20, validator=and_(ge(1), le(600)))
    retries: int = field(default=2, validator=and_(ge(0), le(5)))
