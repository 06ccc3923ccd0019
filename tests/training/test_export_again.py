"""Export → import → export through the hub: the same bytes, for every format."""

import zipfile
from io import BytesIO

import pytest

from core.canonical import canonical_sha256
from core.storage import reading
from learning.actions import module as modules
from learning.models import LearningSample, SampleState
from tests import people
from tests.factories import learning as learning_factory
from tests.factories import training as make
from training.actions import dataset as dataset_verbs
from training.actions import exporting, importing
from training.formats import FORMATS
from training.models import ImportState

pytestmark = pytest.mark.django_db(transaction=True)
SIZE = (64, 48)
BOXES = [
    {"boxes": [{"label": "car", "bbox": [1, 2, 30, 10]}, {"label": "bus", "bbox": [3.5, 4.25, 8, 8.125]}]},
    {"boxes": [{"label": "bus", "bbox": [0, 0, 64, 48]}]},
    {"boxes": []},
    {"boxes": [{"label": "car", "bbox": [12.0001, 7, 2, 3]}]},
]
CLASSES = [{"label": "car"}, {"label": "bus"}, {"label": "car"}, {"label": "bus"}]
NAMES = ["a.png", "cam 1 [north].png", "straße/größe.png", "straße/klein.png"]


@pytest.fixture
def street():
    """A dataset of four pictures, of which one has nothing in it."""
    ada = people.ada()
    policy = {"first_check_share": 0, "later_check_share": 0}
    of = modules.add("street", by=ada, name="Street", task="detection", labels=["car", "bus"], review_policy=policy)
    dataset = dataset_verbs.add(by=ada, name="street", module=of)

    def fill(truths):
        place = make.city(ada)
        for number, (truth, name) in enumerate(zip(truths, NAMES, strict=True)):
            content = learning_factory.picture(number, SIZE)
            facts = {"truth": truth, "truth_sha256": canonical_sha256(truth), "source_name": name}
            row = make.sample(of, place, number, content=content, **facts)
            type(row.object).objects.filter(pk=row.object_id).update(width=SIZE[0], height=SIZE[1])
        dataset_verbs.refresh(dataset, by=ada)
        return dataset, ada

    return fill


def exported(dataset, ada, name, **options) -> bytes:
    done = exporting.build(exporting.ask(dataset, by=ada, format=name, **options).pk)
    assert done is not None
    with reading(done.object.name, done.object.alias) as stream:
        return stream.read()


def import_into(dataset, ada, content, name):
    job = importing.bring(dataset, content, by=ada, file_name=FORMATS[name].single or "street.zip", format=name)
    job = importing.run(job.pk)
    assert (job.state, job.counts.get("rejected")) == (ImportState.CHECKED, 0), (job.error_message, job.counts)
    importing.confirm(job, by=ada)
    assert importing.run(job.pk).state == ImportState.DONE


@pytest.mark.parametrize("name", [name for name, known in FORMATS.items() if not known.needs_images])
def test_labels_that_were_lost_come_back_as_they_were(street, name):
    dataset, ada = street(BOXES)
    first = exported(dataset, ada, name)
    wrong = {"boxes": [{"label": "bus", "bbox": [5, 5, 5, 5]}]}
    LearningSample.objects.update(truth=wrong, truth_sha256=canonical_sha256(wrong))
    assert exported(dataset, ada, name) != first
    import_into(dataset, ada, first, name)
    assert exported(dataset, ada, name) == first
    assert LearningSample.objects.filter(state=SampleState.SETTLED).count() == len(NAMES)


@pytest.mark.parametrize(("name", "truths"), [("class_folders", CLASSES), ("yolo", BOXES), ("voc", BOXES)])
def test_images_and_labels_make_the_same_dataset_again(street, name, truths):
    dataset, ada = street(truths)
    if name == "class_folders":  # a folder is a class there, so that names with folders cannot be carried
        LearningSample.objects.filter(source_name__contains="/").update(source_name="")
    first = exported(dataset, ada, name, with_images=True)
    other = dataset_verbs.add(by=ada, name="again", module=dataset.module)
    import_into(other, ada, first, name)
    again = exported(other, ada, name, with_images=True)
    with zipfile.ZipFile(BytesIO(first)) as one, zipfile.ZipFile(BytesIO(again)) as two:
        assert {entry: one.read(entry) for entry in one.namelist()} == {entry: two.read(entry) for entry in two.namelist()}
