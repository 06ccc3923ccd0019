"""What edges say in these tests."""

from datetime import UTC, datetime, timedelta

import pytest

from deployments import reports
from deployments.actions import deployment as deployment_verbs
from deployments.models import EdgeSlot

MORNING = datetime(2026, 11, 20, 8, tzinfo=UTC)


def said(status, *, seq=1, attempt=1, **facts):
    return reports.heard(attempt=attempt, seq=seq, status=status, at=MORNING + timedelta(seconds=seq), **facts)


def assigned_to(edge):
    """Answer the deployment that an edge finds in its assignment."""
    return EdgeSlot.objects.get(edge_server=edge).desired_deployment


def tell(edge, status, **facts):
    """Let an edge report `status` of what it is assigned."""
    return deployment_verbs.report(assigned_to(edge), [said(status, **facts)], by=edge.user)


@pytest.fixture
def queued(monkeypatch, django_capture_on_commit_callbacks):
    """Answer the names of the tasks that a block sends after its commit."""
    sent = []
    monkeypatch.setattr("core.queue._send", lambda task, args, queue: sent.append(task))
    return sent
