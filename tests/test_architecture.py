"""The rules of the house that a machine can check."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver

from config.celery import app

ROOT = Path(settings.BASE_DIR)
HEAVY = {"sklearn", "skl2onnx", "onnx", "onnxruntime", "torch", "cv2", "scipy", "numpy"}
FETCHED = ("axe-core", "Chromium", "jq", "MYSQL_URL", "media")
"""What a machine may lack and CI installs: a test may be skipped for no other reason, for a skipped one fails CI."""
OF_OTHER_SERVICES = {"boto3", "botocore", "redis", "dns", "rich", "requests", "PIL"}
"""What a web process without S3 and Redis has no use for; with them some of it is needed."""


def test_imports_go_one_way():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_migrations_are_named_by_hand():
    names = [
        path.stem
        for app_name in ("accounts", "learning", "training", "deployments")
        for path in ROOT.glob(f"{app_name}/migrations/0*.py")
    ]
    assert names
    assert not [name for name in names if re.search(r"_auto_|_initial$|_and_more$", name)]


def test_every_task_that_is_queued_or_scheduled_exists():
    app.loader.import_default_modules()
    queued = {
        name for path in ROOT.glob("*/actions/*.py") for name in re.findall(r"enqueue\(\s*\"([\w.]+)\"", path.read_text())
    }
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert queued
    assert queued | scheduled <= set(app.tasks), "a name that no worker knows would never run"


def test_the_web_imports_nothing_heavy():
    code = "import config.wsgi, sys; from django.urls import get_resolver; get_resolver().url_patterns; print('\\n'.join(sys.modules))"
    embedded = {
        name: value
        for name, value in os.environ.items()
        if name not in ("STORE_URL", "STORE_READ_URL", "REDIS_URL", "OIDC_ISSUER")
    }
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=embedded, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "django" in loaded
    assert not loaded & (HEAVY | OF_OTHER_SERVICES)


def test_pictures_of_the_pages_stay_small():
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs" / "screenshots").glob("*.png")}
    assert sizes
    assert {name for name, size in sizes.items() if size >= 150_000} == set()


def patterns(resolver: URLResolver, prefix: str = "") -> list[str]:
    found = []
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        found += (
            patterns(pattern, path) if isinstance(pattern, URLResolver) else [path] if isinstance(pattern, URLPattern) else []
        )
    return found


OPEN = re.compile(r"^(live|ready|metrics|store/|accounts/|admin/|api/v1/(schema|docs|edge/enrol|edge/trust))")


def filled(path: str) -> str:
    path = re.sub(r"\(\?P<\w+>[^)]*\)", "1", re.sub(r"<(\w+:)?\w+>", "1", path))
    return "/" + re.sub(r"/\?|[\^$\\Z?]", "", path.replace("\\Z", "")).replace("(.*)", "x")


@pytest.mark.django_db
def test_every_url_refuses_a_stranger(client):
    paths = [path for path in patterns(get_resolver()) if not OPEN.match(path)]
    assert len(paths) > 30
    for path in paths:
        answer = client.get(filled(path))
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/accounts/login/"), path
        else:
            assert answer.status_code in (401, 403, 404, 405), (path, answer.status_code)


def test_tests_are_skipped_only_where_something_is_missing_that_ci_fetches():
    skipping = re.compile(r"pytest\.(?:mark\.)?(?:skip|skipif|xfail)\b.*")
    lines = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in sorted(ROOT.glob("tests/**/*.py"))
        if "long" not in path.parts and path != Path(__file__)
        for line in skipping.findall(path.read_text())
    ]
    assert len(lines) > 5
    assert not [line for line in lines if not any(each in line for each in FETCHED)]
