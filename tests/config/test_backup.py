"""Backup and restore, rehearsed: a hub is lost and put back, an edge that knows more follows it, and nothing erased comes back."""

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.test import TransactionTestCase
from django.utils import timezone

from accounts.actions import access_key, invitation
from accounts.models import AccessKey, Event, User
from config.models import Backup, Restore
from config.opening import OpeningMiddleware, refuse_while_closed
from config.services import object_store
from core.storage import ObjectMissing, store
from deployments.models import EdgeServer, EdgeSlot, Rollout
from learning.actions import erasing, erasure
from learning.models import ErasureState, LearningSample
from tests import people
from tests.config.playing import own_store
from tests.edge.live import serve_store_at
from tests.edge.sites import Site
from tests.factories import training as rooms
from training import trust

pytestmark = pytest.mark.django_db(transaction=True)


def run(command, *arguments):
    out = StringIO()
    call_command(command, *map(str, arguments), "--json", stdout=out)
    return json.loads(out.getvalue())


def taken(place):
    """Take a backup, and answer the folder of its set."""
    return run("backup", place)["set"]


def erased(sample):
    made = erasure.draft("samples", {"samples": [sample.sample_id]}, by=None)
    made = erasure.gather(made.pk)
    erasure.confirm(made, by=None, confirmation=erasure.phrase(made))
    assert erasing.run(made.pk).state == ErasureState.DONE


def lost():
    """Lose the database: what is left has tables and no rows, as after `migrate`."""
    TransactionTestCase("__init__")._fixture_teardown()
    assert not User.objects.exists()


def is_there(name):
    try:
        store().stat(name)
    except ObjectMissing:
        return False
    return True


@pytest.fixture
def _own_bucket(settings):
    """A store that no other test has: the ledger of erasures lies in it, and others erase samples of the same names."""
    with own_store() as address:
        if address.startswith("s3:"):
            backend = object_store(address, "", "", Path(), "")
            settings.STORAGES = {**settings.STORAGES, "objects": backend}
            storages._storages = {}
        yield


@pytest.mark.usefixtures("_own_bucket")
def test_an_edge_that_had_seen_newer_metadata_takes_a_rollout_of_the_restored_hub(live_server, settings, tmp_path):
    serve_store_at(live_server.url, settings)
    site = Site(live_server, tmp_path)
    gone, kept = rooms.samples(people.ada(), 2)
    folder = taken(tmp_path / "backups")
    assert Backup.objects.get().facts["missing_objects"] == 0

    # what nobody will remember: a newer release that the edge follows, an erasure
    site.deploy()
    assert site.round() == []
    assert site.answer()[0] == "2.0.0"
    erased(gone)
    seen = {role: trust.newest(role).version for role in ("timestamp", "snapshot", trust.role_of(people.acme().pk))}
    counter = EdgeServer.objects.get().assignment_version

    with pytest.raises(CommandError, match="in use"):
        run("restore", folder)
    lost()
    shutil.rmtree(settings.TRUST_DIR)
    answer = run("restore", folder)
    assert (answer["open"], answer["differing_tables"], answer["keys"]) == (True, [], "put back")
    assert (answer["erased_again"], answer["lost_objects"], answer["audit"]) == (1, 0, "whole")
    assert Event.objects.filter(verb="restore").exists()

    # nothing that was erased is there
    again = LearningSample.objects.get(pk=gone.pk)
    assert again.erased_at is not None
    assert again.truth is None
    assert not is_there(gone.object.name)
    assert is_there(kept.object.name)

    # the numbers go on from what the edge has seen; it is offered nothing by an old memory, and says what it runs
    assert all(trust.newest(role).version > version for role, version in seen.items())
    assert site.round() == []
    assert site.answer()[0] == "2.0.0"
    assert EdgeSlot.objects.get().held
    assert EdgeServer.objects.get().assignment_version >= counter

    site.number = 2
    deployment = site.deploy()
    assert site.round() == []
    deployment.refresh_from_db()
    assert (deployment.status, site.answer()[0]) == ("completed", "3.0.0")
    assert not EdgeSlot.objects.get().held


