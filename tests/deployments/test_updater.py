"""A real TUF client against a live hub: what it believes, and what it refuses."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from urllib.request import urlopen

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api import exceptions
from tuf.api.metadata import Metadata, Root, Targets
from tuf.ngclient import Updater

from core.storage import reading
from deployments.actions import rollout
from deployments.assignments import assignment_for
from tests import people
from tests.factories.deployments import EdgeServerFactory, released_version
from training import trust
from training.models import TrustDocument
from training.trust import documents

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hub(live_server):
    trust.init()
    return f"{live_server.url}/api/v1/edge/trust/"


@pytest.fixture
def updater(hub, tmp_path):
    """Answer what makes a client that has its folder from one call to the next, as an edge does."""
    with urlopen(f"{hub}1.root.json") as answer:  # noqa: S310  # our own live server
        root = answer.read()
    folder = tmp_path / "edge"
    folder.mkdir()
    return lambda: Updater(str(folder), hub, bootstrap=root)


def replace_newest(role, change, signer=None):
    """Serve another document in place of the newest of a role, signed by its own key or by another."""
    newest = TrustDocument.objects.filter(role=role).latest("version")
    document = Metadata.from_bytes(bytes(newest.body))
    change(document.signed)
    document.sign(signer or trust.at_hand()[role])
    TrustDocument.objects.filter(pk=newest.pk).update(body=document.to_bytes())


def test_a_released_bundle_is_believed_from_the_root_down(updater):
    version = released_version()
    believed = updater().get_targetinfo(version.file_name)
    assert (believed.length, believed.hashes["sha256"]) == (version.bundle.size, version.bundle.sha256)
    with reading(version.bundle.name) as bundle:
        believed.verify_length_and_hashes(bundle.read())
    with pytest.raises(exceptions.LengthOrHashMismatchError):
        believed.verify_length_and_hashes(b"x" * version.bundle.size)


def test_what_was_not_released_is_not_known(updater):
    assert updater().get_targetinfo("all/meter_digits/9.9.9.zip") is None


def test_a_release_reaches_a_client_that_was_here_before(updater):
    updater().refresh()
    version = released_version()
    assert updater().get_targetinfo(version.file_name) is not None


def test_every_refresh_of_the_hub_is_followed(updater):
    updater().refresh()
    for role in ("timestamp", "snapshot", "assignments", "targets"):
        TrustDocument.objects.filter(role=role).update(expires_at=datetime.now(UTC))
        assert role in trust.refresh()
        updater().refresh()


def test_an_expired_timestamp_is_refused(updater):
    replace_newest("timestamp", lambda signed: setattr(signed, "expires", datetime.now(UTC) - timedelta(seconds=1)))
    with pytest.raises(exceptions.ExpiredMetadataError):
        updater().refresh()


def test_targets_signed_by_the_online_key_are_refused(updater):
    released_version()
    signers = trust.at_hand()
    replace_newest("targets", lambda signed: signed.targets.clear(), signers["timestamp"])
    with pytest.raises(exceptions.RepositoryError):
        updater().refresh()


def test_even_a_stolen_hub_with_all_online_keys_cannot_name_a_new_file(updater):
    """The thief signs everything anew with snapshot, timestamp and assignments, but has no release key."""
    version = released_version()
    updater().refresh()
    signers = {role: signer for role, signer in trust.at_hand().items() if role != "targets"}
    targets = Metadata[Targets].from_bytes(trust.metadata("targets"))
    evil = targets.signed.targets[version.file_name]
    targets.signed.targets["all/meter_digits/6.6.6.zip"] = evil
    targets.signed.version += 1
    targets.sign(CryptoSigner.generate_ed25519())
    documents.write("targets", targets, published_at=datetime.now(UTC))
    trust.sign_fresh(signers, datetime.now(UTC))
    with pytest.raises(exceptions.UnsignedMetadataError):
        updater().refresh()


def test_an_older_timestamp_is_refused(updater):
    old = trust.metadata("timestamp")
    released_version()
    updater().refresh()
    TrustDocument.objects.filter(role="timestamp").update(body=old)
    with pytest.raises(exceptions.BadVersionNumberError):
        updater().refresh()


def test_documents_that_do_not_belong_together_are_refused(updater):
    replace_newest("snapshot", lambda signed: signed.meta["targets.json"].hashes.update(sha256="ab" * 32))
    with pytest.raises(exceptions.RepositoryError):
        updater().refresh()


def test_another_root_is_refused(updater):
    signer = CryptoSigner.generate_ed25519()
    root = Root(2, expires=datetime.now(UTC) + timedelta(days=1))
    for role in ("root", "targets", "snapshot", "timestamp"):
        root.add_key(signer.public_key, role)
    document = Metadata(root)
    document.sign(signer)
    documents.write("root", document, published_at=datetime.now(UTC))
    with pytest.raises(exceptions.RepositoryError):
        updater().refresh()


def test_the_assignment_is_verified_against_what_the_client_believes(updater, hub, tmp_path):
    edge, version = EdgeServerFactory(), released_version()
    rollout.start(version, by=people.ada())
    edge.refresh_from_db()
    client = updater()
    client.refresh()
    believed = Metadata[Targets].from_file(str(tmp_path / "edge" / "targets.json")).signed
    document = Metadata[Targets].from_bytes(assignment_for(edge)[0])
    believed.verify_delegate("assignments", document.signed_bytes, document.signatures)
    (line,) = document.signed.targets.values()
    listed = client.get_targetinfo(line.path)
    assert (listed.length, listed.hashes) == (line.length, line.hashes)
    raw = json.loads(document.to_bytes())
    raw["signed"]["edge_server_id"] += 1
    forged = Metadata[Targets].from_dict(raw)
    with pytest.raises(exceptions.UnsignedMetadataError):
        believed.verify_delegate("assignments", forged.signed_bytes, forged.signatures)


def test_the_bundle_comes_through_its_signed_address(live_server, settings):
    objects = settings.STORAGES["objects"]
    if "location" in objects["OPTIONS"]:  # the file store: the hub itself serves it
        options = {**objects["OPTIONS"], "public_url": live_server.url}
        settings.STORAGES = {**settings.STORAGES, "objects": {**objects, "OPTIONS": options}}
    version = released_version()
    with urlopen(version.bundle.signed_get(seconds=450).url) as answer:  # noqa: S310  # our own live server
        assert hashlib.sha256(answer.read()).hexdigest() == version.bundle.sha256
