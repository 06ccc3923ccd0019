"""`cc-edge pull` in a process of its own against the real hub: once, again, from the middle, and with bad bytes."""

import json
import os
import signal

import pytest

from accounts.actions import access_key
from accounts.models import Role
from cc_edge.pull import fingerprint
from core.storage import put_bytes, store
from learning.actions import erasing, erasure
from learning.models import LearningSample, StoredObject
from tests import people
from tests.edge.live import end, run, serve_store_at, start, until
from tests.factories import training as make
from tests.factories.accounts import MachineFactory
from training import files
from training.actions import erasure as training_erasure

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pull(live_server, settings, tmp_path, monkeypatch):
    serve_store_at(live_server.url, settings)
    monkeypatch.setattr(files, "PAGE", 7)  # so that there are several
    key = access_key.issue(MachineFactory(role=Role.PIPELINE), by=None)[1]
    ada = people.ada()
    make.samples(ada, 24)
    version = make.frozen(ada)

    def arguments(*more, named=None, into="out", cache="cache"):
        named = named or f"{version.dataset_id}@{version.version}"
        rest = ("--hub", live_server.url, "--cache", tmp_path / cache, *more)
        return ("pull", named, tmp_path / into, *rest), {"key": key}

    arguments.version = version
    return arguments


def pulled(pull, *more, **where):
    arguments, options = pull(*more, **where)
    return run(*arguments, **options)


def distinct() -> int:
    return StoredObject.objects.filter(kind="image").values("sha256").distinct().count()


def members_of(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "members.jsonl").read_text().splitlines()]


def test_a_version_comes_whole_and_is_proven(pull, tmp_path):
    ended = pulled(pull)
    assert ended.code == 0, ended.said
    [said] = ended.lines
    version = pull.version
    assert (said["members"], said["fetched"], said["proven"]) == (version.sample_count, distinct(), True)
    assert said["fingerprint"] == version.fingerprint
    members = members_of(tmp_path / "out")
    assert len(members) == version.sample_count > 7
    for member in members:
        with store().open_object(StoredObject.objects.filter(sha256=member["object"]["sha256"])[0].name) as stream:
            assert (tmp_path / "out" / member["file"]).read_bytes() == stream.read()
    assert not list((tmp_path / "out").rglob("*.part"))


def test_again_nothing_is_fetched_and_another_folder_is_filled_from_the_cache(pull, tmp_path):
    pulled(pull)
    for into in ("out", "other"):
        [said] = pulled(pull, into=into).lines
        assert (said["fetched"], said["proven"], said["objects"]) == (0, True, pull.version.sample_count)
    assert members_of(tmp_path / "other") == members_of(tmp_path / "out")


def test_killed_in_the_middle_it_goes_on_and_fetches_nothing_twice(pull, tmp_path):
    arguments, options = pull("--threads", "1")
    process = start(*arguments, **options)
    until(lambda: len(list((tmp_path / "cache").glob("[0-9a-f]*"))) >= 3)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    had = len(list((tmp_path / "cache").glob("[0-9a-f]*")))
    ended = end(start(*arguments, **options))
    assert ended.code == 0, ended.said
    assert ended.lines[0]["fetched"] == distinct() - had
    assert ended.lines[0]["proven"]


def test_what_was_erased_since_goes_from_folder_and_cache(pull, tmp_path):
    pulled(pull)
    [first] = members_of(tmp_path / "out")[:1]
    others = [member for member in members_of(tmp_path / "out") if member["file"] != first["file"]]
    gone = LearningSample.objects.filter(object__sha256=first["object"]["sha256"])
    made = erasure.gather(
        erasure.draft("samples", {"samples": list(gone.values_list("sample_id", flat=True))}, by=people.ada()).pk
    )
    erasing.run(erasure.confirm(made, by=people.ada(), confirmation=erasure.phrase(made)).pk)
    training_erasure.rewrite(pull.version.pk)
    old = tmp_path / "cache" / ".killed.part"
    old.write_bytes(b"half")
    os.utime(old, (0, 0))
    ended = pulled(pull)
    assert (ended.code, ended.lines[0]["removed"], ended.lines[0]["proven"]) == (3, 1, False)
    assert ended.lines[0]["withdrawn"] == len(made.items.all())
    name = first["file"].rpartition("/")[2]
    assert not (tmp_path / "out" / first["file"]).exists()
    assert not (tmp_path / "cache" / name).exists()
    assert not old.exists()
    assert members_of(tmp_path / "out") == others
    assert all((tmp_path / "out" / member["file"]).exists() for member in others)


def test_one_split_is_fetched_and_all_members_are_proven(pull, tmp_path):
    [said] = pulled(pull, "--split", "train").lines
    splits = [member["split"] for member in members_of(tmp_path / "out") if "file" in member]
    assert set(splits) == {"train"}
    assert said["objects"] == len(splits) < said["members"]
    assert said["proven"]


def test_a_dataset_may_be_named(pull):
    version = pull.version
    assert pulled(pull, named=f"{version.dataset.name}@{version.version}").code == 0


def test_an_object_that_is_not_what_was_frozen_is_refused(pull, tmp_path):
    for obj in StoredObject.objects.filter(kind="image"):
        store().remove(obj.name)
        put_bytes(obj.name, b"another picture", media_type=obj.media_type, metadata=obj.metadata)
    ended = pulled(pull)
    assert (ended.code, ended.lines) == (1, [])
    assert "not what was frozen" in ended.said
    assert not (tmp_path / "out" / "members.jsonl").exists()


@pytest.mark.parametrize(
    ("named", "code"), [("nobody@v1.0.0", 6), ("x", 6), ("a@b", 6), ("0" * 8 + "-0000-0000-0000-" + "0" * 12 + "@v1.0.0", 6)]
)
def test_what_cannot_be_pulled_has_its_exit_code(pull, named, code):
    ended = pulled(pull, named=named)
    assert ended.code == code, ended.said
    assert "Traceback" not in ended.said


def test_another_key_is_refused(pull):
    arguments, _ = pull()
    assert run(*arguments, key="cc_wrong_key").code == 5


def test_the_fingerprint_does_not_depend_on_the_order():
    assert fingerprint([b"b" * 32, b"a" * 32]) == fingerprint([b"a" * 32, b"b" * 32])
