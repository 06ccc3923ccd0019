"""The attacks that The Update Framework names, against a real hub and the real agent, and the same models brought on a stick.

Each is refused, the hub is told, and the model that ran before goes on answering.
"""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.utils import timezone
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, TargetFile

from cc_edge import download, hub, stick
from cc_edge.errors import Misconfigured
from deployments import assignments
from deployments.models import EdgeServer
from tests import people
from tests.edge.live import serve_store_at
from tests.edge.sites import Site, Trickle, instead
from tests.factories.deployments import EdgeServerFactory
from training import trust
from training.actions import signing
from training.trust import documents, online

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(live_server, settings, tmp_path):
    serve_store_at(live_server.url, settings)
    return Site(live_server, tmp_path)


def test_every_attack_is_refused_and_told_and_changes_no_answer(site, monkeypatch):
    assert site.answer() == ("1.0.0", "light")
    old_timestamp, name = trust.metadata("timestamp"), trust.role_of(people.acme().pk)

    # arbitrary file: the store gives another one, of the same length
    with site.attacked("SHA-256 differs") as deployment:
        size = deployment.model_version.bundle.size
        store = deployment.model_version.bundle.name
        site.meddler.bend = instead(store, b"x" * size)

    # rollback: an older list of what is fresh
    with site.attacked("refused"):
        site.meddler.bend = instead("timestamp.json", old_timestamp)

    # freeze: what was fresh once is all that comes
    with site.attacked("expired"), freezing():
        pass

    # mix and match: an older list under the number of the newest
    with site.attacked("refused"):
        site.meddler.bend = instead(f".{name}.json", trust.metadata(name, 1))
    with site.attacked("refused"):
        other = Metadata.from_bytes(trust.metadata("snapshot"))
        other.signed.version += 1
        other.sign(CryptoSigner.generate_ed25519())
        site.meddler.bend = instead(".snapshot.json", other.to_bytes())

    # endless data, in a document and in the assignment
    with site.attacked("exceeding"):
        site.meddler.bend = instead("timestamp.json", Trickle())
    with site.attacked("longer than"):
        site.meddler.bend = instead("edge/assignment", Trickle())

    # slow retrieval, of a document and of the model
    with monkeypatch.context() as hurried:
        hurried.setattr(hub, "LONGEST_DOCUMENT", 0.05)
        with site.attacked("somebody may hold up this edge"):
            site.meddler.bend = instead("timestamp.json", Trickle(0.01))
        hurried.setattr(hub, "LONGEST_DOCUMENT", 60)
        hurried.setattr(download, "SPELL", 0.05)
        with site.attacked("somebody may hold up this edge") as deployment:
            name_in_store = deployment.model_version.bundle.name
            site.meddler.bend = instead(name_in_store, Trickle(0.01))

    # wrong edge: what is assigned to another one
    other = EdgeServerFactory(name="elsewhere", modules=[site.digits])
    with site.attacked("another edge server"):
        site.meddler.bend = instead("edge/assignment", assignments.assignment_for(other)[0])

    # and with nobody in between the newest comes, whatever was refused before
    newest = site.deploy()
    assert site.round() == []
    newest.refresh_from_db()
    assert (newest.status, site.answer()[0]) == ("completed", newest.model_version.version)


def test_stolen_online_keys_can_name_no_file(site):
    signers, name = trust.at_hand(), trust.role_of(people.acme().pk)
    # they can assign what was never released, and name it in no list
    with site.attacked("was never released"):
        document = Metadata.from_bytes(own_assignment())
        [(_, line)] = document.signed.targets.items()
        line.path = f"{name}/digits/6.6.6.zip"
        document.signed.targets = {line.path: line}
        document.signed.version += 1
        document.sign(signers["assignments"])
        site.meddler.bend = instead("edge/assignment", document.to_bytes())
    with site.attacked("refused"):
        lists = Metadata.from_bytes(trust.metadata(name))
        lists.signed.targets[f"{name}/digits/6.6.6.zip"] = TargetFile(1, {"sha256": "ab" * 32}, "x")
        lists.sign(signers["assignments"])
        site.meddler.bend = instead(f".{name}.json", lists.to_bytes())


def own_assignment() -> bytes:
    return assignments.assignment_for(EdgeServer.objects.get(name="edge-1"))[0]


