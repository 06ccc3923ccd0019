"""Model versions with a real, tiny bundle on the store; a test names the status it starts from."""

import hashlib

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from core.storage import new_name, put_bytes
from learning.models import AiModule, StoredObject
from learning.models.module import Task
from learning.models.object import ObjectKind
from tests import people
from training.models import DatasetVersion, ModelStatus, ModelVersion, TrainingDataset, VersionState

BUNDLE = b"PK\x05\x06" + 18 * b"\0"  # the smallest ZIP there is


class ModuleFactory(DjangoModelFactory):
    class Meta:
        model = AiModule
        django_get_or_create = ("slug",)

    slug = "meter_digits"
    name = factory.LazyAttribute(lambda o: o.slug.replace("_", " ").title())
    task = Task.CLASSIFICATION


def stored_bundle(content: bytes = BUNDLE) -> StoredObject:
    name = new_name("application/zip")
    put_bytes(name, content, media_type="application/zip", metadata={"kind": "bundle"})
    return StoredObject.objects.create(
        name=name,
        kind=ObjectKind.BUNDLE,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        media_type="application/zip",
    )


class ModelVersionFactory(DjangoModelFactory):
    """`status` is written as it stands, without the verbs; released ones are not in the trust repository."""

    class Meta:
        model = ModelVersion

    class Params:
        judged = factory.LazyAttribute(lambda o: o.status in (ModelStatus.APPROVED, ModelStatus.RELEASED))

    module = factory.SubFactory(ModuleFactory)
    version = factory.Sequence(lambda n: f"1.{n}.0")
    name = "digits"
    status = ModelStatus.DRAFT
    trained_at = factory.LazyFunction(timezone.now)
    requested_by = factory.LazyFunction(people.ada)
    bundle = factory.LazyAttributeSequence(lambda o, n: stored_bundle(BUNDLE + f"{n}".encode()))
    approved_by = factory.LazyAttribute(lambda o: people.bo() if o.judged else None)
    approved_at = factory.LazyAttribute(lambda o: timezone.now() if o.judged else None)
    released_at = factory.LazyAttribute(lambda o: timezone.now() if o.status == ModelStatus.RELEASED else None)


class DatasetFactory(DjangoModelFactory):
    class Meta:
        model = TrainingDataset

    name = factory.Sequence(lambda n: f"meters-{n}")
    module = factory.SubFactory(ModuleFactory)
    created_by = factory.LazyFunction(people.ada)


class FrozenVersionFactory(DjangoModelFactory):
    """A frozen version without members."""

    class Meta:
        model = DatasetVersion

    dataset = factory.SubFactory(DatasetFactory)
    version = "v1.0.0"
    state = VersionState.FROZEN
    fingerprint = "sha256:" + 64 * "0"
    created_by = factory.LazyFunction(people.ada)
