"""People whose images a model was trained on are deployed once the first edge runs it."""

import pytest

from deployments.actions import rollout
from learning.models import LearningSample, Person
from tests import people
from tests.deployments.conftest import tell
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.factories.people import faces_module, somebody
from tests.factories.training_models import DatasetFactory, FrozenVersionFactory
from training import trust
from training.models import DatasetMember

pytestmark = pytest.mark.django_db


def test_a_completed_deployment_deploys_the_people_of_its_model():
    trust.init()
    shown, other = somebody(images_of=1, status="completed"), somebody("Ana", images_of=1, status="completed")
    module = faces_module()
    frozen = FrozenVersionFactory(dataset=DatasetFactory(module=module))
    sample = LearningSample.objects.get(image__person=shown)
    DatasetMember.objects.create(version=frozen, sample=sample, split="train")
    released = released_version(module=module, dataset_version=frozen)
    edge = EdgeServerFactory(modules=[module])
    rollout.start(released, by=people.ada(), edges=[edge])
    tell(edge, "installing")
    assert Person.objects.get(pk=shown.pk).status == "completed"
    tell(edge, "completed", seq=2)
    assert Person.objects.get(pk=shown.pk).status == "deployed"
    assert Person.objects.get(pk=shown.pk).deployed_at
    assert Person.objects.get(pk=other.pk).status == "completed"
