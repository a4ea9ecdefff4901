"""Every control at its limit; and every comparison of the controls is tampered with, and some case must notice."""

from __future__ import annotations

import ast
import copy
import importlib.util
from pathlib import Path

import pytest

import darwin_core.live.controls

FOLDER = Path(darwin_core.live.controls.__file__).parent


def beside(name):
    """Load a file that lies here: with pytest's importlib mode the folder is not on the path."""
    spec = importlib.util.spec_from_file_location(f"controls_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cases = beside("cases")
CASES, PASS, REFUSE = cases.CASES, cases.PASS, cases.REFUSE
WHOLE = beside("wholes").WHOLE


def refused(kit, number):
    _, control, settings, intent, book, _ = CASES[number]
    facts = book(kit) if callable(book) else book
    return getattr(kit, control)(**settings).review(kit.intent(**intent), kit.book(**facts))


@pytest.mark.parametrize("number", range(len(CASES)), ids=[each[0] for each in CASES])
def test_a_control_refuses_above_its_limit_and_not_at_it(kit, number):
    reason = refused(kit, number)
    assert (reason is not None) == CASES[number][-1], reason


def test_every_refusal_names_the_limit(kit):
    for number, (name, control, settings, *_rest) in enumerate(CASES):
        reason = refused(kit, number)
        if reason is None or reason.startswith("stopped"):
            continue
        assert getattr(kit, control)(**settings).limit in reason, name


def test_every_control_has_a_case_on_either_side(kit):
    for control in kit.Controls().all:
        verdicts = {verdict for _, name, *_, verdict in CASES if name == type(control).__name__}
        assert verdicts == {PASS, REFUSE}, control.name


@pytest.mark.parametrize(("name", "function"), WHOLE, ids=[name.replace("_", " ") for name, _ in WHOLE])
def test_as_a_whole(kit, name, function):
    assert function(kit) is True


# The mutants

SWAPS = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip


def mutants(tree):
    """Yield (line, what was done, tree): one comparison, `and`, `or` or `not` changed at a time."""
    for number, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.Compare):
            for place, operator in enumerate(node.ops):
                for other in SWAPS[type(operator)]:
                    changed = copy.deepcopy(tree)
                    list(ast.walk(changed))[number].ops[place] = other()
                    yield node.lineno, f"{type(operator).__name__} -> {other.__name__}", changed
        if isinstance(node, ast.BoolOp):
            changed = copy.deepcopy(tree)
            list(ast.walk(changed))[number].op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield node.lineno, "and <-> or", changed
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            changed = copy.deepcopy(tree)
            hole = list(ast.walk(changed))[number]
            hole.op, hole.operand = ast.Not(), ast.UnaryOp(ast.Not(), hole.operand)
            yield node.lineno, "not dropped", ast.fix_missing_locations(changed)


def notices(kit):
    """Return whether some case fails."""
    for number, (*_, expected) in enumerate(CASES):
        try:
            if (refused(kit, number) is not None) != expected:
                return True
        except Exception:  # noqa: BLE001
            return True
    return any(not _holds(function, kit) for _, function in WHOLE)


def _holds(function, kit):
    try:
        return function(kit) is True
    except Exception:  # noqa: BLE001
        return False


def test_the_copy_that_is_tampered_with_passes_untouched(tampered):
    assert not notices(tampered())


@pytest.mark.parametrize("module", ["facts", "exposure", "book", "gates", "pace", "price", "bounds", "review"])
def test_a_case_notices_when_a_comparison_is_changed(tampered, module):
    tree = ast.parse((FOLDER / f"{module}.py").read_text())
    made = list(mutants(tree))
    survivors = []
    for line, what, changed in made:
        try:
            kit = tampered(module, changed)
        except Exception:  # noqa: BLE001, S112 - a mutant that does not even load was noticed
            continue
        if not notices(kit):
            survivors.append(f"{module}.py:{line}: {what}")
    assert made
    assert not survivors, f"{len(survivors)} of {len(made)}: {survivors}"
