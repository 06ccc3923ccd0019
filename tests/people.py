"""The people of our tests, each with a story.

Ada, a super admin, has models trained; Bo, the other one, approves them. Rhea reviews; Ann and Al annotate. Olga looks on for Acme (Enterprise),
Pia for Petty (Professional). Cy is a member of Acme without access.
"""

from accounts.models import Plan, Role, User
from tests.factories.accounts import OrganizationFactory, UserFactory


def ada() -> User:
    return UserFactory(name="Ada", role=Role.SUPER_ADMIN)


def bo() -> User:
    return UserFactory(name="Bo", role=Role.SUPER_ADMIN)


def rhea() -> User:
    return UserFactory(name="Rhea", role=Role.REVIEWER)


def ann() -> User:
    return UserFactory(name="Ann", role=Role.ANNOTATOR)


def al() -> User:
    return UserFactory(name="Al", role=Role.ANNOTATOR)


def acme():
    return OrganizationFactory(slug="acme", name="Acme", plan=Plan.ENTERPRISE)


def petty():
    return OrganizationFactory(slug="petty", name="Petty", plan=Plan.PROFESSIONAL)


def olga() -> User:
    return UserFactory(name="Olga", role=Role.ORGANIZATION_ADMIN, organization=acme())


def pia() -> User:
    return UserFactory(name="Pia", role=Role.ORGANIZATION_ADMIN, organization=petty())


def cy() -> User:
    return UserFactory(name="Cy", role=Role.MEMBER, organization=acme())
