"""`cc-edge upload` in a process of its own against the real hub: once, twice, from the middle, and with bad input."""

import contextlib
import json
import random
import signal
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from accounts.actions import access_key
from core.storage import store
from learning.actions import batch as batches
from learning.actions import city, module
from learning.models import BatchState, LearningSample, StoredObject, UploadBatch, UploadRejection
from tests import people
from tests.edge.live import end, run, serve_store_at, start, until
from tests.edge.test_stripping import OWNER, exif

pytestmark = pytest.mark.django_db(transaction=True)
DIGITS = [str(digit) for digit in range(10)]


@pytest.fixture
def pune(live_server, settings):
    serve_store_at(live_server.url, settings)
    module.add("digits", by=people.ada(), name="Digits", task="classification", labels=DIGITS)
    return city.add("city_pune", by=people.ada(), timezone="Asia/Kolkata")


@pytest.fixture
def upload(live_server, pune, tmp_path):
    _, key = access_key.issue(pune.user, by=None)
    arguments = ("upload", tmp_path / "source", "--hub", live_server.url, "--city", "city_pune", "--state", tmp_path / "state")
    return lambda *more, **options: (arguments + more, {"key": key, **options})


def item(number: int, **changes) -> dict:
    return {
        "event_id": f"e-{number}",
        "camera_id": f"cam-{number % 3}",
        "ai_module": "digits",
        "label_status": "correct",
        "captured_at": "2026-11-20T08:00:00+05:30",
        "confidence": 0.8,
        "image_quality_score": 0.9,
        "prediction": {"label": str(number % 10)},
        "predicted_by": {"model": "digits", "version": "v0.9.0"},
        "file": f"images/{number}.jpg",
        **changes,
    }


