"""Loaded before Django's settings: the suite's files lie in a folder of its own, never in the one a demo runs in.

Where the suite runs in several processes, each has a database of its own in Redis; pytest-django sees to the others.
"""

import atexit
import os
import shutil
import tempfile

if "VAR_DIR" not in os.environ:
    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="command-centre-tests-")
    if "PYTEST_XDIST_WORKER" not in os.environ:  # the workers share what the controller made
        atexit.register(shutil.rmtree, os.environ["VAR_DIR"], ignore_errors=True)

# What logs in by OpenID Connect is there in tests; tests/conftest.py takes its server away, and those of it bring their own
os.environ.setdefault("OIDC_ISSUER", "https://issuer.example.org")

# As many processes test as there are cores: to compute in several threads beside them is to wait for one another
os.environ.setdefault("OMP_NUM_THREADS", "1")

if (worker := os.environ.get("PYTEST_XDIST_WORKER")) and os.environ.get("REDIS_URL"):
    os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{int(worker.removeprefix('gw')) + 1}"
