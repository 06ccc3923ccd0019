"""People go along with the trainings and deployments of the versions that hold their images."""

import pytest

from learning.actions import image as images
from learning.actions import person as persons
from learning.actions import sample as samples
from learning.models import LearningSample, Person, PersonStatus
from tests import people
from tests.factories.people import faces_module, somebody
from training import supervisor
from training.actions import dataset as datasets
from training.actions import job as jobs
from training.actions import run
from training.actions import version as versions
from training.models import ExitReason

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return somebody(images_of=5)


def consenting(person):
    """Let a person consent, and their images be judged."""
    ada = people.ada()
    images.name_labels(faces_module(), [person.normalized_name])
    persons.set_consent(person, by=ada, given=True)
    for sample in LearningSample.objects.filter(image__person=person):
        samples.correct(sample, by=ada, value={"label": person.normalized_name})


@pytest.fixture
def version(person):
    """A frozen version of the images of one consenting person."""
    module, ada = faces_module(), people.ada()
    consenting(person)
    dataset = datasets.add(by=ada, name="faces", module=module)
    assert datasets.refresh(dataset, by=ada) == 5
    made = versions.create(dataset, by=ada, version="v1.0.0", split={"train": 1.0})
    assert versions.freeze(made.pk) is not None
    made.refresh_from_db()
    return made


def test_a_training_that_succeeds_completes_its_people(version):
    """A real run, in a process of its own, on the images of two people."""
    other = somebody("Ana Ivanović", images_of=5)
    consenting(other)
    dataset = version.dataset
    assert datasets.refresh(dataset, by=people.ada()) == 5
    both = versions.create(dataset, by=people.ada(), version="v1.1.0", split={"train": 1.0})
    assert versions.freeze(both.pk) is not None
    both.refresh_from_db()
    job = jobs.create(by=people.ada(), name="faces", module=faces_module(), dataset_version=both, trainer="baseline_knn")
    supervisor.run_next("training.cpu")
    job.refresh_from_db()
    assert (job.status, job.error_message) == ("completed", "")
    assert {person.status for person in Person.objects.all()} == {"completed"}
    assert other.trained_at is None
    assert status(other) == "completed"
    assert other.trained_at


def status(person):
    person.refresh_from_db()
    return person.status


def test_a_training_takes_its_people_along_and_brings_them_back_when_it_fails(person, version):
    job = jobs.create(by=people.ada(), name="faces", module=faces_module(), dataset_version=version, trainer="baseline_knn")
    assert status(person) == PersonStatus.PENDING
    attempt = run.claim("training.cpu", "worker")
    assert status(person) == PersonStatus.IN_TRAINING
    run.give_back(attempt, message="down")
    assert status(person) == PersonStatus.IN_TRAINING
    attempt = run.claim("training.cpu", "worker")
    run.begin(attempt)
    run.fail(attempt, reason=ExitReason.USER_ERROR, message="no")
    assert status(person) == PersonStatus.PENDING
    job.refresh_from_db()
    assert job.status == "failed"


def test_who_has_no_consent_is_in_no_version_and_stays_where_they_are(version):
    other = somebody("Ana Ivanović", images_of=5)
    jobs.create(by=people.ada(), name="faces", module=faces_module(), dataset_version=version, trainer="baseline_knn")
    run.claim("training.cpu", "worker")
    assert status(other) == PersonStatus.PENDING
    assert version.sample_count == 5
