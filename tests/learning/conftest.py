"""What tests of the learning store share: what it announces to the apps above."""

import pytest

from core.hooks import samples_settled


@pytest.fixture
def heard(monkeypatch):
    """Everything that `samples_settled` announced, in order; nobody else listens meanwhile."""
    changes = []
    monkeypatch.setattr(samples_settled, "subscribers", [changes.extend])
    return changes


@pytest.fixture(autouse=True)
def _the_same_draw_in_every_run(settings):
    """Who is given gold when is drawn with the secret, which is another one on every machine."""
    settings.SECRET_KEY = "gold"
