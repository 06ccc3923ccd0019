"""The samples of a dataset, brought in by hand, corrected, verified and taken out; its counts follow."""

import json
from decimal import Decimal

import pytest

from accounts.models.organization import LIMITS, Limits, Plan
from core.errors import Conflict, Invalid, Missing, Refused
from core.storage import store
from learning.models import HitlLabel, LearningSample, ObjectKind, ReviewSlot, SampleState, SlotState, StoredObject
from tests import people
from tests.factories import learning as learning_factory
from tests.factories import training as make
from training.actions import dataset as dataset_verbs
from training.actions import sample as verbs
from training.actions import version
from training.models import DatasetStatus, TrainingDataset, TrainingSample

pytestmark = pytest.mark.django_db
PICTURE = learning_factory.picture(7, (64, 64))


def empty(by, **options):
    return dataset_verbs.add(by=by, name="digits", module=make.module(by), **options)


def counts(dataset):
    row = TrainingDataset.objects.with_counts().get(pk=dataset.pk)
    return row.sample_count, row.labeled_count, row.verified_count


def test_samples_of_the_store_come_in_once_settled_or_not():
    ada = people.ada()
    settled, waiting = make.samples(ada, 2)
    LearningSample.objects.filter(pk=waiting.pk).update(state=SampleState.PENDING)
    dataset = empty(ada)
    names = [waiting.sample_id, settled.sample_id, waiting.sample_id]
    places = verbs.add_known(dataset, names, by=ada)
    assert [(place.sample_id, place.is_labeled) for place in places] == [(waiting.pk, False), (settled.pk, True)]
    assert counts(dataset) == (2, 1, 0)
    dataset.refresh_from_db()
    assert dataset.status == DatasetStatus.ACTIVE
    assert verbs.add_known(dataset, names, by=ada) == places
    assert counts(dataset) == (2, 1, 0)


def test_a_sample_that_is_not_there_or_of_another_place_brings_in_none():
    ada = people.ada()
    known = make.samples(ada, 1)[0]
    foreign = make.sample(make.module(ada, "plates"), make.city(ada), 5)
    unseen = make.sample(make.module(ada), make.city(ada), 6, state=SampleState.RECEIVED)
    dataset = empty(ada)
    for name in ("nobody", foreign.sample_id, unseen.sample_id):
        with pytest.raises(Missing, match=name):
            verbs.add_known(dataset, [known.sample_id, name], by=ada)
    assert counts(dataset) == (0, 0, 0)
    with pytest.raises(Missing):
        verbs.add_known(empty(ada, organization=people.acme(), version="v0.2.0"), [known.sample_id], by=ada)
    for names in ([], ["x"] * 1 + [str(number) for number in range(1_001)]):
        with pytest.raises(Invalid):
            verbs.add_known(dataset, names, by=ada)


def test_an_image_becomes_a_sample_of_the_store_and_of_the_dataset():
    ada = people.ada()
    dataset = empty(ada)
    place = verbs.upload(dataset, PICTURE, by=ada, metadata={"shelf": 3}, source_name="seven.png")
    sample = LearningSample.objects.select_related("object__thumbnail", "city", "camera").get()
    assert (sample.city.slug, sample.camera.camera_id, sample.state, sample.truth) == ("hub", "upload", "pending", None)
    assert (sample.object.width, sample.object.height, sample.object.verified_at is None) == (64, 64, False)
    assert sample.object.thumbnail.kind == ObjectKind.THUMBNAIL
    assert store().stat(sample.object.name).metadata["event_id"] == sample.event_id
    assert ReviewSlot.objects.get().state == SlotState.OPEN
    place.refresh_from_db()
    assert (place.sample, place.metadata, counts(dataset)) == (sample, {"shelf": 3}, (1, 0, 0))


def test_the_same_image_again_is_not_stored_again_and_may_bring_its_label():
    ada = people.ada()
    dataset = empty(ada)
    first = verbs.upload(dataset, PICTURE, by=ada)
    again = verbs.upload(dataset, PICTURE, by=ada, annotations={"label": "7"})
    assert (again, StoredObject.objects.count()) == (first, 2)
    assert LearningSample.objects.get().truth == {"label": "7"}
    assert ReviewSlot.objects.get().state == SlotState.VOID
    assert counts(dataset) == (1, 1, 0)


def test_a_labeled_image_is_worth_what_the_modules_policy_says():
    ada = people.ada()
    module = make.module(ada)
    for rule, state in (("trust", SampleState.SETTLED), ("review", SampleState.PENDING)):
        module.review_policy = {"city_labels": rule}
        module.save()
        dataset = dataset_verbs.add(by=ada, name=rule, module=module)
        picture = learning_factory.picture(len(rule))
        verbs.upload(dataset, picture, by=ada, annotations={"label": "3"})
        assert LearningSample.objects.latest("id").state == state
    assert HitlLabel.objects.by_people().count() == 2
    assert not HitlLabel.objects.by_cities().exists()


