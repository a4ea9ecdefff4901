"""``darwin bench inference`` with backends of a test's own, so that their faults are known."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pytest

from darwin_core import ConfigError
from darwin_core.cli import bench
from darwin_core.testing import fake_distribution

SOURCE = """
import numpy as np
from darwin_core import PluginError, hookimpl

class Model:
    inputs, outputs = 3, 2
    def predict(self, rows):
        out = np.stack([rows[:, 0] + rows[:, 1], rows[:, 2]], axis=1)
        {twist}
        return out

class Backend:
    batch_invariant = {invariant}
    def load(self, model, golden=None):
        if model == b"broken":
            raise PluginError("these 6 bytes are no model [of mine]")
        return Model()

@hookimpl
def make_backend(options):
    {made}
"""
PROJECT = """
[project]
name = "acme-{name}"
version = "1.2.0"
[project.entry-points.darwin]
{name} = "acme_{name}"
[tool.flit.module]
name = "acme_{name}"
"""


@pytest.fixture
def backends(tmp_path, monkeypatch):
    """Return a function that installs backends and hides those that are installed here."""
    open_ones = []

    def install(**sources):
        for name, source in sources.items():
            project = tmp_path / name
            project.mkdir()
            (project / "pyproject.toml").write_text(PROJECT.format(name=name))
            (project / f"acme_{name}.py").write_text(source)
            open_ones.append(fake_distribution(project, tmp_path / f"site-{name}"))
            open_ones[-1].__enter__()
        found = {name: plugin for name, plugin in plugins.installed().items() if name in sources}
        monkeypatch.setattr(plugins, "installed", lambda: found)

    from darwin_core import plugins

    yield install
    for each in reversed(open_ones):
        each.__exit__(None, None, None)


def source(twist="pass", *, invariant=True, made="return Backend()"):
    return SOURCE.format(twist=twist, invariant=invariant, made=made)


def measure(*words, before=()):
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    bench.add_arguments(parser)
    return bench.run(parser.parse_args([*before, "inference", *words, "--seconds", "0.001"]))


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "policy.onnx"
    path.write_bytes(b"whatever")
    return str(path)


def test_it_measures_every_backend_at_every_batch(backends, model, capsys):
    backends(first=source(), second=source("out[:, 1] += np.float32(0.25)"), other="x = 1\n")
    found, status = measure(model)
    assert status == 0
    assert [each["name"] for each in found["backends"]] == ["first", "second"]
    for each in found["backends"]:
        assert [row["batch"] for row in each["batches"]] == [1, 8, 64, 512, 4096]
        for row in each["batches"]:
            assert 0.0 < row["p50_seconds"] <= row["p99_seconds"]
            assert row["calls"] >= 20
    assert found["largest_difference"] == pytest.approx(0.25, abs=1e-6)
    shown = capsys.readouterr().out
    assert "inference of policy.onnx" in shown
    assert "4,096" in shown
    assert "largest difference between backends: 0.25" in shown
    assert "first: a row has the same bits in every batch measured\n" in shown


def test_with_json_it_prints_nothing_itself(backends, model, capsys):
    backends(only=source())
    found, _ = measure(model, before=["--json"])
    assert capsys.readouterr() == ("", "")
    assert found["largest_difference"] is None
    assert json.loads(json.dumps(found)) == found


def test_a_backend_that_depends_on_the_batch_is_shown_up(backends, model, capsys):
    mixing = "out += np.float32(len(rows))"
    backends(honest=source(mixing, invariant=False), liar=source(mixing))
    found, _ = measure(model)
    assert [each["own_difference"] for each in found["backends"]] == pytest.approx([4095.0, 4095.0], abs=1e-3)
    shown = " ".join(capsys.readouterr().out.split())
    assert "honest: a row changes by up to 4.1e+03 with the size of its batch: live decisions may part" in shown
    assert "liar: a row changes by up to 4.1e+03 with the size of its batch, and it says that it does not" in shown


def test_a_nan_that_only_one_backend_answers_counts_as_infinitely_different(backends, model):
    backends(first=source(), second=source("out[0, 0] = np.nan"))
    assert measure(model, before=["--json"])[0]["largest_difference"] == np.inf


def test_a_backend_that_refuses_the_model_is_named_with_its_reason(backends, model, tmp_path, capsys):
    (tmp_path / "broken.onnx").write_bytes(b"broken")
    backends(only=source())
    found, status = measure(str(tmp_path / "broken.onnx"))
    assert status == 1
    assert found["backends"] == []
    assert "only (acme-only 1.2.0): these 6 bytes are no model [of mine]" in capsys.readouterr().out


def test_a_backend_that_cannot_be_made_does_not_stop_the_others(backends, model):
    backends(bad=source(made="raise ImportError('no such library')"), good=source())
    found, status = measure(model, before=["--json"])
    assert status == 0
    assert [each["name"] for each in found["backends"]] == ["good"]
    assert "ImportError: no such library" in found["failed"][0]["why"]


@pytest.mark.parametrize("sizes", ["5", "5,x", "5,0", "", "5,-3", "5,,2", "9,99999"])
def test_sizes_that_are_none_are_refused(backends, sizes):
    backends(only=source())
    with pytest.raises(ConfigError, match="write two numbers or more from 1 to 8192"):
        measure("--sizes", sizes)


def test_a_model_and_sizes_at_once_are_refused_and_so_is_a_file_that_is_not_there(backends, model, tmp_path):
    backends(only=source())
    with pytest.raises(ConfigError, match="not both"):
        measure(model, "--sizes", "3,2")
    with pytest.raises(ConfigError, match=r"nowhere.onnx cannot be read: No such file"):
        measure(str(tmp_path / "nowhere.onnx"))


def test_without_any_backend_it_says_what_to_install(backends, model):
    backends(other="x = 1\n")
    with pytest.raises(ConfigError, match="no inference backend is installed: pip install darwin-onnx"):
        measure(model)


def test_the_made_up_network_has_the_sizes_that_were_asked_for():
    onnx = pytest.importorskip("onnx")
    made = onnx.load_from_string(bench.network([5, 7, 2]))
    onnx.checker.check_model(made, full_check=True)
    assert [tuple(w.dims) for w in made.graph.initializer] == [(7, 5), (7,), (2, 7), (2,)]
    assert bench.network([5, 7, 2]) == bench.network([5, 7, 2])
