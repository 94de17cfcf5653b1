"""The examples in the docstrings of the public entry points run and give what they show."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest
from blocks import ROOT

import lipiyana

MODULES = {
    "lipiyana": {"lipiyana"},
    "lipiyana.client.asynchronous": {"AsyncClient"},
    "lipiyana.client.synchronous": {"Client"},
    "lipiyana.errors": {"LipiyanaError"},
    "lipiyana.inputs": {"Frame", "RawImage", "RecognitionConfig"},
    "lipiyana.pipeline": {"LocalRecognizer"},
    "lipiyana.recognizer": {"FrameResult", "Recognizer"},
    "lipiyana.server": {"server"},
    "lipiyana.types": {"Box", "Recognition", "Registration"},
}
"""The modules, each with what has an example there."""


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    module = import_module(name)
    found = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert {test.name.rpartition(".")[2] for test in found} == MODULES[name]
    assert not [e for test in found for e in test.examples if doctest.SKIP in e.options]
    result = doctest.testmod(module)
    assert (result.failed, result.attempted) == (0, sum(len(test.examples) for test in found))


def test_entry_points_have_an_example() -> None:
    entries = set().union(*MODULES.values())
    assert {"AsyncClient", "Client", "LocalRecognizer", "RecognitionConfig"} <= entries
    assert entries - {"lipiyana", "server"} <= set(lipiyana.__all__)
