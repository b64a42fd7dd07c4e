"""The examples in the docstrings run, each against a store of its own, called `store`."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import cms


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    names = [f"cms.{found.name}" for found in pkgutil.iter_modules(cms.__path__) if found.name != "_native"]
    modules = [cms, *map(importlib.import_module, names)]
    return [test for module in modules for test in finder.find(module, module.__name__) if test.examples]


@pytest.mark.parametrize("test", examples(), ids=lambda test: test.name)
def test_docstring(test: doctest.DocTest, store: cms.Store, capsys: pytest.CaptureFixture[str]) -> None:
    test.globs.update(store=store, cms=cms)
    outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert outcome.failed == 0, capsys.readouterr().out


def test_there_are_examples() -> None:
    assert len(examples()) > 10
