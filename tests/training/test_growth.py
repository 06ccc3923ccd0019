"""A dataset grows by an archive, a video or its rule, in a worker that may be killed anywhere; nobody sees what is half there."""

import io
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from core.errors import Refused
from learning.actions import erasing, erasure
from learning.actions import object as stored_object
from learning.models import LearningSample, ObjectKind, StoredObject
from tests import people
from tests.factories import learning as learning_factory
from tests.factories import training as factory
from training import frames
from training.actions import dataset as dataset_verbs
from training.actions import growing
from training.actions import sample as sample_verbs
from training.actions.taking import Taking, take
from training.models import DatasetGrowth, DatasetMember, GrowthKind, GrowthState, TrainingSample, VideoFrame

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada():
    return people.ada()


def dataset_of(ada, organization=None):
    return dataset_verbs.add(by=ada, name="grown", module=factory.module(ada), organization=organization)


@cache
def picture(number: int) -> bytes:
    return learning_factory.picture(number, (48, 48))


def archive(**more: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for number in range(4):
            made.writestr(f"photos/{number}.png", picture(number))
        for name, content in more.items():
            made.writestr(name.replace("__", "/").replace("_png", ".png"), content)
    return out.getvalue()


def growth_of(dataset, content: bytes, kind=GrowthKind.ARCHIVE, city=None, **options) -> DatasetGrowth:
    stored = {"kind": ObjectKind.VIDEO if kind == GrowthKind.VIDEO else ObjectKind.EXPORT, "media_type": "video/x-msvideo"}
    source = stored_object.store_bytes(content, metadata={}, **stored)
    facts = {"source": source, "source_name": "source.bin", "city": city, "options": options}
    return growing.begin(dataset, kind, by=dataset.created_by, **facts)


def stale(growth) -> None:
    DatasetGrowth.objects.filter(pk=growth.pk).update(beat_at=timezone.now() - timedelta(minutes=2))


def counts(growth):
    growth.refresh_from_db()
    return growth.state, growth.total, growth.added, growth.known, dict(growth.refused)


def test_an_archive_comes_in_once_and_says_what_it_left_out(ada):
    dataset = dataset_of(ada)
    content = archive(again_png=picture(0), broken_png=b"no picture", readme=b"text", **{"..__out_png": picture(9)})
    growth = growth_of(dataset, content)
    growing.run(growth.pk)
    refused = {"twice": 1, "not_an_image": 1, "file_ignored": 1, "unsafe_name": 1}
    assert counts(growth) == ("done", 6, 4, 0, refused)
    assert {row["name"] for row in growth.refusals} == {"again.png", "broken.png"}
    names = set(LearningSample.objects.values_list("source_name", flat=True))
    assert names == {f"photos/{number}.png" for number in range(4)}
    assert not LearningSample.objects.filter(state="received").exists()
    shown = type(dataset).objects.with_counts().get(pk=dataset.pk)
    assert (shown.sample_count, shown.labeled_count, shown.status) == (4, 0, "active")
    again = growth_of(dataset, archive())
    growing.run(again.pk)
    assert counts(again) == ("done", 4, 0, 4, {})
    assert growing.run(again.pk) is None


def test_what_a_killed_worker_stored_is_seen_by_nobody_and_another_one_goes_on(ada):
    dataset = dataset_of(ada)
    growth = growth_of(dataset, archive())
    killed = growing._claim(growth.pk)

    def die(_):
        raise KeyboardInterrupt

    step = {"city": None, "by": ada, "unseen": lambda keys: growing._beat(killed, unseen=keys)}
    with pytest.raises(KeyboardInterrupt):
        take(dataset, [Taking("0.png", picture(0))], written=die, **step)
    assert list(LearningSample.objects.values_list("state", flat=True)) == ["received"]
    assert growing.run(growth.pk) is None  # it may be alive
    stale(growth)
    growing.run(growth.pk)
    assert counts(growth)[:3] == ("done", 4, 4)
    assert LearningSample.objects.count() == 4
    with pytest.raises(growing.LostGrowth):
        growing._beat(killed)


def bounded(monkeypatch, organization, size: int) -> None:
    """Let the plan have so many bytes a dataset."""
    limits = replace(organization.limits, dataset_bytes=size)
    monkeypatch.setattr(type(organization), "limits", property(lambda _: limits))


def test_a_plan_is_not_passed_by_an_archive(ada, monkeypatch):
    acme = people.acme()
    city = factory.city(ada, "city_acme", acme)
    dataset = dataset_of(ada, acme)
    bounded(monkeypatch, acme, 2_000)
    growth = growth_of(dataset, archive(), city=city)
    growing.run(growth.pk)
    growth.refresh_from_db()
    assert (growth.state, growth.added) == ("failed", 0)
    assert "has 2.0\xa0KB a dataset" in growth.error_message
    growing.sweep()
    assert not LearningSample.objects.exists()


def video(frames_: int = 35) -> bytes:
    cv2 = pytest.importorskip("cv2")
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.avi"
        out = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (96, 96))
        noise = np.random.default_rng(1)
        for _ in range(frames_):
            out.write(noise.integers(0, 255, (96, 96, 3), dtype=np.uint8))
        out.release()
        return path.read_bytes()


