"""Organizations and users; a test names the people it is about through tests/people.py."""

import factory
from factory.django import DjangoModelFactory

from accounts.models import Organization, Plan, Role, User


class OrganizationFactory(DjangoModelFactory):
    class Meta:
        model = Organization
        django_get_or_create = ("slug",)

    slug = factory.Sequence(lambda n: f"organization-{n}")
    name = factory.LazyAttribute(lambda o: o.slug.title())
    plan = Plan.ENTERPRISE


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        django_get_or_create = ("name",)

    name = factory.Sequence(lambda n: f"user-{n}")
    email = factory.LazyAttribute(lambda o: f"{o.name}@example.org".lower())
    role = Role.MEMBER
    password = "!"  # nobody logs in by it


class MachineFactory(UserFactory):
    email = None
