"""The object store as a whole: proven before anyone uploads, compared with our rows, and swept."""

import json
import os
import time
import uuid
from datetime import timedelta

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from accounts.models import Event
from core.errors import Conflict, Refused, Unavailable
from core.storage import StoreError, new_name, put_bytes, store
from learning.actions import batch as batches
from learning.actions import object as stored_object
from learning.actions import store as verbs
from learning.models import ObjectKind, ReportKind, StoredObject, StoreReport
from learning.tasks import inspect_store
from tests import people
from tests.factories.learning import opened, pune
from tests.pages import looking, text_of
from tests.training.slow_store import TornStore

pytestmark = pytest.mark.django_db
CARELESS = "tests.core.test_store_check.Careless"
METADATA = {"city_id": "city_pune"}


@pytest.fixture(autouse=True)
def _nothing_proven_yet(monkeypatch):
    """A process believes a proof for a minute, and an S3 store is the same for every test of it."""
    monkeypatch.setattr(verbs, "_open_until", {})


@pytest.fixture
def careless(tmp_path, settings):
    options = {"location": str(tmp_path / "bad"), "public_url": "http://testserver", "secret": "s"}
    settings.STORAGES = {**settings.STORAGES, "objects": {"BACKEND": CARELESS, "OPTIONS": options}}
    storages._storages = {}


@pytest.fixture
def upload():
    city = pune()
    batch = opened(city)
    return lambda: batches.add_items(batch, [{"event_id": "e-1"}], by=city.user)


def kept(kind=ObjectKind.CONFIG) -> StoredObject:
    return stored_object.store_bytes(b"{}", kind=kind, media_type="application/json", metadata=METADATA)


def age(monkeypatch):
    """Let no object be too young to be judged."""
    monkeypatch.setattr(verbs, "UPLOAD_WINDOW", -verbs.UPLOAD_WINDOW)


def out(capsys, *arguments) -> dict:
    call_command("storage", *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def test_the_first_upload_tries_the_store_and_keeps_what_came_of_it(upload):
    upload()
    report = StoreReport.objects.get()
    assert (report.kind, report.passed, report.identity) == (ReportKind.CHECK, True, store().identity)
    upload()
    assert StoreReport.objects.count() == 1


def test_a_store_that_can_be_overwritten_takes_no_uploads(upload, careless, settings):
    with pytest.raises(Unavailable, match="storage check"):
        upload()
    with pytest.raises(Unavailable):  # and is not tried again at once
        upload()
    assert StoreReport.objects.count() == 1
    settings.STORE_ALLOW_OVERWRITE = True
    upload()


def test_a_store_that_was_mended_is_open_again_within_a_minute(upload, careless, settings):
    with pytest.raises(Unavailable):
        upload()
    settings.STORAGES["objects"]["BACKEND"] = "core.file_store.FileStore"
    storages._storages = {}
    StoreReport.objects.update(finished_at=StoreReport.objects.get().finished_at - verbs.LOOK_AGAIN_AFTER)
    upload()
    assert [report.passed for report in StoreReport.objects.order_by("id")] == [False, True]


def test_a_wrong_key_for_reading_is_found_and_closes_no_uploads(upload, careless, settings):
    good = {**settings.STORAGES["objects"], "BACKEND": "core.file_store.FileStore"}
    other = {**good, "OPTIONS": {**good["OPTIONS"], "secret": "another"}}
    settings.STORAGES = {**settings.STORAGES, "objects": good, "objects-read": other}
    storages._storages = {}
    with pytest.raises(CommandError, match="1 promises are broken: read-only key"):
        call_command("storage", "check")
    upload()


def test_the_command_says_each_line_and_ends_with_an_honest_status(capsys, careless):
    with pytest.raises(CommandError, match="2 promises are broken: overwrite"):
        call_command("storage", "check")
    said = capsys.readouterr().out
    assert "FAIL  overwrite" in said
    assert "OK    range" in said
    assert "STORE_ALLOW_OVERWRITE" in said


def test_with_overwriting_allowed_the_check_passes_and_says_so(capsys, careless, settings):
    settings.STORE_ALLOW_OVERWRITE = True
    call_command("storage", "check")
    assert "allowed by STORE_ALLOW_OVERWRITE" in capsys.readouterr().out


def test_store_and_rows_that_agree_pass(capsys):
    kept()
    answer = out(capsys, "reconcile")
    assert answer["passed"]
    assert answer["rows"] == 1
    assert answer["lost"] == 0
    assert Event.objects.filter(verb="reconcile").count() == 1


def test_an_object_without_a_row_is_found_and_removed_only_when_told(capsys, monkeypatch):
    kept()
    orphan, other = new_name("image/jpeg"), f"{'f' * 8}.txt"
    put_bytes(orphan, b"x", media_type="image/jpeg", metadata=METADATA)
    assert orphan not in out(capsys, "reconcile")["first_orphans"]  # it may be on its way
    age(monkeypatch)
    monkeypatch.setattr(verbs, "SHOWN", 10**9)  # a bucket holds what other tests left
    with pytest.raises(CommandError, match="objects have no row"):
        out(capsys, "reconcile")
    assert orphan in json.loads(capsys.readouterr().out)["first_orphans"]
    store().stat(orphan)
    if "location" in verbs.settings.STORAGES["objects"]["OPTIONS"]:  # a bucket is shared with other tests
        put_other(other)
        answer = out(capsys, "reconcile", "--delete-orphans")
        assert (answer["orphans"], answer["removed"], answer["passed"]) == (1, 1, True)
        assert [listed.name for listed in store().listing()] == [StoredObject.objects.get().name]


def put_other(name: str) -> None:
    """Lay something into the folder that is none of ours."""
    path = store().path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"theirs")


