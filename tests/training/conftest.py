"""Trainers that misbehave, installed for one test."""

from pathlib import Path

import pytest

from training.trainers.registry import trainers

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def bad_trainers(monkeypatch):
    """Make the entry points of bad_trainers-1.dist-info known, as an installed package would."""
    monkeypatch.syspath_prepend(str(PROGRAMS))
    trainers.cache_clear()
    yield
    monkeypatch.undo()
    trainers.cache_clear()


@pytest.fixture(autouse=True)
def _own_var(tmp_path, settings):
    """Give each test a folder of copies and runs of its own."""
    settings.VAR = tmp_path / "var"
