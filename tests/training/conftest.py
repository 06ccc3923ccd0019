"""Trainers that misbehave, installed for one test."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from training.trainers.registry import trainers

collect_ignore = [] if find_spec("torch") else ["test_deep_trainers.py"]  # the extra torch: `make install-torch`
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
