"""A frozen version is proved by a worker, marked as production, suggested a number, and found by its members."""

from datetime import timedelta

import orjson
import pytest
from django.urls import reverse
from django.utils import timezone

from core.errors import Conflict, Refused
from core.storage import store
from learning.actions import label_schema
from learning.models import LearningSample
from tests import people
from tests.factories import training as make
from tests.learning.test_batch_api import Caller
from tests.pages import looking
from training.actions import dataset, version, version_number, version_proof
from training.models import DatasetMember, DatasetVersion

pytestmark = pytest.mark.django_db


def path_of(done, *more):
    return "/".join((f"/api/v1/training/datasets/{done.dataset_id}/versions/{done.version}", *more))


def test_a_worker_proves_it_and_the_page_tells():
    ada = people.ada()
    make.samples(ada, 5)
    done = make.frozen(ada)
    page, here = looking(ada), reverse("training:version", args=[done.pk])
    assert "never" in page.get(here).content.decode()
    page.post(reverse("training:version-verify", args=[done.pk]), {"objects": "on"})
    assert 'hx-trigger="every 2s"' in page.get(here).content.decode()
    assert version_proof.ask(done, by=ada).verify_objects  # asked again meanwhile it is the same proof
    proved = version_proof.prove(done.pk)
    assert proved.verification == {"members": 5, "erased": 0, "objects": 5, "faults": []}
    assert version_proof.prove(done.pk) is None
    shown = page.get(here).content.decode()
    assert ("5 images read" in shown, 'hx-trigger="every 2s"' in shown) == (True, False)
    told = Caller(ada).get(path_of(done)).json()
    assert (told["verifying"], told["last_verify"]["members"], told["erased_count"]) == (False, 5, 0)


def test_what_is_not_sound_is_told_in_sentences():
    ada = people.ada()
    made = make.samples(ada, 4)
    done = make.frozen(ada)
    path = getattr(store(), "path_of", None)
    if path is not None:
        path(made[0].object.name).write_bytes(b"other")
    DatasetMember.objects.filter(version=done, sample=made[1]).update(split="nowhere")
    assert Caller(ada).post(path_of(done, "verify"), {"objects": True}).status_code == 202
    faults = " ".join(version_proof.prove(done.pk).verification["faults"])
    assert f"1 members of the database are not those of the manifest: {made[1].sample_id}" in faults
    assert path is None or f"1 objects are not what was frozen: {made[0].object.name}" in faults
    assert "not sound" in looking(ada).get(reverse("training:version", args=[done.pk])).content.decode()


def test_a_proof_that_was_killed_is_done_again():
    ada = people.ada()
    make.samples(ada, 2)
    done = make.frozen(ada)
    version_proof.ask(done, by=ada)
    slow = version_proof._claim(done.pk)
    assert (version_proof.prove(done.pk), version_proof.sweep()) == (None, 0)
    DatasetVersion.objects.update(verify_beat_at=timezone.now() - timedelta(minutes=2))
    assert version_proof.sweep() == 1
    assert version_proof.prove(done.pk).verified_at
    with pytest.raises(version_proof.LostProof):
        version_proof._finish(slow, {"members": 0, "faults": []})


def test_only_one_version_is_in_production():
    ada = people.ada()
    make.samples(ada, 2)
    of = make.dataset_of(ada)
    first, second = make.frozen(ada, of), make.frozen(ada, of, "v1.1.0")
    assert Caller(ada).post(path_of(first, "promote"), {}).json()["is_production"]
    looking(ada).post(reverse("training:version-production", args=[second.pk]))
    assert list(DatasetVersion.objects.filter(is_production=True)) == [second]
    assert version.promote(second, by=ada).is_production
    version.archive(second, by=ada)
    assert not DatasetVersion.objects.filter(is_production=True).exists()
    with pytest.raises(Conflict, match="only a frozen version"):
        version.promote(second, by=ada)
    with pytest.raises(Refused):
        version.promote(first, by=people.olga())
    version.promote(first, by=ada)
    assert not Caller(ada).post(path_of(first, "demote"), {}).json()["is_production"]


def test_the_number_says_what_changed():
    ada = people.ada()
    made = make.samples(ada, 6)
    of = make.dataset_of(ada)
    assert version_number.suggest(of).version == "v1.0.0"
    make.frozen(ada, of, "")
    still = version_number.suggest(of)
    assert (still.version, still.part, still.reasons) == ("v1.0.1", "patch", [])
    make.sample(made[0].module, made[0].city, 90)
    dataset.refresh(of, by=ada)
    more = version_number.suggest(of)
    assert (more.version, more.part, more.since) == ("v1.1.0", "minor", "v1.0.0")
    assert more.reasons == ["1 more samples have a truth"]
    labels = [dict(label) for label in made[0].module.schema.labels]
    labels[0]["name"] = "nought"
    label_schema.revise(made[0].module, by=ada, based_on=made[0].module.schema.revision, labels=labels)
    renamed = version_number.suggest(type(of).objects.get(pk=of.pk))
    assert (renamed.version, renamed.reasons[0]) == ("v2.0.0", "the label 0 is called nought now")
    asked = Caller(ada).post(f"/api/v1/training/datasets/{of.pk}/versions", {})
    assert (asked.status_code, asked.json()["version"]) == (202, "v2.0.0")


def test_a_sample_knows_the_versions_that_hold_it():
    ada = people.ada()
    made = make.samples(ada, 2)
    of = make.dataset_of(ada)
    make.frozen(ada, of)
    alone = make.sample(made[0].module, made[0].city, 90)
    told = Caller(ada).get(f"/api/v1/training/lineage/{made[0].sample_id}").json()
    assert (told["used_in_training"], told["training_dataset_version"]) == (True, "meter-digits@v1.0.0")
    other = Caller(ada).get(f"/api/v1/training/lineage/{alone.sample_id}").json()
    assert (other["used_in_training"], other["training_dataset_version"], other["versions"]) == (False, None, [])
    assert Caller(people.ann()).get(f"/api/v1/training/lineage/{alone.sample_id}").status_code == 403


def test_class_by_split_by_city_is_counted_at_the_freeze():
    ada = people.ada()
    made = make.samples(ada, 20, labels=["1", "2"])
    elsewhere = make.city(ada, "city_mumbai")
    make.sample(made[0].module, elsewhere, 3, label="2")
    done = make.frozen(ada, seed=7)
    cells = done.statistics["by_class"]
    assert sum(count for *_, count in cells) == 21
    assert [count for label, _, city, count in cells if city == "city_mumbai"] == [1]
    here = reverse("training:version", args=[done.pk])
    shown = looking(ada).get(here, {"city": "city_mumbai"}).content.decode()
    assert "<option selected>city_mumbai</option>" in shown
    assert orjson.dumps(cells)  # it is kept with the version
    assert LearningSample.objects.count() == 21
