"""The suites for feeds, backends, reporters and brokers fail on what breaks its contract, and on nothing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

import pytest

from darwin_core import testing

FEED = """
import hashlib
import attrs
import numpy as np
from darwin_core import Bars, hookimpl

@attrs.frozen
class Settings:
    path: str

class Feed:
    fields = ("open", "high", "low", "close", "volume")
    timezone = "UTC"
    interval = 86_400_000_000_000
    def __init__(self, path):
        self.path = path
        table = np.loadtxt(path, delimiter=",")
        self.digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.symbols = ("A", "B")
        self.time = table[:, 0].astype(np.int64) * self.interval
        close = table[:, 1:]
        self.values = dict(open=close, high=close * 1.01, low=close * 0.99, close=close, volume=close * 0 + 5.0)
        self.values = {name: np.ascontiguousarray(v) for name, v in self.values.items()}
        self.finish()
        self.time.flags.writeable = False
        for v in self.values.values():
            v.flags.writeable = False
    def finish(self):
        pass
    def times(self):
        return self.time
    def read(self, a, b):
        return Bars(self.time[a:b], self.symbols, {k: v[a:b] for k, v in self.values.items()}, {}, self.timezone)
    def fingerprint(self):
        return self.digest
    def findings(self):
        return ()

@hookimpl
def make_feed(options):
    return Feed(options.folder / options.into(Settings).path)
"""
FEED_BODY = """
options = {"path": "prices.csv"}

def prepare(self, folder):
    rows = [f"{day},{100 + day % 7},{50 + day % 5 if day % 9 else 'nan'}" for day in range(1, 60)]
    (folder / "prices.csv").write_text("\\n".join(rows))

def disturb(self, folder):
    file = folder / "prices.csv"
    file.write_text(file.read_text().replace("101", "101.5"))
"""

BACKEND = """
import io
import attrs
import numpy as np
from darwin_core import PluginError, hookimpl

SEEN = []

@attrs.frozen
class Backend:
    batch_invariant = True
    def load(self, model, golden=None):
        try:
            return Model(np.load(io.BytesIO(model), allow_pickle=False))
        except Exception as error:
            raise PluginError("no weights") from error

@attrs.frozen
class Model:
    weights: object
    inputs = property(lambda self: self.weights.shape[0])
    outputs = property(lambda self: self.weights.shape[1])
    def predict(self, rows):
        out = np.zeros((len(rows), self.outputs), np.float32)
        for f in range(self.inputs):
            with np.errstate(invalid="ignore"):
                out += rows[:, f : f + 1] * self.weights[f]
        out[~np.isfinite(rows).all(axis=1)] = np.nan
        return out

@hookimpl
def make_backend(options):
    return options.into(Backend)
"""
BACKEND_BODY = """
width = 64

def model(self):
    import io
    import numpy as np
    file = io.BytesIO()
    np.save(file, np.random.default_rng(0).normal(size=(64, 8)).astype("f4"))
    return file.getvalue()
"""

REPORTER = """
import attrs
from darwin_core import hookimpl

@attrs.frozen
class Reporter:
    def report(self, run):
        path = run.folder / "note.txt"
        path.write_text(str(run.info["digest"]))
        return f"note: {path.name}"

@hookimpl
def make_reporter(options):
    return options.into(Reporter)
