"""What the demo does not touch."""

import subprocess
import sys

import pytest
from django.conf import settings

from tests import templates
from tests.config import playing

pytestmark = pytest.mark.loop


def test_the_demo_leaves_a_database_it_did_not_make_alone(tmp_path):
    with playing.own_database(tmp_path) as database:
        for arguments in ([] if templates.is_made() else [["migrate", "-v0"]]) + [["addorganization", "real"]]:
            command = [sys.executable, "manage.py", *arguments]
            subprocess.run(command, cwd=settings.BASE_DIR, env=playing.environment(tmp_path, database), check=True)
        done = playing.ended(tmp_path, database)
    assert done.returncode == 1
    assert "holds data that no demo made" in done.stderr
    assert not (tmp_path / "demo.json").exists()