@pytest.mark.parametrize(
    ("content", "annotations", "code"),
    [
        (b"no picture", None, "not_an_image"),
        (PICTURE[:200], None, "not_an_image"),
        (PICTURE, {"label": "eleven"}, ""),
        (PICTURE, [1], ""),
        (PICTURE, {"boxes": [{"label": "1", "bbox": [0, 0, 100, 100]}]}, ""),
    ],
)
def test_what_is_no_image_or_no_annotation_leaves_nothing(content, annotations, code):
    ada = people.ada()
    dataset = empty(ada)
    with pytest.raises(Invalid) as refused:
        verbs.upload(dataset, content, by=ada, annotations=annotations)
    assert not code or refused.value.code == code
    assert not LearningSample.objects.exists()
    assert not StoredObject.objects.exists()


def test_a_customers_dataset_takes_images_of_its_own_cities():
    ada, acme = people.ada(), people.acme()
    own, other = make.city(ada, "city_own", acme), make.city(ada)
    dataset = empty(ada, organization=acme)
    for city in (None, other):
        with pytest.raises(Invalid, match="own cities"):
            verbs.upload(dataset, PICTURE, by=ada, city=city)
    with pytest.raises(Invalid):
        verbs.upload(empty(ada, version="v0.2.0"), PICTURE, by=ada, city=own)
    assert verbs.upload(dataset, PICTURE, by=ada, city=own).sample.city == own


def test_a_correction_is_a_new_label_and_what_was_frozen_stays(tmp_path):
    ada = people.ada()
    sample = make.samples(ada, 3)[1]
    dataset = make.dataset_of(ada)
    frozen = make.frozen(ada, dataset)
    place = dataset.samples.get(sample=sample)
    verbs.verify(place, by=ada, decision="approve")
    verbs.revise(place, by=ada, annotations={"label": "9"}, metadata={"note": "blurred"}, notes="a nine")
    label = HitlLabel.objects.get()
    assert (label.label_source, label.label_status, label.correction, label.annotator) == (
        "correction",
        "changed",
        {"label": "9"},
        ada,
    )
    place.refresh_from_db()
    assert (place.is_labeled, place.is_verified, place.metadata, place.labels) == (True, False, {"note": "blurred"}, ["9"])
    assert counts(dataset) == (3, 3, 0)
    verbs.revise(place, by=ada, annotations={"label": "9"})
    assert HitlLabel.objects.count() == 1
    verbs.revise(place, by=ada, annotations={"label": "8"})
    assert [row.correction for row in HitlLabel.objects.standing()] == [{"label": "8"}]
    with store().open_object(frozen.truth.name) as stream:
        assert {"label": "1"} in [json.loads(line)["truth"] for line in stream]
    later = version.freeze(version.create(dataset, by=ada, version="v1.1.0").pk)
    with store().open_object(later.truth.name) as stream:
        assert {"label": "8"} in [json.loads(line)["truth"] for line in stream]


def test_a_citys_later_label_does_not_undo_a_correction_by_the_hub():
    ada = people.ada()
    learning_factory.vehicles()
    city = learning_factory.pune()
    [sample] = learning_factory.delivered(city, 1)
    dataset = dataset_verbs.add(by=ada, name="cars", module=sample.module)
    [place] = verbs.add_known(dataset, [sample.sample_id], by=ada)
    verbs.revise(place, by=ada, annotations={"label": "bus"})
    with store().open_object(sample.object.name) as stream:
        content = stream.read()
    item = learning_factory.item("e-0", content, label_status="changed", correction={"label": "bicycle"})
    batch = learning_factory.opened(city, learning_factory.DAY.replace(day=21))
    [answer] = learning_factory.batches.add_items(batch, [item], by=city.user)
    assert answer["outcome"] == "relabelled"
    sample.refresh_from_db()
    assert sample.truth == {"label": "bus"}
    assert HitlLabel.objects.standing().count() == 2


@pytest.mark.parametrize("state", [SampleState.RECEIVED, SampleState.EXCLUDED])
def test_what_has_no_truth_is_not_corrected(state):
    ada = people.ada()
    sample = make.samples(ada, 1)[0]
    dataset = make.dataset_of(ada)
    LearningSample.objects.filter(pk=sample.pk).update(state=state)
    with pytest.raises(Conflict, match=state):
        verbs.revise(dataset.samples.get(), by=ada, annotations={"label": "9"})


@pytest.mark.parametrize("metadata", [[1], "x", {"a": "\x00"}, {"a": "\ud800"}, {"a": float("nan")}, {"a": "x" * 10_001}])
def test_metadata_is_a_small_plain_object(metadata):
    ada = people.ada()
    make.samples(ada, 1)
    with pytest.raises(Invalid):
        verbs.revise(make.dataset_of(ada).samples.get(), by=ada, metadata=metadata)


