"""Edge servers with their machine user and slots, and versions that went through the verbs to their release."""

import factory
from factory.django import DjangoModelFactory

from accounts.models import Role
from deployments.models import EdgeServer, EdgeSlot
from tests import people
from tests.factories.accounts import MachineFactory
from tests.factories.training_models import ModelVersionFactory, ModuleFactory
from training.actions import model_version
from training.models import ModelStatus


class EdgeServerFactory(DjangoModelFactory):
    """`modules` get a slot each, by default the one of ModelVersionFactory."""

    class Meta:
        model = EdgeServer
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"edge-{n}")
    organization = factory.LazyFunction(people.acme)
    user = factory.LazyAttribute(lambda o: MachineFactory(name=o.name, role=Role.EDGE, organization=o.organization))

    @factory.post_generation
    def modules(self, create, extracted, **kwargs):
        for module in extracted or [ModuleFactory()]:
            EdgeSlot.objects.create(edge_server=self, module=module)


def released_version(**fields):
    """Answer a version that Bo approved and released, listed in the trust repository."""
    version = ModelVersionFactory(status=ModelStatus.APPROVED, **fields)
    return model_version.release(version, by=people.bo())