def write_source(folder: Path, items: list[dict]) -> None:
    dice = np.random.default_rng(len(items))
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for one in items:
        path = folder / str(one.get("file", "images/x.jpg"))
        if path.suffix == ".jpg" and not path.exists():
            picture = Image.fromarray(dice.integers(0, 255, (32, 32), dtype=np.uint8))
            picture.save(path, exif=exif())
    (folder / "samples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in items))


def verified(process) -> None:
    """Do the worker's part as soon as the client has sealed its batch."""
    sealed = until(lambda: process.poll() is not None or UploadBatch.objects.filter(state=BatchState.SEALED).first())
    if isinstance(sealed, UploadBatch):
        batches.verify(sealed.pk)


def delivered(upload, *more):
    arguments, options = upload(*more)
    process = start(*arguments, **options)
    verified(process)
    return end(process)


def images() -> int:
    return StoredObject.objects.filter(kind="image").count()


def test_a_folder_becomes_registered_samples_without_metadata(upload, tmp_path):
    write_source(tmp_path / "source", [item(number) for number in range(12)])
    before = {path: path.read_bytes() for path in (tmp_path / "source").rglob("*") if path.is_file()}
    ended = delivered(upload)
    assert (ended.code, len(ended.lines)) == (0, 1)
    [said] = ended.lines
    expected = {
        "accepted": 12,
        "duplicate": 0,
        "rejected": 0,
        "skipped": 0,
        "uploaded": 12,
        "state": "registered",
        "reasons": {},
    }
    assert {name: said[name] for name in expected} == expected
    assert said["batch"].startswith("batch_city_pune_2")
    assert said["bytes"] == sum(row.size for row in StoredObject.objects.filter(kind="image"))
    assert LearningSample.objects.verified().count() == 12
    sample = LearningSample.objects.select_related("object").get(event_id="e-3")
    with store().open_object(sample.object.name) as stream:
        assert OWNER not in stream.read()
    assert sample.source_name == "3.jpg"
    assert before == {path: path.read_bytes() for path in (tmp_path / "source").rglob("*") if path.is_file()}


def test_the_same_folder_twice_makes_no_second_sample_and_no_second_object(upload, tmp_path):
    write_source(tmp_path / "source", [item(number) for number in range(8)])
    delivered(upload)
    facts = (LearningSample.objects.count(), images())
    ended = delivered(upload)
    assert ended.code == 0
    assert {name: ended.lines[0][name] for name in ("accepted", "duplicate", "uploaded")} == {
        "accepted": 0,
        "duplicate": 8,
        "uploaded": 0,
    }
    assert (LearningSample.objects.count(), images()) == facts == (8, 8)


def test_killed_in_the_middle_it_goes_on_where_it_was(upload, tmp_path, settings):
    write_source(tmp_path / "source", [item(number) for number in range(150)])
    arguments, options = upload()
    dice = random.Random(5)
    for _ in range(3):
        process = start(*arguments, **options)
        wanted = dice.randrange(5, 40)
        until(lambda wanted=wanted: _uploaded(tmp_path / "state") >= wanted)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not LearningSample.objects.verified().exists()
    ended = delivered(upload)
    assert ended.code == 0
    [said] = ended.lines
    assert (said["accepted"], said["duplicate"], said["state"]) == (150, 0, "registered")
    assert UploadBatch.objects.count() == 1
    assert LearningSample.objects.verified().count() == images() == 150
    if "location" in settings.STORAGES["objects"]["OPTIONS"]:
        folder = Path(settings.STORAGES["objects"]["OPTIONS"]["location"])
        assert len(list(folder.rglob("*.jpg"))) == 300  # each image and its thumbnail, once
    assert 0 < said["uploaded"] < 150


def _uploaded(state: Path) -> int:
    """Answer how many images a client under way has noted as stored."""
    for path in state.glob("*.sqlite3"):
        with contextlib.suppress(sqlite3.OperationalError), contextlib.closing(sqlite3.connect(path)) as journal:
            return journal.execute("SELECT count(*) FROM item WHERE uploaded").fetchone()[0]
    return 0


def test_lost_memory_of_an_unfinished_delivery_costs_a_second_batch_and_nothing_else(upload, tmp_path):
    write_source(tmp_path / "source", [item(number) for number in range(5)])
    delivered(upload)
    for path in (tmp_path / "state").iterdir():
        path.unlink()
    ended = delivered(upload)
    assert (ended.code, ended.lines[0]["duplicate"]) == (0, 5)
    assert LearningSample.objects.count() == images() == 5


def test_bad_lines_have_their_reason_and_the_rest_goes_on(upload, tmp_path):
    source = tmp_path / "source"
    items = [
        item(0),
        item(1, label_status="unsure"),
        item(2, image_quality_score=0.2),
        item(3, event_id=""),
        item(4, label_status="perhaps"),
        item(5, file="../outside.jpg"),
        item(6, file="images/6.txt"),
        item(7, file="images/missing.png"),
        item(8, prediction={"label": "eleven"}),
        item(9),
    ]
    write_source(source, items)
    (source / "images" / "6.txt").write_text("no image")
    with (source / "samples.jsonl").open("a") as lines:
        lines.write("{not json}\n")
    ended = delivered(upload, "--min-quality", "0.5")
    assert ended.code == 3
    [said] = ended.lines
    assert (said["accepted"], said["skipped"], said["rejected"]) == (2, 2, 7)
    assert (
        said["reasons"].items()
        >= {
            "missing_event_id": 1,
            "label_status_unknown": 1,
            "outside_folder": 1,
            "not_an_image": 1,
            "file_missing": 1,
            "malformed": 1,
        }.items()
    )
    assert LearningSample.objects.verified().count() == 2


def test_an_image_that_a_worker_refuses_is_counted_as_rejected(upload, tmp_path, settings):
    settings.UPLOAD_MAX_PIXELS = 2000
    write_source(tmp_path / "source", [item(0), item(1)])
    Image.new("L", (50, 50)).save(tmp_path / "source" / "images" / "1.jpg")
    ended = delivered(upload)
    assert ended.code == 3
    [said] = ended.lines
    assert (said["accepted"], said["rejected"], said["reasons"]) == (1, 1, {"too_many_pixels": 1})
    assert UploadRejection.objects.get().event_id == "e-1"


def test_without_waiting_it_ends_once_sealed(upload, tmp_path):
    write_source(tmp_path / "source", [item(0)])
    arguments, options = upload("--no-wait")
    ended = run(*arguments, **options)
    assert (ended.code, ended.lines[0]["state"]) == (0, "sealed")


def test_the_day_can_be_named(upload, tmp_path):
    write_source(tmp_path / "source", [item(0)])
    ended = delivered(upload, "--day", "2026-11-18")
    assert ended.lines[0]["batch"] == "batch_city_pune_20261118"


@pytest.mark.parametrize(
    ("more", "options", "code"),
    [
        ((), {"key": "cc_wrong_key"}, 5),
        ((), {"key": ""}, 6),
        (("--city", "city_nowhere"), {}, 6),
        (("--hub", "ftp://x"), {}, 6),
        (("--day", "yesterday"), {}, 6),
    ],
)
def test_what_is_wrong_has_its_exit_code(upload, tmp_path, more, options, code):
    write_source(tmp_path / "source", [item(0)])
    arguments, given = upload(*more, **options)
    ended = run(*arguments, **given)
    assert (ended.code, ended.lines) == (code, [])
    assert "Traceback" not in ended.said
    assert not UploadBatch.objects.exists()


def test_two_at_once_are_one_too_many(upload, tmp_path):
    write_source(tmp_path / "source", [item(0)])
    arguments, options = upload()
    first = start(*arguments, **options)
    until(lambda: UploadBatch.objects.filter(state=BatchState.SEALED).exists())
    assert run(*arguments, **options).code == 75
    verified(first)
    assert end(first).code == 0


def test_a_hub_that_is_away_is_exit_code_four(upload, tmp_path, monkeypatch):
    write_source(tmp_path / "source", [item(0)])
    from cc_edge import cli

    monkeypatch.setattr(cli, "HUB_TRIES", 2)
    monkeypatch.setenv("CC_KEY", "cc_a_b")
    arguments, _ = upload("--hub", "http://127.0.0.1:9")
    assert cli.main([str(argument) for argument in arguments]) == 4