def test_a_sample_leaves_the_dataset_and_not_the_frozen_version():
    ada = people.ada()
    make.samples(ada, 2)
    dataset = make.dataset_of(ada)
    frozen = make.frozen(ada, dataset)
    place = dataset.samples.first()
    verbs.verify(place, by=ada, decision="approve")
    verbs.remove(place, by=ada)
    verbs.remove(place, by=ada)
    assert counts(dataset) == (1, 1, 0)
    assert (frozen.members.count(), LearningSample.objects.count()) == (2, 2)


def test_verifying_is_counted_and_a_rejected_sample_is_frozen_no_more():
    ada = people.ada()
    make.samples(ada, 2)
    dataset = make.dataset_of(ada)
    place = dataset.samples.first()
    approved = verbs.verify(place, by=ada, decision="approve", quality_score=Decimal("0.75"))
    assert (approved.is_verified, approved.verified_by, approved.quality_score) == (True, ada, Decimal("0.75"))
    verbs.verify(place, by=ada, decision="approve")
    assert counts(dataset) == (2, 2, 1)
    rejected = verbs.verify(place, by=ada, decision="reject", reason="cut off")
    assert (rejected.is_verified, rejected.rejection_reason, counts(dataset)) == (False, "cut off", (2, 2, 0))
    assert make.frozen(ada, dataset).sample_count == 1
    assert verbs.verify(place, by=ada, decision="approve").rejection_reason == ""


@pytest.mark.parametrize(
    "verdict",
    [
        {"decision": "maybe"},
        {"decision": "reject"},
        {"decision": "reject", "reason": " "},
        {"decision": "reject", "reason": "x" * 201},
        {"decision": "approve", "quality_score": Decimal("1.1")},
        {"decision": "approve", "quality_score": Decimal("NaN")},
    ],
)
def test_a_verdict_that_makes_no_sense_is_refused(verdict):
    ada = people.ada()
    make.samples(ada, 1)
    with pytest.raises(Invalid):
        verbs.verify(make.dataset_of(ada).samples.get(), by=ada, **verdict)


def test_what_has_no_label_is_not_approved():
    ada = people.ada()
    place = verbs.upload(empty(ada), PICTURE, by=ada)
    with pytest.raises(Conflict, match="waits"):
        verbs.verify(place, by=ada, decision="approve")
    verbs.verify(place, by=ada, decision="reject", reason="nothing to see")


def test_only_super_admins_change_samples_and_none_of_an_archived_dataset():
    ada = people.ada()
    sample = make.samples(ada, 1)[0]
    dataset = make.dataset_of(ada)
    place = dataset.samples.get()
    acts = [
        lambda by: verbs.add_known(dataset, [sample.sample_id], by=by),
        lambda by: verbs.upload(dataset, PICTURE, by=by),
        lambda by: verbs.revise(place, by=by, metadata={}),
        lambda by: verbs.remove(place, by=by),
        lambda by: verbs.verify(place, by=by, decision="approve"),
    ]
    for person in (people.rhea(), people.ann(), people.olga(), people.cy()):
        for act in acts:
            with pytest.raises(Refused):
                act(person)
    dataset_verbs.archive(dataset, by=ada)
    place.dataset.refresh_from_db()
    for act in acts:
        with pytest.raises(Conflict, match="archived"):
            act(ada)
    assert TrainingSample.objects.count() == 1


def test_the_plan_bounds_the_distinct_bytes_of_a_customers_dataset(monkeypatch):
    ada, acme = people.ada(), people.acme()
    city = make.city(ada, "city_own", acme)
    module = make.module(ada)
    one, two, three = (make.sample(module, city, number) for number in range(3))
    LearningSample.objects.filter(pk=two.pk).update(object=one.object)
    room = one.object.size + three.object.size - 1
    monkeypatch.setitem(LIMITS, Plan.ENTERPRISE, Limits(10, room, 5, custom_training=True, portal=True))
    dataset = empty(ada, organization=acme)
    [first, _] = verbs.add_known(dataset, [one.sample_id, two.sample_id], by=ada)
    for act in (
        lambda: verbs.add_known(dataset, [three.sample_id], by=ada),
        lambda: dataset_verbs.refresh(dataset, by=ada),
        lambda: verbs.upload(dataset, PICTURE, by=ada, city=city),
    ):
        with pytest.raises(Refused, match="bytes a dataset") as refused:
            act()
        assert refused.value.code == "plan_limit"
    assert (counts(dataset), LearningSample.objects.count()) == ((2, 2, 0), 3)
    verbs.remove(first, by=ada)  # the other one has the same object
    with pytest.raises(Refused):
        verbs.add_known(dataset, [three.sample_id], by=ada)
    verbs.remove(dataset.samples.get(), by=ada)
    verbs.add_known(dataset, [three.sample_id], by=ada)
    assert counts(dataset) == (1, 1, 0)


def test_the_professional_plan_has_no_datasets():
    with pytest.raises(Refused, match="Petty has no datasets"):
        empty(people.ada(), organization=people.petty())
