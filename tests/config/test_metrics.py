"""What Prometheus reads, who may, and that the shipped rules ask for figures that are there."""

import re
from datetime import timedelta

import pytest
import yaml
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import Announcement
from config.metrics import standing
from config.models import Backup, Pulse
from config.tasks import pulse
from deployments.actions import rollout
from tests import people
from tests.factories.deployments import EdgeServerFactory, released_version

pytestmark = pytest.mark.django_db
RULES = settings.BASE_DIR / "deploy" / "alerts.yml"
NAME = re.compile(r"\bcc_\w+")
FUNCTIONS = {"absent", "min", "sum", "rate", "by"}


@pytest.fixture
def fresh(monkeypatch):
    """Have figures asked for at once, whoever asked a moment ago."""
    monkeypatch.setattr(standing, "FRESH_SECONDS", -1.0)


def figures(client, **headers):
    answer = client.get("/metrics", **headers)
    assert answer.status_code == 200, answer.content
    families = text_string_to_metric_families(answer.content.decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_it_says_how_the_hub_stands(client, fresh):
    cache.clear()
    before = figures(client)
    assert before[("cc_database_up",)] == 1
    assert ("cc_beat_age_seconds",) not in before
    assert before[("cc_rollouts", "paused")] == 0
    pulse()
    Pulse.objects.update(at=timezone.now() - timedelta(minutes=4))
    Backup.objects.create(taken_at=timezone.now() - timedelta(hours=2))
    EdgeServerFactory()
    begun = rollout.start(released_version(), by=people.ada())
    rollout.pause(begun, by=people.ada())
    after = figures(client)
    assert after[("cc_beat_age_seconds",)] == pytest.approx(240, abs=30)
    assert after[("cc_backup_age_seconds",)] == pytest.approx(7200, abs=30)
    assert (after[("cc_rollouts", "paused")], after[("cc_edges",)]) == (1, 1)
    assert 0 < after[("cc_trust_expires_seconds", "timestamp")] <= 86_400
    assert 0 < after[("cc_disk_free_ratio", "var")] < 1
    assert (after[("cc_outbox_oldest_seconds",)] >= 0) is Announcement.objects.exists()


def test_requests_are_counted_by_few_labels(client):
    counted = ("cc_http_requests_total", "api", "GET", "4xx")
    before = figures(client).get(counted, 0)
    for name in ("a", "b", "c"):
        client.get(f"/api/v1/training/jobs/{name}")
    after = figures(client)
    assert after[counted] - before == 3
    assert not [key for key in after if "jobs/" in str(key)]


def test_it_is_cheap(client, fresh, django_assert_max_num_queries):
    with django_assert_max_num_queries(32):
        client.get("/metrics")


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        ("", {}, 200),
        ("", {"HTTP_X_FORWARDED_FOR": "203.0.113.7"}, 403),
        ("", {"REMOTE_ADDR": "10.0.0.7"}, 403),
        ("", {"REMOTE_ADDR": "nowhere"}, 403),
        ("secret-token", {}, 403),
        ("secret-token", {"HTTP_AUTHORIZATION": "Bearer other"}, 403),
        ("secret-token", {"HTTP_AUTHORIZATION": "Bearer secret-token", "REMOTE_ADDR": "10.0.0.7"}, 200),
    ],
)
def test_who_may_read_it(client, settings, token, headers, status):
    settings.METRICS_TOKEN = token
    assert client.get("/metrics", **headers).status_code == status


def test_a_hub_without_its_database_still_says_so(client, fresh, monkeypatch):
    from django.db import OperationalError

    def dead(now):
        raise OperationalError("gone")
        yield

    monkeypatch.setattr(standing, "ASKED", (dead,))
    assert figures(client)[("cc_database_up",)] == 0


def test_every_rule_asks_for_figures_that_are_there_and_is_explained(client, fresh):
    pulse()
    Backup.objects.create(taken_at=timezone.now())
    EdgeServerFactory()
    released_version()
    client.get("/api/v1/training/jobs")
    from learning.actions import store

    store.check(by=None)
    known = {name for name, *_ in figures(client)}
    explained = (settings.BASE_DIR / "docs" / "operations.md").read_text()
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 10
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        named = set(NAME.findall(rule["expr"]))
        assert named <= known, rule["alert"]
        assert named or "up{" in rule["expr"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert set(re.findall(r"\b([a-z]+)\s*(?=\()", rule["expr"])) <= FUNCTIONS, rule["expr"]
        assert re.fullmatch(r"\d+[mh]", rule.get("for", "1m"))
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert f"| `{rule['alert']}` |" in explained, rule["alert"]