@contextmanager
def freezing():
    """Have the hub's timestamp be one that expired a minute ago, while its signer is dead."""
    online.sign_timestamp(trust.at_hand(), timezone.now(), timedelta(minutes=-1))
    yield


def test_a_stolen_release_key_is_worth_nothing_once_it_is_changed(site):
    name = trust.role_of(people.acme().pk)
    thief = trust.at_hand()["targets"]
    keys = django_settings.TRUST_DIR / "keys"
    fresh = CryptoSigner.generate_ed25519()
    (keys / "targets.pem").rename(keys.parent / "stolen.pem")
    (keys / "targets-fresh.pem").write_bytes(fresh.private_bytes)
    signing.rotate("targets", trust.Holders((fresh.public_key,)), by=None)
    assert not trust.is_open()  # root and release keys are at hand
    site.deploy()
    assert site.round() == []
    assert site.answer()[0] == "2.0.0"
    with site.attacked("refused"):
        lists = Metadata.from_bytes(trust.metadata(name))
        lists.sign(thief)
        site.meddler.bend = instead(f".{name}.json", lists.to_bytes())
    deployment = site.deploy()
    signing.rotate("assignments", None, by=None)
    assert site.round() == []
    deployment.refresh_from_db()
    assert deployment.status == "completed"


def test_a_clock_set_back_makes_no_expired_document_good(site):
    site.deploy()
    in_three_days = timezone.now() + timedelta(days=3)
    online.sign_timestamp(trust.at_hand(), in_three_days)
    site.clock = lambda: in_three_days
    assert site.round() == []
    assert site.answer()[0] == "2.0.0"
    site.clock = lambda: datetime.now(UTC)  # set back: by it, what is signed now would be good for a day
    with site.attacked("expired"):
        assert documents.newest("timestamp").expires_at > timezone.now()


def test_a_stick_brings_what_the_hub_assigns_and_the_reports_follow(site, tmp_path, capsys):
    deployment = site.deploy()
    other = EdgeServerFactory(name="elsewhere", modules=[site.digits], organization=None)
    folder = tmp_path / "stick"
    call_command("trust", "export-usb", str(folder), edge=["edge-1"])
    assert "bundles" in capsys.readouterr().out
    foreign = {path.name for path in (folder / "trust").iterdir() if ".org-" in path.name}
    assert {name.partition(".")[2] for name in foreign} == {f"{trust.role_of(people.acme().pk)}.json"}
    with pytest.raises(CommandError, match="not empty"):
        call_command("trust", "export-usb", str(folder), edge=["edge-1"])
    with pytest.raises(CommandError, match="no edge server"):
        call_command("trust", "export-usb", str(tmp_path / "other"), edge=["edge-9"])

    stop = threading.Event()
    [bundle] = (folder / "bundles").iterdir()
    content = bundle.read_bytes()
    bundle.write_bytes(content[:-1] + b"\x01")
    assert "SHA-256 differs" in stick.install_from(folder, site.home, stop=stop)[0]
    assert site.answer() == ("1.0.0", "light")
    (folder / "edges" / str(other.pk)).mkdir()
    with pytest.raises(Misconfigured, match="nothing for edge server"):
        stick.install_from(tmp_path, site.home, stop=stop)

    assert site.round() == []  # the hub hears that it failed
    deployment = site.deploy()
    call_command("trust", "export-usb", str(tmp_path / "second"), edge=["edge-1"], days=3)
    assert stick.install_from(tmp_path / "second", site.home, stop=stop) == []
    assert site.answer() == ("3.0.0", "light")
    deployment.refresh_from_db()
    assert deployment.status == "pending"
    assert site.round() == []
    deployment.refresh_from_db()
    assert (deployment.status, deployment.progress_percent) == ("completed", 100)
    # the first stick is older than what this edge has seen since
    bundle.write_bytes(content)
    assert stick.install_from(folder, site.home, stop=stop) != []
    assert site.answer()[0] == "3.0.0"
    life = documents.parsed((tmp_path / "second" / "trust" / "timestamp.json").read_bytes()).signed.expires - datetime.now(UTC)
    assert timedelta(days=2) < life <= timedelta(days=3)
    assert documents.newest("timestamp").expires_at - timezone.now() <= timedelta(hours=24)