def test_a_row_without_an_object_is_lost_and_one_that_is_awaited_is_not(capsys):
    lost = kept()
    store().remove(lost.name)
    StoredObject.objects.create(
        name=new_name("image/png"), kind=ObjectKind.IMAGE, sha256="0" * 64, size=1, media_type="image/png"
    )
    soon = timezone.now() + timedelta(days=1)
    StoredObject.objects.create(  # whose writer was killed before the bytes were there
        name=new_name("application/zip"),
        kind=ObjectKind.BUNDLE,
        sha256="1" * 64,
        size=1,
        media_type="application/zip",
        delete_at=soon,
    )
    with pytest.raises(CommandError, match="1 rows have no object"):
        call_command("storage", "reconcile", "--json")
    answer = json.loads(capsys.readouterr().out)
    assert (answer["first_lost"], answer["awaited"], answer["passed"]) == ([lost.name], 2, False)


def test_what_is_to_go_by_itself_has_its_row_before_its_bytes_and_neither_where_the_store_refuses(tmp_path, settings):
    options = {"location": str(tmp_path / "torn"), "public_url": "http://testserver", "secret": "s"}
    settings.STORAGES = {**settings.STORAGES, "objects": {"BACKEND": "tests.training.slow_store.TornStore", "OPTIONS": options}}
    storages._storages = {}
    seen = []
    TornStore.on_its_way = lambda name: seen.append(StoredObject.objects.filter(name=name, etag="").count())
    facts = {"kind": ObjectKind.BUNDLE, "media_type": "application/zip", "metadata": METADATA}
    with pytest.raises(StoreError):
        stored_object.store_bytes(b"zip", delete_at=timezone.now(), **facts)
    assert seen == [1]
    assert not StoredObject.objects.exists()
    assert not list(store().listing())


def test_many_names_of_both_sides_are_paired_page_by_page(monkeypatch):
    monkeypatch.setattr(verbs, "PAGE", 7)
    rows = [kept() for _ in range(30)]
    gone = {row.name for row in rows[::3]}
    for name in gone:
        store().remove(name)
    report = verbs.reconcile(by=None)
    assert set(report.facts["first_lost"]) == gone
    assert report.facts["rows"] == 30


def test_an_empty_database_deletes_nothing(monkeypatch):
    put_bytes(new_name("image/jpeg"), b"x", media_type="image/jpeg", metadata=METADATA)
    with pytest.raises(Conflict, match="right database"):
        verbs.reconcile(by=None, delete_orphans=True)


def test_only_who_may_manage_the_store_does(careless):
    for verb in (verbs.check, verbs.reconcile):
        with pytest.raises(Refused):
            verb(by=people.cy())
    with pytest.raises(Refused):
        verbs.setup("https://hub.example.org", by=people.cy())


def test_the_daily_look_leaves_both_on_record():
    kept()
    inspect_store()
    assert {report.kind: report.passed for report in StoreReport.objects.all()}.keys() == set(ReportKind.values)


def test_what_a_killed_writer_left_is_swept_after_an_hour(careless, capsys):
    """The file store only: a scratch file, and a description whose object never came."""
    row = kept()
    folder = store().path_of(row.name).parent
    scratch, described = folder / f".{new_name('image/png')[:36]}", folder / f"{new_name('image/png')}.json"
    for path in (scratch, described):
        path.write_bytes(b"{}")
    assert out(capsys, "reconcile", "--delete-orphans")["scratch"] == 0
    for path in [*folder.iterdir()]:
        os.utime(path, (time.time() - 4_000,) * 2)
    assert out(capsys, "reconcile")["scratch"] == 2
    assert scratch.exists()
    out(capsys, "reconcile", "--delete-orphans")
    assert {path.name for path in folder.iterdir()} == {row.name, f"{row.name}.json"}


def test_a_folder_needs_no_setting_up(careless, capsys):
    assert "nothing to set up" in out(capsys, "setup")["folder"]
    with pytest.raises(CommandError, match="origin"):
        call_command("storage", "setup", "--origin", "hub.example.org")


def test_the_page_says_what_was_found_and_a_worker_looks_again():
    ada, page = looking(people.ada()), reverse("learning:figures")
    assert "not looked at yet" in text_of(ada.get(page))
    answer = ada.post(reverse("learning:store-inspect"), follow=True)
    assert "A worker looks at the store now" in text_of(answer)
    inspect_store()
    put_bytes(f"{uuid.uuid4()}.jpg", b"x", media_type="image/jpeg", metadata={})
    found = StoreReport.objects.get(kind=ReportKind.RECONCILE)
    found.pk, found.facts, found.passed = None, {**found.facts, "lost": 1, "first_lost": ["gone.jpg"]}, False
    found.save()
    assert "gone.jpg" in text_of(ada.get(page))
    assert looking(people.olga()).post(reverse("learning:store-inspect")).status_code == 403
