"""Every role × every permission, against a table written out by hand; a change of policy is a change of this table."""

import pytest

from accounts.models import Role
from accounts.policy import GRANTS, Permission, is_allowed, require, users_who_may
from core.errors import Refused
from tests import people
from tests.factories.accounts import MachineFactory, UserFactory

# S super_admin, R reviewer, A annotator, O organization_admin, M member, C city, E edge, P pipeline
TABLE = """
accounts.manage_people       S
accounts.manage_keys         S
accounts.view_audit          S     O
accounts.manage_webhooks     S
learning.manage_modules      S
learning.manage_cities       S
learning.manage_store        S
learning.upload_batch                  C
learning.view_store          S R   O
learning.view_images         S R A
learning.annotate            S R A
learning.adjudicate          S R
learning.curate_samples      S
learning.view_collection     S R
learning.manage_collection   S
learning.manage_retention    S
learning.erase_data          S
training.view_training       S     O
training.view_status         S     O
training.read_frozen         S             P
training.manage_datasets     S
training.freeze_version      S
training.run_jobs            S
training.register_model      S
training.evaluate_model      S
training.revise_model        S
training.approve_model       S
training.release_model       S
training.deprecate_model     S
deployments.view_fleet       S     O
deployments.manage_edges     S
deployments.deploy           S
deployments.roll_back        S
deployments.speak_as_edge                E
"""
LETTERS = {
    "S": Role.SUPER_ADMIN,
    "R": Role.REVIEWER,
    "A": Role.ANNOTATOR,
    "O": Role.ORGANIZATION_ADMIN,
    "M": Role.MEMBER,
    "C": Role.CITY,
    "E": Role.EDGE,
    "P": Role.PIPELINE,
}
GRANTED = {row.split()[0]: {LETTERS[letter] for letter in row.split()[1:]} for row in TABLE.strip().splitlines()}


def test_the_table_names_every_permission_and_role():
    assert set(GRANTED) == {permission.value for permission in Permission}
    assert set(GRANTS) == set(Role) == set(LETTERS.values())


@pytest.mark.django_db
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_a_role_may_do_what_the_table_says(role, permission):
    organization = people.acme() if role in (Role.ORGANIZATION_ADMIN, Role.MEMBER) else None
    user = UserFactory(name="Somebody", role=role, organization=organization)
    expected = role in GRANTED[permission.value]
    assert is_allowed(user, permission) is expected
    assert user.has_perm(permission.value) is expected
    if not expected:
        with pytest.raises(Refused) as refused:
            require(user, permission)
        assert refused.value.facts["permission"] == permission.value


@pytest.mark.django_db
@pytest.mark.parametrize("permission", Permission)
def test_who_is_not_active_may_nothing(permission):
    assert not is_allowed(UserFactory(name="Gone", role=Role.SUPER_ADMIN, is_active=False), permission)


@pytest.mark.django_db
@pytest.mark.parametrize("permission", Permission)
def test_on_the_professional_plan_nothing_is_shown(permission):
    assert not is_allowed(people.pia(), permission)


@pytest.mark.django_db
def test_an_organization_admin_reaches_the_own_organization_and_what_is_everybodys():
    olga = people.olga()
    own = UserFactory(name="own", organization=olga.organization)
    other = UserFactory(name="other", organization=people.petty())
    assert is_allowed(olga, Permission.VIEW_TRAINING, own)
    assert is_allowed(olga, Permission.VIEW_TRAINING, UserFactory(name="global"))
    assert not is_allowed(olga, Permission.VIEW_TRAINING, other)


@pytest.mark.django_db
def test_users_who_may_are_those_whom_the_policy_allows():
    ada, bo = people.ada(), people.bo()
    people.rhea()
    MachineFactory(name="edge-1", role=Role.EDGE)
    assert set(users_who_may(Permission.APPROVE_MODEL)) == {ada, bo}