def test_the_frames_of_a_video_stay_together_and_an_erased_one_takes_the_video_along(ada):
    dataset = dataset_of(ada)
    growth = growth_of(dataset, video(), GrowthKind.VIDEO, every_seconds=1.0, captured_at="2026-11-20T08:00:00+00:00")
    growing.run(growth.pk)
    assert counts(growth) == ("done", 4, 4, 0, {})
    samples = list(LearningSample.objects.order_by("captured_at"))
    assert [sample.captured_at.second for sample in samples] == [0, 1, 2, 3]
    assert {sample.group_key for sample in samples} == {f"video:{growth.source.sha256}"}
    assert list(VideoFrame.objects.order_by("second").values_list("second", flat=True)) == [0, 1, 2, 3]
    asked = erasure.draft("samples", {"samples": [samples[0].sample_id]}, by=ada)
    erasure.gather(asked.pk)
    asked.refresh_from_db()
    erasure.confirm(asked, by=ada, confirmation=erasure.phrase(asked))
    erasing.run(asked.pk)
    assert StoredObject.objects.get(pk=growth.source_id).deleted_at is not None
    assert VideoFrame.objects.count() == 3
    again = growing.begin(dataset, GrowthKind.VIDEO, by=ada, source=growth.source, options=growth.options)
    growing.run(again.pk)
    assert counts(again)[0] == "failed"


@pytest.mark.parametrize("content", [b"#EXTM3U\nfile:///etc/passwd\n", b"RIFF\0\0\0\0AVI LIST" + b"\xff" * 400])
def test_what_is_no_video_is_refused_with_a_sentence(ada, content):
    if not frames.is_installed():
        pytest.skip("needs the extra media")
    growth = growth_of(dataset_of(ada), content, GrowthKind.VIDEO, every_seconds=1.0)
    growing.run(growth.pk)
    growth.refresh_from_db()
    assert (growth.state, growth.error_message) == ("failed", frames.UNREADABLE.detail)


def test_a_rule_is_carried_out_by_one_worker_and_can_be_stopped(ada):
    factory.samples(ada, 12)
    dataset = dataset_of(ada)
    growth = growing.begin_by_rule(dataset, by=ada)
    assert growing.begin_by_rule(dataset, by=ada) == growth
    growing.run(growth.pk)
    assert counts(growth) == ("done", 12, 12, 0, {})
    assert TrainingSample.objects.filter(dataset=dataset).count() == 12
    more = growing.begin_by_rule(dataset, by=ada)
    assert more != growth
    assert [growing.cancel(more, by=ada).state for _ in range(2)] == [GrowthState.CANCELLED] * 2
    assert growing.run(more.pk) is None
    assert DatasetMember.objects.count() == 0


def test_two_at_once_cannot_pass_a_plan_together(ada, monkeypatch):
    acme = people.acme()
    city, dataset = factory.city(ada, "city_acme", acme), dataset_of(ada, acme)
    module = dataset.module
    samples = [factory.sample(module, city, number) for number in range(4)]
    size = max(sample.object.size for sample in samples)
    bounded(monkeypatch, acme, 3 * size)

    def add(pair):
        try:
            return len(sample_verbs.add_known(dataset, [sample.sample_id for sample in pair], by=ada))
        except Refused:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, (samples[:2], samples[2:]))) == [0, 2]
    growth = growing.begin_by_rule(dataset, by=ada)
    growing.run(growth.pk)
    assert (counts(growth)[0], TrainingSample.objects.filter(dataset=dataset).count()) == ("failed", 2)