"""

RIGHT = {
    "FeedTests": (FEED, FEED_BODY),
    "BackendTests": (BACKEND, BACKEND_BODY),
    "ReporterTests": (REPORTER, "pass"),
}


class Twin(NamedTuple):
    suite: str
    case: str
    says: str
    changes: list[tuple[str, str]]
    body: str = ""


def _feed(case, says, *changes, body=""):
    return Twin("FeedTests", case, says, list(changes), body)


def finish(code):
    """Change what the feed holds before it closes its arrays."""
    return ("    def finish(self):\n        pass", f"    def finish(self):\n        {code}")


TWINS = [
    _feed("E1", "do not increase after row 3", finish("self.time[4] = self.time[3]")),
    _feed("E1", "are float64, not int64", finish("self.time = self.time.astype(float)")),
    _feed("E1", "has no bars", finish("self.time = self.time[:0].copy()")),
    _feed("E2", "is no IANA zone", ('timezone = "UTC"', 'timezone = "New York"')),
    _feed("E2", "a symbol is there twice", ('("A", "B")', '("A", "A")')),
    _feed("E2", "there is no field 'price'", ('"close", "volume")', '"close", "price")')),
    _feed("E2", "the interval is 86400.0", ("interval = 86_400_000_000_000", "interval = 86_400.0"), ("* self.interval", "* 86_400_000_000_000")),
    _feed("E2", "other symbols than the feed", ("self.time[a:b], self.symbols,", 'self.time[a:b], ("B", "A"),')),
    _feed("E3", "and the same rows of all", ("{k: v[a:b] for k, v in", "{k: v[a:b] / v[a:a + 1].max(initial=1.0) for k, v in")),
    _feed("E3", "and the same rows of all", ("def read(self, a, b):", "def read(self, a, b):\n        a = max(0, a - 1)")),
    _feed("E4", "can be written to", ("            v.flags.writeable = False", "            pass")),
    _feed("E4", "is float32, not float64", finish("self.values['close'] = self.values['close'].astype('f4')")),
    _feed("E4", "has shape", finish("self.values['open'] = self.values['open'][:, :1].copy()")),
    _feed("E5", "close is -1.0", finish("self.values['close'][3, 0] = -1.0")),
    _feed("E5", "open is inf", finish("self.values['open'] = self.values['open'] / 0.0")),
    _feed("E5", "missing where close is not", finish("self.values['open'] = np.nan_to_num(self.values['open'], nan=1.0)")),
    _feed("E5", "low is above", finish("self.values['low'] = self.values['high'] * 1.1")),
    _feed("E5", "every bar is missing", finish("self.values = {k: v * np.nan for k, v in self.values.items()}")),
    _feed("E6", "in another folder", ("return self.digest", "return hashlib.sha256(str(self.path).encode()).hexdigest()")),
    _feed("E6", "a price changed and the fingerprint did not", ("return self.digest", "return hashlib.sha256(repr(self.symbols).encode()).hexdigest()")),
    _feed("E6", "is not hexadecimal", ("return self.digest", "return 'version-1-of-the-data'")),
    _feed("E6", "give TestTwin a method disturb", body=FEED_BODY.replace("def disturb", "def disturbed")),
    _feed("E7", "a finding is no sentence", ("return ()", "return (3,)")),
    _feed("E7", "change from call to call", ("return ()", "self.count = getattr(self, 'count', 0) + 1; return [str(self.count)]")),
    Twin("BackendTests", "B1", "not (N, A)", [("return out", "return out[:, 0]")]),
    Twin("BackendTests", "B1", "float64", [("return out", "return out.astype('f8')")]),
    Twin("BackendTests", "B1", "returned shape (1, 8), not (2, 8)", [("return out", "return out[:1]")]),
    Twin("BackendTests", "B1", "is not finite", [("return out", "return out / np.float32(0.0)")]),
    Twin("BackendTests", "B1", "reads 8 columns, not 64", [("self.weights.shape[0]", "self.weights.shape[1]")]),
    Twin("BackendTests", "B2", "in the batch and by themselves", [("return out", "return rows @ self.weights")]),
    Twin("BackendTests", "B2", "in the batch and by themselves", [("return out", "return out - out.mean(axis=0)")]),
    Twin("BackendTests", "B2", "is True or False", [("batch_invariant = True", "batch_invariant = 'yes'")]),
    Twin("BackendTests", "B3", "it writes to its input", [("return out", "rows -= rows.mean(); return out")]),
    Twin("BackendTests", "B3", "it changed its input", [("return out", "rows.flags.writeable = True; rows[:] = 0.0; return out")]),
    Twin("BackendTests", "B4", "after another question", [("return out", "SEEN.append(1); return out + np.float32(len(SEEN))"), ("def make_backend(options):", "def make_backend(options):\n    SEEN.clear()")]),
    Twin("BackendTests", "B4", "when the next question was asked", [("out = np.zeros((len(rows), self.outputs), np.float32)", "out = MEMORY[:len(rows)]; out[:] = 0.0"), ("SEEN = []", "SEEN = []\nMEMORY = np.zeros((200, 8), np.float32)"), ("rows[:, f : f + 1]", "rows[::-1, f : f + 1]")]),
    Twin("BackendTests", "B5", "raise ValueError, not PluginError", [("raise PluginError", "raise ValueError")]),
    Twin("BackendTests", "B5", "are taken for a model", [('raise PluginError("no weights") from error', "return None")]),
    Twin("BackendTests", "B6", "a row with nan is answered by", [("return out", "return np.nan_to_num(out)")]),
    Twin("BackendTests", "B6", "other rows change", [("return out", "return out if np.isfinite(out).all() else out * np.float32(np.nan)")]),
    Twin("ReporterTests", "R1", "returned PosixPath", [('return f"note: {path.name}"', "return path")]),
    Twin("ReporterTests", "R1", "no line of text", [('return f"note: {path.name}"', 'return "a\\nb"')]),
    Twin("ReporterTests", "R2", "run.json is not as it was", [('"note.txt"', '"run.json"')]),
    Twin("ReporterTests", "R2", "equity.parquet is missing", [('path = run.folder / "note.txt"', '(run.folder / "equity.parquet").unlink(); path = run.folder / "note.txt"')]),
    Twin("ReporterTests", "R3", "fails when it is told again", [('path = run.folder / "note.txt"', 'path = run.folder / "note.txt"; path.touch(exist_ok=False)')]),
    Twin("ReporterTests", "R3", "it answers differently", [('return f"note: {path.name}"', "import itertools; return f'note {next(COUNT)}'"), ("import attrs", "import attrs, itertools\nCOUNT = itertools.count()")]),
]  # fmt: skip


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: f"{twin.suite[:-5]}-{twin.case}-{twin.says[:24]}")
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_each_case_passes_the_right_plugin_and_fails_its_broken_twin(twins, twin):
    source, body = RIGHT[twin.suite]
    twins(twin, source, body)


@pytest.mark.parametrize("kind", RIGHT)
def test_the_right_plugin_passes_every_case(passes_everything, kind):
    passes_everything(kind, *RIGHT[kind])


def test_a_backend_that_says_it_is_not_batch_invariant_is_taken_at_its_word(suite_of):
    source = BACKEND.replace("return out", "return rows @ self.weights").replace(
        "batch_invariant = True", "batch_invariant = False"
    )
    suite_of("BackendTests", source, BACKEND_BODY)().test_batch_invariant_where_it_says_so()


SUITES = [getattr(testing, name) for name in testing.__all__ if name.endswith("Tests")]


def _ids(suite):
    documents = [getattr(suite, name).__doc__ for name in dir(suite) if name.startswith("test_")]
    return [text.partition(":")[0] for text in documents]


def test_every_case_has_an_id_of_its_own_a_sentence_and_a_remedy():
    for suite in SUITES:
        ids = _ids(suite)
        assert len(set(ids)) == len(ids), suite.__name__
        for name in dir(suite):
            if name.startswith("test_"):
                first, _, rest = getattr(suite, name).__doc__.partition("\n")
                assert first[0].isupper(), name
                assert first[1].isdigit(), name
                assert first.endswith("."), name
                assert "When it fails: " in rest, name


def test_every_case_has_a_broken_twin():
    twins = [*TWINS]
    for name in ("test_agent_twins", "test_market_twins"):
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        twins += module.TWINS
    covered = {(twin.suite, twin.case) for twin in twins}
    shared = {case for suite, case in covered if suite == "AgentTests"}
    for suite in SUITES:
        if suite.__name__ in ("BrokerTests", "StreamTests"):
            continue  # the first's twins stand with the paper broker; the second's streams with the panel feed
        for case in _ids(suite):
            assert (suite.__name__, case) in covered or case in shared, f"{suite.__name__} {case}"
