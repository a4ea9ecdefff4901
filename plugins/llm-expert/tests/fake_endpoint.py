"""An endpoint on loopback that speaks as much of the chat completions API as the client needs, and can misbehave."""

from __future__ import annotations

import json
import socket
import struct
import threading
import zlib
from collections import Counter
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USAGE = {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70}


def opinion(decision="follow", confidence=0.75, reason="calm"):
    return json.dumps({"reason": reason, "decision": decision, "confidence": confidence})


def by_its_hash(question):
    """Return an opinion that depends on the question alone."""
    number = zlib.crc32(question.encode())
    return opinion("follow" if number % 3 else "decline", (number % 101) / 100.0, f"for {number}")


def completion(content, finish="stop", usage=USAGE, **message):
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content, **message}}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "served-1", "choices": [choice]}
    return whole if usage is None else {**whole, "usage": usage}


class FakeEndpoint:
    """Answers each question by what is planned for it; ``plan[question]`` is a list of behaviours, one a request."""

    def __init__(self):
        self.plan, self.requests, self.lock = {}, [], threading.Lock()
        self.asked, self.at_once, self.most_at_once = Counter(), 0, 0
        self.default = lambda question: completion(by_its_hash(question))
        self.ending = threading.Event()

    def behave(self, handler, body):
        question = body["messages"][1]["content"]
        with self.lock:
            self.requests.append((body, {name.lower(): value for name, value in handler.headers.items()}))
            nth = self.asked[question]
            self.asked[question] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        planned = self.plan.get(question, self.plan.get("*", []))
        behaviour = planned[nth] if nth < len(planned) else self.default(question)
        try:
            if callable(behaviour):
                behaviour(self, handler)
            else:
                send(handler, json.dumps(behaviour).encode())
        finally:
            with self.lock:
                self.at_once -= 1


def send(handler, content, status=200, headers=(), length=None):
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    for name, value in headers:
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(content)


def refuses(status, message="no", **headers):
    content = json.dumps({"error": {"message": message, "type": "x", "code": None}}).encode()
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return lambda _, handler: send(handler, content, status, named)


def says(raw):
    return lambda _, handler: send(handler, raw)


def waits(_endpoint, handler):
    _endpoint.ending.wait(20)
    handler.close_connection = True


def breaks_off(_, handler):
    send(handler, b'{"id": "c", "choices": [{"mess', length=4000)
    handler.close_connection = True


def drips(endpoint, handler):
    """Send a byte now and then: no single read takes long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "4000")
    handler.end_headers()
    handler.close_connection = True
    for _ in range(4000):
        handler.wfile.write(b" ")
        if endpoint.ending.wait(0.05):
            return


def resets(_, handler):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


@contextmanager
def serving():
    """Serve a fake endpoint until the block ends; it knows its address."""
    endpoint = FakeEndpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/chat/completions"
            try:
                endpoint.behave(self, body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client has given up

        def finish(self):
            with suppress(OSError, ValueError):  # it was reset
                super().finish()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield endpoint
    finally:
        endpoint.ending.set()
        server.shutdown()
        server.server_close()
        thread.join()
