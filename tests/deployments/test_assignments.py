"""Assignments: one signed document per edge, that only this edge takes, and only under the online key."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata

from core.errors import Unavailable
from deployments import assignments
from deployments.actions import rollout, withdrawal
from deployments.models import EdgeServer, EdgeSlot
from tests import people
from tests.deployments.conftest import assigned_to
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.factories.training_models import ModuleFactory
from training import trust
from training.actions import model_version, signing

pytestmark = pytest.mark.django_db


def document_of(edge):
    edge.refresh_from_db()
    return Metadata.from_bytes(assignments.assignment_for(edge)[0])


def verify(document):
    targets = Metadata.from_bytes(trust.metadata("targets")).signed
    targets.verify_delegate("assignments", document.signed_bytes, document.signatures)


def test_an_edge_that_shall_run_nothing_has_an_empty_document():
    edge = EdgeServerFactory()
    document = document_of(edge)
    verify(document)
    assert document.signed.targets == {}
    assert document.signed.unrecognized_fields["edge_server_id"] == edge.pk


def test_a_line_says_file_version_deployment_attempt_and_action():
    edge, version = EdgeServerFactory(), released_version()
    rollout.start(version, by=people.ada())
    document = document_of(edge)
    verify(document)
    (line,) = document.signed.targets.values()
    assert (line.path, line.length, line.hashes) == (
        version.file_name,
        version.bundle.size,
        {"sha256": version.bundle.sha256},
    )
    assert line.custom == {
        "module": "meter_digits",
        "version": version.version,
        "deployment": str(assigned_to(edge).pk),
        "attempt": 1,
        "action": "install",
    }


def test_image_repository_and_assignment_agree():
    edge = EdgeServerFactory()
    rollout.start(released_version(), by=people.ada())
    listed = Metadata.from_bytes(trust.metadata("targets")).signed.targets
    for path, line in document_of(edge).signed.targets.items():
        assert (listed[path].length, listed[path].hashes) == (line.length, line.hashes)


def test_an_edge_has_a_line_for_each_module():
    modules = [ModuleFactory(slug=slug) for slug in ("meters", "plates", "idle")]
    edge = EdgeServerFactory(modules=modules)
    for module in modules[:2]:
        rollout.start(released_version(module=module), by=people.ada())
    assert {line.custom["module"] for line in document_of(edge).signed.targets.values()} == {"meters", "plates"}


def test_the_counter_is_the_time_and_always_grows():
    edge = EdgeServerFactory()
    first = document_of(edge).signed.version
    assert abs(first - time.time()) < 60
    rollout.start(released_version(), by=people.ada())
    second = document_of(edge).signed.version
    rollout.start(released_version(), by=people.ada())
    assert first < second < document_of(edge).signed.version


def test_a_clock_that_was_set_back_does_not_lower_the_counter():
    edge = EdgeServerFactory()
    EdgeServer.objects.filter(pk=edge.pk).update(assignment_version=2**40)
    assert document_of(edge).signed.version == 2**40 + 1


def test_it_stays_the_same_until_half_its_life_is_gone():
    edge = EdgeServerFactory()
    first = document_of(edge)
    assert first.signed.expires - datetime.now(UTC) > assignments.LIFE - timedelta(minutes=1)
    assert document_of(edge) == first
    EdgeServer.objects.update(assignment_expires_at=datetime.now(UTC) + assignments.LIFE / 2 - timedelta(minutes=1))
    second = document_of(edge)
    assert second.signed.version > first.signed.version
    assert second.signed.targets == first.signed.targets


def test_the_etag_changes_with_the_document_only():
    edge = EdgeServerFactory()
    etags = [assignments.assignment_for(EdgeServer.objects.get(pk=edge.pk))[1] for _ in range(2)]
    rollout.start(released_version(), by=people.ada())
    etags.append(assignments.assignment_for(EdgeServer.objects.get(pk=edge.pk))[1])
    assert etags[0] == etags[1] != etags[2]


def test_a_forged_document_is_told_from_ours():
    edge = EdgeServerFactory()
    document = document_of(edge)
    document.signed.unrecognized_fields["edge_server_id"] = edge.pk + 1
    with pytest.raises(UnsignedMetadataError):
        verify(document)
    document.sign(CryptoSigner.generate_ed25519())
    with pytest.raises(UnsignedMetadataError):
        verify(document)
    document.sign(trust.at_hand()["timestamp"])
    with pytest.raises(UnsignedMetadataError):
        verify(document)


def test_without_the_online_key_nothing_is_assigned(settings):
    edge, version = EdgeServerFactory(), released_version()
    (settings.TRUST_DIR / "keys" / "assignments.pem").unlink()
    with pytest.raises(Unavailable, match="assignments"):
        rollout.start(version, by=people.ada())
    with pytest.raises(Unavailable):
        assignments.assignment_for(edge)
    assert not EdgeSlot.objects.filter(desired__isnull=False).exists()


def test_signing_takes_as_many_statements_for_many_edges_as_for_one():
    def statements():
        version = released_version()
        with CaptureQueriesContext(
            connection,
        ) as captured:
            rollout.start(version, by=people.ada())
        return sum(not query["sql"].startswith("UPDATE edge_servers") for query in captured.captured_queries)

    EdgeServerFactory()
    few = statements()
    for _ in range(20):
        EdgeServerFactory()
    assert statements() == few


def test_with_another_key_that_assigns_every_edge_is_told_anew(settings):
    edge, version = EdgeServerFactory(), released_version()
    rollout.start(version, by=people.ada())
    before = document_of(edge)
    signing.rotate("assignments", None, by=None)  # the release key is at hand: it takes effect at once
    after = document_of(edge)
    assert after.signatures.keys().isdisjoint(before.signatures)
    verify(after)
    assert after.signed.version > before.signed.version


def test_what_no_edge_holds_leaves_the_lists_and_what_one_goes_back_to_stays():
    edge = EdgeServerFactory(organization=None)
    run, previous, unheld, others = (released_version() for _ in range(4))
    EdgeSlot.objects.filter(edge_server=edge).update(active_version=run.version, previous_version=previous.version)
    elsewhere = released_version(organization=people.acme(), version=run.version)  # of the same number, where no edge is
    for version in (previous, unheld, elsewhere):
        model_version.deprecate(version, by=people.ada(), reason="Old.")
    assert withdrawal.withdraw_unheld() == 2
    assert withdrawal.withdraw_unheld() == 0
    listed = {path for document in trust.lists().values() for path in document.signed.targets}
    assert listed == {version.file_name for version in (run, previous, others)}
    for version, is_gone in ((previous, False), (unheld, True), (elsewhere, True)):
        version.refresh_from_db()
        assert (version.withdrawn_at is not None) is is_gone


@pytest.mark.django_db(transaction=True)
def test_a_poll_that_waits_for_a_rollout_to_begin_is_answered_with_it():
    edge, version = EdgeServerFactory(), released_version()
    polled = []

    def poll():
        polled.append(Metadata.from_bytes(assignments.assignment_for(EdgeServer.objects.get(pk=edge.pk))[0]))
        connection.close()

    poller = threading.Thread(target=poll)
    with transaction.atomic():
        rollout.start(version, by=people.ada())
        poller.start()
        wait_for_a_lock()
    poller.join()
    assert set(polled[0].signed.targets) == set(document_of(edge).signed.targets) == {version.file_name}


def wait_for_a_lock():
    """Return once another connection waits for a row; where only one may write at all, whoever writes waits in any case."""
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while connection.vendor == "postgresql":
            assert time.monotonic() < deadline, "nobody came to wait"
            cursor.execute("SELECT COUNT(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
