"""Who may do what in the registry: every role against every page and every endpoint, written out."""

import pytest
from django.test import Client

from accounts.models import Role
from tests import people
from tests.factories import training as factory
from tests.factories.accounts import MachineFactory, OrganizationFactory, UserFactory
from tests.factories.training_models import ModelVersionFactory
from training.actions import registration
from training.models import ModelStatus, SigningRequest

pytestmark = pytest.mark.django_db
API = "/api/v1/training"

# what an organization admin (Enterprise) gets on: the own organization's, a global, another organization's; and the status a
# super admin gets who sends nothing. All the others (reviewer, annotator, member, city, edge, pipeline) get 403.
TABLE = """
GET   {api}/models/{model}/lineage              200  404  404   200
GET   {api}/models/{model}/field                200  200  404   200
GET   {api}/models/{model}/gate                 200  200  404   200
GET   {api}/gates/meter_digits                  200  200  200   200
PUT   {api}/gates/meter_digits                  403  403  403   400
POST  {api}/models/{model}/evaluate             403  403  403   422
POST  {api}/models/{model}/approve              403  403  403   409
POST  {api}/models/{model}/refuse               403  403  403   422
POST  {api}/models/{model}/release              403  403  403   409
POST  {api}/models/{model}/activate             403  403  403   409
POST  {api}/models/{model}/deprecate            403  403  403   422
POST  {api}/models/{model}/withdraw             403  403  403   422
POST  {api}/models/{model}/rollback             403  403  403   409
GET   {api}/models/registrations                403  403  403   200
POST  {api}/models/registrations                403  403  403   400
GET   {api}/models/registrations/{registration} 403  403  403   200
POST  {api}/models/registrations/{registration}/complete  403  403  403   409
GET   {api}/signing-requests                    403  403  403   200
GET   {api}/signing-requests/{asked}            403  403  403   200
GET   {api}/signing-requests/{asked}/file       403  403  403   409
POST  {api}/signing-requests/{asked}/signatures 403  403  403   409
GET   /models/{model}/                          200  200  404   200
GET   /models/{model}/origin/                   200  404  404   200
GET   /models/{model}/field/                    200  200  404   200
GET   /models/gate/meter_digits/                200  200  200   200
GET   /models/register/                         403  403  403   200
GET   /models/register/{registration}/          403  403  403   200
POST  /models/register/{registration}/cancel/   403  403  403   302
GET   /signatures/                              403  403  403   200
GET   /signatures/{asked}/                      403  403  403   200
GET   /signatures/{asked}/file/                 403  403  403   409
POST  /signatures/{asked}/admit/                403  403  403   302
"""
ROWS = [(row.split()[0], row.split()[1], [int(word) for word in row.split()[2:]]) for row in TABLE.strip().splitlines()]


@pytest.fixture
def made():
    """A version of each owner, a registration, and a signing request that is over."""
    ada, facts = people.ada(), {"status": ModelStatus.DRAFT}
    own = ModelVersionFactory(organization=people.acme(), module=factory.module(ada), **facts)
    other = ModelVersionFactory(organization=OrganizationFactory(slug="other"), module=own.module, **facts)
    row = registration.begin(
        own.module,
        by=ada,
        name="x",
        source="y",
        licence="z",
        file_name="x.onnx",
        size=1,
        md5=32 * "0",
        organization=people.acme(),
    )
    asked = SigningRequest.objects.create(state="published", asks=[])
    versions = [own, ModelVersionFactory(module=own.module, **facts), other]
    return {"registration": row.pk, "asked": asked.pk}, versions


def walked(user, made, models, *, machine: bool = False):
    """Answer what each row of the table gives to somebody, for each of these versions."""
    client = Client()
    client.force_login(user)
    names, found = made, {}
    for method, path, _ in ROWS:
        if machine and not path.startswith("{api}"):
            continue
        for version in models:
            url = path.format(api=API, model=version.pk, **names)
            found.setdefault((method, path), []).append(client.generic(method, url, "{}", "application/json").status_code)
    return found


def test_an_organization_admin_reads_the_own_and_what_is_everybodys(made):
    names, versions = made
    assert walked(people.olga(), names, versions) == {(method, path): row[:3] for method, path, row in ROWS}


def test_a_super_admin_reaches_all_and_is_told_what_is_missing(made):
    names, versions = made
    assert walked(people.bo(), names, versions[:1]) == {(method, path): row[3:] for method, path, row in ROWS}


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SUPER_ADMIN, Role.ORGANIZATION_ADMIN}))
def test_every_other_role_gets_nothing(made, role):
    names, versions = made
    is_machine = role in (Role.CITY, Role.EDGE, Role.PIPELINE)
    own = people.acme() if role == Role.MEMBER else None
    user = MachineFactory(name="a machine", role=role) if is_machine else UserFactory(name="x", role=role, organization=own)
    assert {status for statuses in walked(user, names, versions[:1], machine=is_machine).values() for status in statuses} == {
        403
    }


def test_on_the_professional_plan_nothing_is_shown(made):
    names, versions = made
    assert {status for statuses in walked(people.pia(), names, versions[:1]).values() for status in statuses} == {403}
