"""Settings: the table is complete, wrong ones are said with an id and a way to mend them, and doctor says the rest."""

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from io import StringIO

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.utils import timezone

from config import doctor, reference
from config.models import Backup, Pulse
from config.tasks import pulse
from tests import people
from training import trust
from training.models import TrustDocument

READ = re.compile(r"env\.\w+\(\s*\"([A-Z_]+)\"")
PRODUCTION = {
    "PUBLIC_URL": "https://hub.example.org",
    "ALLOWED_HOSTS": "hub.example.org",
    "DATABASE_URL": "postgres://hub:word@db.example.org/hub",
    "REDIS_URL": "redis://redis.example.org/0",
    "STORE_URL": "s3://KEY:SECRET@objects?region=eu-central-1",
    "STORE_PUBLIC_URL": "https://objects.example.org",
    "SECRET_KEY": "fJ3qT8mWzX1cV5bN7kL9pR2sD4gH6yU0aE8iO3uQ5tW7rY1xZfJ3qT8mW",
    "METRICS_TOKEN": "a-long-word",
    "MFA_REQUIRED_FOR_SUPER_ADMINS": "true",
    "TRUSTED_PROXIES": "1",
}


def test_the_page_is_written_from_the_table_and_the_table_knows_every_setting():
    call_command("settings", check=True)
    read = {
        name
        for path in ("settings.py", "services.py")
        for name in READ.findall((django_settings.BASE_DIR / "config" / path).read_text())
    }
    assert len(read) > 30
    assert read == reference.names()


def ids(**_):
    return {found.id for found in run_checks(include_deployment_checks=True) if not found.is_silenced()}


@pytest.mark.parametrize(
    ("number", "changed"),
    [
        ("cc.E001", {"PUBLIC_URL": "hub.example.org"}),
        ("cc.E002", {"PUBLIC_URL": "https://elsewhere.example.org"}),
        ("cc.E003", {"LEASE_MINUTES": 0}),
        ("cc.E004", {"LEDGER_DIR": "/nowhere/at/all"}),
        ("cc.E010", {"PUBLIC_URL": "http://hub.example.org"}),
        ("cc.E011", {"PUBLIC_URL": "https://localhost"}),
        ("cc.E011", {"PUBLIC_URL": "https://web:8000"}),
        ("cc.E011", {"PUBLIC_URL": "https://10.0.0.7"}),
        ("cc.E012", {"DEBUG": True}),
        ("cc.E013", {"IS_SECRET_KEY_MADE": True}),
        ("cc.E014", {"ALLOWED_HOSTS": ["*"]}),
        ("cc.E015", {"WEB_HOSTS": 2, "REDIS_URL": ""}),
        ("cc.W002", {"REDIS_URL": ""}),
        ("cc.W005", {"APPROVAL_FOUR_EYES": False}),
        ("cc.W006", {"METRICS_TOKEN": ""}),
        ("cc.W008", {"MFA_REQUIRED_FOR_SUPER_ADMINS": False}),
        ("cc.W009", {"ALLAUTH_TRUSTED_PROXY_COUNT": 0, "PUBLIC_URL": "https://hub.example.org"}),
    ],
)
def test_what_is_wrong_has_an_id(settings, number, changed):
    for name, value in changed.items():
        setattr(settings, name, value)
    assert number in ids()
    for found in run_checks(include_deployment_checks=True):
        if found.id == number and number.startswith("cc.E01"):
            assert found.hint


def test_keys_of_the_hub_itself_are_said(settings):
    (settings.TRUST_DIR / "keys").mkdir(parents=True)
    (settings.TRUST_DIR / "keys" / "EMBEDDED").touch()
    assert "cc.W004" in ids()


def test_production_settings_leave_nothing_to_say(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in reference.names()}
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # of the tests that drive a browser
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=django_settings.BASE_DIR,
        env={**environment, **PRODUCTION, "VAR_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.django_db
def test_doctor_says_what_is_wrong_and_how_to_mend_it():
    found = {line.name: line for line in doctor.examine()}
    assert (found["database"].verdict, found["migrations"].verdict) == (doctor.OK, doctor.OK)
    assert (found["people"].verdict, found["workers"].verdict) == (doctor.FAIL, doctor.FAIL)
    assert "adduser" in found["people"].mend
    with pytest.raises(CommandError, match="people"):
        call_command("doctor", stdout=StringIO())
    people.ada(), people.bo()
    pulse()
    Backup.objects.create(taken_at=timezone.now())
    trust.init()
    out = StringIO()
    call_command("doctor", "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert said["ok"]
    assert {"trust timestamp", "trust keys", "disk var", "backup", "queue", "store"} <= {line["name"] for line in said["lines"]}
    Pulse.objects.update(at=timezone.now() - timedelta(hours=1))
    assert [line.name for line in doctor.examine() if line.verdict == doctor.FAIL] == ["workers"]
    key = django_settings.TRUST_DIR / "keys" / "timestamp.pem"
    key.rename(key.with_suffix(".away"))
    TrustDocument.objects.filter(role="timestamp").update(expires_at=timezone.now() - timedelta(minutes=1))
    bad = {line.name: line for line in doctor.examine() if line.verdict == doctor.FAIL}
    assert set(bad) == {"workers", "trust keys", "trust timestamp"}
    assert "none here that signs timestamp" in bad["trust keys"].detail


@pytest.mark.django_db
def test_a_part_that_does_not_answer_keeps_back_no_other(settings):
    settings.TRUST_DIR = "/proc/nowhere"
    options = {**settings.STORAGES["objects"]["OPTIONS"], "location": "/proc/nowhere", "public_url": "", "secret": ""}
    backend = {
        "BACKEND": "core.file_store.FileStore",
        "OPTIONS": {name: options[name] for name in ("location", "public_url", "secret")},
    }
    settings.STORAGES = {**settings.STORAGES, "objects": backend}
    names = {line.name for line in doctor.examine()}
    assert {"database", "people", "backup"} <= names
