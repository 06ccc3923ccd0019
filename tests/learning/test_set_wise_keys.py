"""What a row names is there: whether the database checks it row by row or by the statement."""

import uuid
from threading import Event, Thread

import pytest
from django.db import IntegrityError, connection, transaction

from learning.models import (
    AiModule,
    Camera,
    City,
    HitlLabel,
    LabelSchema,
    LearningSample,
    ReviewSlot,
    StoredObject,
    UploadBatch,
)
from learning.set_wise_keys import KEYS, establish
from tests.factories.learning import delivered, pune

pytestmark = pytest.mark.django_db
CHILDREN = {"learning_samples": LearningSample, "hitl_labels": HitlLabel, "stored_objects": StoredObject}
PARENTS = {
    "ai_modules": AiModule,
    "cities": City,
    "cameras": Camera,
    "upload_batches": UploadBatch,
    "label_schemas": LabelSchema,
    "stored_objects": StoredObject,
    "learning_samples": LearningSample,
}
NOWHERE = {"camera_id": uuid.UUID(int=7), "batch_id": "batch_of_nobody", "object_id": uuid.UUID(int=7)}
NAMED = [(table, column, parent) for table, keys in KEYS.items() for column, parent in keys.items()]


def refused(act) -> bool:
    try:
        with transaction.atomic():
            act()
            connection.check_constraints()
    except IntegrityError:
        return True
    return False


@pytest.fixture
def sample():
    from tests.factories.learning import vehicles

    vehicles()
    return delivered(pune(), 1)[0]


@pytest.mark.parametrize(("table", "column", "parent"), NAMED)
def test_no_row_comes_to_name_what_is_not_there(sample, table, column, parent):
    rows = CHILDREN[table].objects.all()
    nowhere = NOWHERE.get(column, 10**9)
    assert refused(lambda: rows.update(**{column: nowhere}))
    [row] = rows.filter(**({"kind": "image"} if table == "stored_objects" else {}))
    row.pk = uuid.uuid4() if table == "stored_objects" else None
    changed = (
        {"sample_id": "other", "event_id": "other"} if table == "learning_samples" else {"label_id": "other", "name": "other"}
    )
    for name, value in {**changed, "thumbnail_id": None, column: nowhere}.items():
        if name in {field.attname for field in row._meta.concrete_fields}:
            setattr(row, name, value)
    assert refused(lambda: CHILDREN[table].objects.bulk_create([row]))


@pytest.mark.parametrize("parent", PARENTS)
def test_what_is_named_cannot_be_deleted_behind_djangos_back(sample, parent):
    assert refused(lambda: PARENTS[parent].objects.all()._raw_delete(using="default"))


def test_what_nothing_names_can_be_deleted(sample):
    other = Camera.objects.create(city=City.objects.get(slug="city_pune"), camera_id="unused")
    assert not refused(lambda: Camera.objects.filter(pk=other.pk)._raw_delete(using="default"))


def test_the_keys_may_be_established_again(sample):
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.schema_editor() as editor:
            establish(editor)
    assert refused(lambda: LearningSample.objects.update(object_id=uuid.UUID(int=7)))


@pytest.mark.django_db(transaction=True)
def test_a_row_of_another_transaction_stays_until_what_names_it_is_there(sample):
    """A label comes while its sample is about to be deleted: one of the two waits, and no label is left without a sample."""
    if connection.vendor != "postgresql":  # which has one writer at a time: the deletion comes after
        assert refused(lambda: LearningSample.objects.all()._raw_delete(using="default"))
        return
    label = HitlLabel.objects.get()
    HitlLabel.objects.all()._raw_delete(using="default")
    ReviewSlot.objects.all()._raw_delete(using="default")
    began, told = Event(), []

    def delete() -> None:
        began.set()
        told.append(refused(lambda: LearningSample.objects.all()._raw_delete(using="default")))
        connection.close()

    other = Thread(target=delete)
    with transaction.atomic():
        HitlLabel.objects.bulk_create([label])
        other.start()
        began.wait()
    other.join()
    assert told == [True]
    assert HitlLabel.objects.get().sample == LearningSample.objects.get()
