"""Plugins in one file, written for a test: a right one and its broken twins."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import sys
import textwrap

import pytest

from darwin_core import testing

_numbers = itertools.count()


def run_case(tests, name, folder):
    """Run one case of a suite as pytest would."""
    case = getattr(tests, name)
    case(folder) if "tmp_path" in inspect.signature(case).parameters else case()


def cases(suite):
    """Return the names of a suite's cases."""
    return [name for name in dir(suite) if name.startswith("test_")]


@pytest.fixture
def suite_of(tmp_path):
    """Return a function that writes a plugin and a suite for it, and returns the suite's class."""

    def write(kind, source, body="pass"):
        number = next(_numbers)
        (tmp_path / f"plugin_{number}.py").write_text(source, encoding="utf-8")
        head = f"from darwin_core.testing import *\n\nclass TestTwin({kind}):\n    use = './plugin_{number}.py'\n"
        file = tmp_path / f"suite_{number}.py"
        file.write_text(head + textwrap.indent(textwrap.dedent(body), "    "), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(f"darwin_twin_{number}", file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module.TestTwin

    return write


@pytest.fixture
def twins(suite_of, tmp_path):
    """Return a function that checks that a case passes on the right plugin and fails on its broken twin."""

    def check(twin, right_source, right_body):
        name = case_named(getattr(testing, twin.suite), twin.case)
        wrong = right_source
        for old, new in twin.changes:
            assert old in wrong, f"the twin changes {old!r}, which is not there"
            wrong = wrong.replace(old, new)
        run_case(suite_of(twin.suite, right_source, right_body)(), name, tmp_path / "right")
        with pytest.raises(AssertionError) as raised:
            run_case(suite_of(twin.suite, wrong, twin.body or right_body)(), name, tmp_path / "wrong")
        assert twin.says in str(raised.value)

    return check


@pytest.fixture
def passes_everything(suite_of, tmp_path):
    """Return a function that runs every case of a suite on a right plugin."""

    def check(kind, source, body):
        suite = suite_of(kind, source, body)
        for name in cases(suite):
            run_case(suite(), name, tmp_path / name)

    return check


def case_named(suite, case_id):
    """Return the name of the case with an id."""
    found = [name for name in cases(suite) if getattr(suite, name).__doc__.startswith(f"{case_id}: ")]
    assert len(found) == 1, f"{suite.__name__} has {len(found)} cases {case_id}"
    return found[0]
