"""The page of users: who manages whom, and what nobody may do to themselves."""

import pytest
from allauth.socialaccount.models import SocialAccount
from django.urls import reverse

from accounts.actions import access_key
from accounts.actions import user as verbs
from accounts.models import AccessKey, Event, Role, User
from core.errors import Conflict, Invalid, Refused
from tests import people
from tests.accounts.factors import app_of
from tests.factories.accounts import MachineFactory
from tests.pages import looking, said, text_of
from tests.racing import race

pytestmark = pytest.mark.django_db


def act(person, name, on, **sent):
    """Press a button of a user's page, and answer what is said then."""
    return said(looking(person).post(reverse(f"people:{name}", args=[on.pk]), sent, follow=True))


def test_users_are_listed_with_role_organization_and_second_factor():
    app_of(people.rhea())
    people.cy()
    page = text_of(looking(people.ada()).get(reverse("people:users")))
    row = page.split(">Rhea<")[1].split("</tr>")[0]
    assert "Reviewer" in row
    assert "set up" in row
    assert "Acme" in page.split(">Cy<")[1].split("</tr>")[0]
    narrowed = text_of(looking(people.ada()).get(reverse("people:users"), {"role": "reviewer"}))
    assert ">Cy<" not in narrowed


def test_the_list_costs_the_same_however_many_there_are(django_assert_max_num_queries):
    for number in range(60):
        MachineFactory(name=f"city-{number}", role=Role.CITY)
    ada = looking(people.ada())
    with django_assert_max_num_queries(8):
        page = ada.get(reverse("people:users"))
    assert "Next page" in text_of(page)


def test_an_invited_person_comes_in(client):
    sent = {"name": "Zoe", "email": "zoe@example.org", "role": "annotator"}
    page = text_of(looking(people.ada()).post(reverse("people:user-invite"), sent))
    path = "/accounts/invitation/" + page.split("/accounts/invitation/")[1].split("<")[0]
    assert client.post(path).status_code == 302
    assert client.session["_auth_user_id"] == str(User.objects.get(name="Zoe").pk)


def test_what_does_not_fit_is_said_at_the_form():
    ada = looking(people.ada())
    sent = {"name": "Zoe", "email": "zoe@example.org", "role": "member"}
    assert "belongs to an organization" in text_of(ada.post(reverse("people:user-invite"), sent))
    assert not User.objects.filter(name="Zoe").exists()


def test_a_role_is_changed_by_another_super_admin():
    assert act(people.ada(), "user-role", people.ann(), role="reviewer") == ["The role was changed."]
    assert people.ann().role == Role.REVIEWER
    assert Event.objects.get(verb="change_role").facts == {"before": "annotator", "role": "reviewer"}
    assert (
        "belongs to no organization"
        in act(people.ada(), "user-role", people.ann(), role="annotator", organization=people.acme().pk)[0]
    )


@pytest.mark.parametrize("name", ["user-deactivate", "user-reset-factors", "user-pseudonymise", "user-reactivate"])
def test_nobody_does_it_to_themselves(name):
    assert "Another super admin" in act(people.ada(), name, people.ada(), confirmation="Ada")[0]


def test_nobody_raises_themselves():
    with pytest.raises(Refused, match="Another super admin"):
        verbs.change_role(people.ada(), "annotator", by=people.ada())
    with pytest.raises(Refused):
        verbs.change_role(people.ann(), "super_admin", by=people.ann())
    with pytest.raises(Refused):
        verbs.change_role(people.ann(), "super_admin", by=people.rhea())


def test_a_machine_stays_one_and_nobody_becomes_one():
    city = MachineFactory(name="city", role=Role.CITY)
    for user, role in ((city, "annotator"), (people.ann(), "city"), (people.ann(), "king")):
        with pytest.raises(Invalid):
            verbs.change_role(user, role, by=people.ada())


@pytest.mark.django_db(transaction=True)
def test_of_two_super_admins_who_shut_each_other_out_one_stays():
    pair = [people.ada(), people.bo()]
    _done, refused = race(lambda index: verbs.deactivate(pair[1 - index], by=pair[index]), 2)
    assert len(refused) >= 1
    assert User.objects.filter(role=Role.SUPER_ADMIN, is_active=True).count() == 1


def test_the_last_super_admin_cannot_be_taken_away():
    ada = people.ada()
    bo = people.bo()
    verbs.deactivate(bo, by=ada)
    User.objects.filter(pk=bo.pk).update(is_active=True, role=Role.REVIEWER)  # may not, and is refused before the guard
    with pytest.raises(Refused):
        verbs.deactivate(ada, by=people.bo())


def test_who_is_shut_out_is_out_and_comes_back_by_a_link():
    ann = people.ann()
    browser, (_, text) = looking(ann), access_key.issue(ann, by=None)
    act(people.ada(), "user-deactivate", ann)
    act(people.ada(), "user-deactivate", ann)
    assert browser.get("/").status_code == 302
    assert access_key.authenticate(text) is None
    assert AccessKey.objects.get().revoked_at
    assert Event.objects.filter(verb="deactivate").count() == 1
    act(people.ada(), "user-reactivate", ann)
    assert people.ann().is_active


def test_who_left_has_no_name_any_more_and_what_they_did_stays():
    ann = people.ann()
    Event.objects.create(actor_id=ann.pk, actor_name="Ann", verb="decide", object_type="x", object_id="1")
    app_of(ann)
    SocialAccount.objects.create(user=ann, provider="oidc", uid="ann@example.org")
    with pytest.raises(Conflict, match="shut them out first"):
        verbs.pseudonymise(ann, by=people.ada())
    act(people.ada(), "user-deactivate", ann)
    assert "nothing was done" in act(people.ada(), "user-pseudonymise", ann, confirmation="Al")[0]
    act(people.ada(), "user-pseudonymise", ann, confirmation="Ann")
    verbs.pseudonymise(ann, by=people.ada())
    ann.refresh_from_db()
    assert (ann.name, ann.email) == (f"person-{ann.pk}", f"person-{ann.pk}@left.invalid")
    assert not SocialAccount.objects.exists()
    assert Event.objects.filter(actor_id=ann.pk, verb="decide").exists()
    assert Event.objects.filter(verb="pseudonymise").count() == 1
    with pytest.raises(Conflict, match="invite them anew"):
        verbs.reactivate(ann, by=people.ada())


def test_taking_a_second_factor_away_wants_the_name_typed():
    app_of(people.ann())
    assert "nothing was done" in act(people.ada(), "user-reset-factors", people.ann())[0]
    assert "taken away" in act(people.ada(), "user-reset-factors", people.ann(), confirmation="Ann")[0]


def test_a_link_is_made_shown_once_and_revoked():
    ada, ann = looking(people.ada()), people.ann()
    assert "/accounts/invitation/" in text_of(ada.post(reverse("people:user-link", args=[ann.pk])))
    assert "/accounts/invitation/" not in text_of(ada.get(reverse("people:user", args=[ann.pk])))
    made = ann.invitations.get()
    ada.post(reverse("people:link-revoke", args=[ann.pk, made.pk]))
    made.refresh_from_db()
    assert made.revoked_at
    machine = MachineFactory(name="city", role=Role.CITY)
    assert "is a machine" in text_of(ada.post(reverse("people:user-link", args=[machine.pk])))
