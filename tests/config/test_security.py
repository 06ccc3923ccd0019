"""What a browser is told it may do, and that nobody guesses passwords for long."""

import re
import runpy

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from config import security
from core.storage import put_bytes, store
from tests import people
from tests.pages import looking

pytestmark = pytest.mark.django_db
INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|javascript:", re.IGNORECASE)
OWN_SCRIPTS = re.compile(r"<script[^>]*\bsrc=\"(?!/static/|{%\s*static)[^\"]*\"")


def test_every_page_has_a_policy_that_lets_only_our_own_files_run():
    for answer in (
        looking(people.ada()).get("/"),
        Client().get(reverse("account_login")),
        looking(people.ada()).get("/nothing-here"),
    ):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "'unsafe-inline'" in Client().get(reverse("docs")).headers["Content-Security-Policy"]


def test_pictures_may_come_from_where_the_store_is(settings):
    options = {"public_endpoint": "https://objects.example.org/x", "endpoint_url": "http://s3:9000", "region_name": "eu"}
    settings.STORAGES = {**settings.STORAGES, "objects": {"BACKEND": "core.s3_store.S3Store", "OPTIONS": options}}
    assert security.store_origin() == "https://objects.example.org"
    options["public_endpoint"] = ""
    assert security.store_origin() == "http://s3:9000"
    options["endpoint_url"] = None
    assert security.store_origin() == "https://s3.eu.amazonaws.com"
    assert "img-src 'self' data: blob: https://s3.eu.amazonaws.com" in security.policy(security.store_origin())


def test_no_template_says_anything_inline():
    """What Chromium refuses it writes on its console, which fails the tests of the browser; here is every template, opened or not."""
    templates = list((django_settings.BASE_DIR / "templates").rglob("*.html"))
    assert len(templates) > 50
    for path in templates:
        text = path.read_text()
        assert not INLINE.search(text), path
        assert not OWN_SCRIPTS.search(text), path


def test_an_object_of_a_user_is_never_a_page(client, settings):
    if "location" not in settings.STORAGES["objects"]["OPTIONS"]:
        return  # another store answers what its signed addresses ask for: tests/core/test_storage.py
    from core.storage import new_name

    name = new_name("text/plain")
    put_bytes(name, b"<script>alert(1)</script>", media_type="text/html", metadata={"city_id": "c"})
    answer = client.get(store().presign_get(name, seconds=60).url.removeprefix("http://testserver"))
    assert b"".join(answer.streaming_content).startswith(b"<script>")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_passwords_cannot_be_tried_for_long(client):
    cache.clear()
    person = people.ada()
    person.set_password("the right one, at last")
    person.save()
    login = reverse("account_login")
    for _ in range(5):
        assert client.post(login, {"login": person.email, "password": "wrong"}).status_code == 200
    answer = client.post(login, {"login": person.email, "password": "the right one, at last"})
    assert answer.status_code == 200, "even the right one waits now"
    assert "Too many" in answer.content.decode()
    cache.clear()
    assert client.post(login, {"login": person.email, "password": "the right one, at last"}).status_code == 302


def test_the_audit_fails_on_a_finding_and_says_whom_it_could_not_ask():
    judged = runpy.run_path(str(django_settings.BASE_DIR / ".ci" / "audit"))["judged"]
    clean, unasked = {"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}
    bad = {"name": "c", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
    assert judged("lock", {"dependencies": [clean]}) == (0, ["lock: 1 of 1 packages were asked about, 0 findings"])
    status, lines = judged("lock", {"dependencies": [clean, unasked]})
    assert status == 0
    assert "NOT AUDITED: 1 packages" in lines[-1]
    status, lines = judged("lock", {"dependencies": [clean, bad]})
    assert status == 1
    assert "PYSEC-1; mended in 2.1" in lines[0]