@pytest.fixture
def file_store(settings, tmp_path):
    """A file store, whatever the suite runs on: only a folder is lost together with the hub."""
    options = {"location": str(tmp_path / "objects"), "public_url": "http://testserver", "secret": "s"}
    backend = {"BACKEND": "core.file_store.FileStore", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "objects": backend, "objects-read": backend}
    storages._storages = {}
    return tmp_path / "objects"


def test_a_hub_that_lost_its_store_too_stays_closed_until_the_ledger_was_seen(
    file_store, settings, tmp_path, client, monkeypatch
):
    settings.LEDGER_DIR = str(tmp_path / "ledger")
    (tmp_path / "ledger").mkdir()
    gone, kept = rooms.samples(people.ada(), 2)
    began = Rollout.objects.count()
    client.force_login(people.ada())
    folder = taken(tmp_path / "backups")
    erased(gone)
    lost()
    shutil.rmtree(file_store)
    settings.LEDGER_DIR = ""
    answer = run("restore", folder)
    assert (answer["open"], answer["copied_objects"] >= 2, answer["lost_objects"]) == (False, True, 0)
    assert "--ledger" in answer["why"]

    monkeypatch.setattr(OpeningMiddleware, "was_open", False)
    assert client.get("/live").status_code == 200
    for path in ("/", "/ready", "/api/v1/training/jobs"):
        refused = client.get(path)
        assert refused.status_code == 503, path
        assert "not open yet" in refused.json()["detail"]
    with pytest.raises(SystemExit, match="not open yet"):
        refuse_while_closed()
    assert is_there(gone.object.name)

    # stopped half way, and begun again with the same set: still nobody knows what was erased
    store().path_of(kept.object.name).unlink()
    Restore.objects.update(facts={**Restore.objects.get().facts, "is_all_there": False})
    with pytest.raises(CommandError, match="with the set again"):
        run("restore", "--go-on")
    assert not run("restore", folder)["open"]

    assert run("restore", "--go-on", "--ledger", tmp_path / "ledger")["open"]
    assert Restore.objects.get().opened_at <= timezone.now()
    assert not is_there(gone.object.name)
    assert is_there(kept.object.name)
    assert client.get("/ready").status_code == 200
    assert client.get("/").status_code == 302, "all sessions end with a restore"
    with pytest.raises(CommandError, match="is open"):
        run("restore", "--go-on")
    # the next backup lets go of what was erased, in the sets that were there before as well
    assert run("backup", tmp_path / "backups")["forgotten_objects"] >= 1
    assert not list((tmp_path / "backups" / "objects").glob(f"*/{gone.object.name}*"))
    assert Rollout.objects.count() == began
    assert AccessKey.objects.count() == 0


def test_doors_that_were_shut_since_do_not_stand_open_again(client, tmp_path):
    ada = people.ada()
    key, text = access_key.issue(ada, by=None)
    other, _ = access_key.issue(ada, by=None)
    link = invitation.invite(ada, by=None).removeprefix("http://127.0.0.1:8000")
    assert client.get(link).status_code == 200
    folder = taken(tmp_path / "backups")
    lost()
    with pytest.raises(CommandError, match="There is no key nobody"):
        run("restore", folder, "--nothing-erased-since", "--revoked", key.prefix, "--revoked", "nobody")
    assert AccessKey.objects.filter(revoked_at=None).count() == 2
    answer = run("restore", "--go-on", "--nothing-erased-since", "--revoked", key.prefix)
    assert (answer["open"], answer["keys_revoked"], answer["links_ended"]) == (True, 1, 1)
    assert client.get("/api/v1/training/models", headers={"Authorization": f"Bearer {text}"}).status_code == 401
    assert "not valid any more" in client.get(link).content.decode()
    assert AccessKey.objects.get(revoked_at=None).prefix == other.prefix
    assert Event.objects.filter(verb="revoke_invitation", object_id=str(ada.pk)).exists()
