"""Ends a process with SIGKILL at the n-th line of Python that it executes, standard library included.

    with Killing(Path("order_path.py"), "trade") as killing:
        lines = killing.count(folder)          # one undisturbed run, in a process of its own
        killing.kill(lines // 2, other)        # the same run, killed halfway
        killing.run(other)                     # what a restart makes of it

The file is imported once, in a process without threads; every run is a fork of that process, which costs milliseconds.
What SIGKILL leaves is what the operating system has: files are as the process wrote them. It says nothing of a power
failure, which also loses what was not synced.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class Killing:
    """Runs one function of a file, called with text arguments, in processes that can be killed."""

    def __init__(self, file: Path, function: str) -> None:
        path = os.pathsep.join([str(file.parent), *filter(None, sys.path)])
        self._server = subprocess.Popen(
            [sys.executable, __file__, str(file), function], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.close()
        self._server.wait(timeout=30)
        self._server.stdout.close()

    def run(self, *arguments: object) -> None:
        """Run it undisturbed; raise RuntimeError with its traceback when it fails."""
        self._ask(0, arguments, counted=False)

    def count(self, *arguments: object) -> int:
        """Run it undisturbed; return how many lines it executed."""
        return int(self._ask(0, arguments, counted=True)["lines"])

    def kill(self, at: int, *arguments: object) -> bool:
        """Run it and kill it when it executes its line number `at`, from 1; False when it ended before."""
        return bool(self._ask(at, arguments, counted=True)["killed"])

    def _ask(self, at: int, arguments: tuple[object, ...], *, counted: bool) -> dict[str, Any]:
        assert self._server.stdin
        assert self._server.stdout
        request = {"at": at, "arguments": [str(each) for each in arguments], "counted": counted}
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the process that is forked from is gone")
        answer: dict[str, Any] = json.loads(line)
        if answer["error"]:
            raise RuntimeError(answer["error"])
        return answer


def serve(file: Path, function: str) -> None:
    """Fork for every request on stdin; answer on stdout."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    target = getattr(module, function)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the function prints is no answer
    for line in sys.stdin:
        answers.write(json.dumps(_fork(target, json.loads(line))) + "\n")
        answers.flush()


def _fork(target: Callable[..., object], request: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _child(target, request, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if killed:
        return {"killed": True, "lines": request["at"], "error": ""}
    answer = json.loads(told) if told else {"lines": 0, "error": f"it ended with status {status}"}
    return {"killed": False, **answer}


def _child(target: Callable[..., object], request: dict[str, Any], pipe: int) -> None:
    lines, error = 0, ""
    try:
        with counting(request["at"]) if request["counted"] else contextlib.nullcontext([0]) as counted:
            target(*request["arguments"])
        lines = counted[0]
    except BaseException:  # noqa: BLE001 - told to the caller
        error = traceback.format_exc()
    os.write(pipe, json.dumps({"lines": lines, "error": error}).encode())
    os._exit(0)


@contextlib.contextmanager
def counting(at: int) -> Any:
    """Count the lines that are executed inside, on every thread begun inside too; at line number `at`, die."""
    counted = [0]

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            counted[0] += 1
            if counted[0] == at:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    threading.settrace(trace)
    sys.settrace(trace)
    try:
        yield counted
    finally:
        sys.settrace(None)
        threading.settrace(None)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2])
