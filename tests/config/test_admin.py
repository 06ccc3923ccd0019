"""Django's admin: only super admins, every change by a verb, nothing deleted, a key shown once."""

import re

import pytest
from django.urls import reverse

from accounts.models import AccessKey, Event, Organization, Role
from config.admin import site
from core.upkeep import POLICY
from learning.actions import city as city_verbs
from learning.models import AiModule, City
from tests import people
from tests.factories.accounts import UserFactory
from tests.factories.world import world
from tests.pages import looking, said, text_of

pytestmark = pytest.mark.django_db

LISTS = {f"{model._meta.app_label}_{model._meta.model_name}": admin for model, admin in site._registry.items()}


def listed(name):
    return reverse(f"admin:{name}_changelist")


def row_of(row, act="change"):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{act}", args=[row.pk])


def press(person, action, *rows):
    """Choose rows of a list and carry an action out; answer what is said then."""
    sent = {"action": action, "_selected_action": [row.pk for row in rows]}
    path = listed(f"{rows[0]._meta.app_label}_{rows[0]._meta.model_name}")
    return said(looking(person).post(path, sent, follow=True))


def test_lists_answer_lead_to_the_portal_and_say_what_they_may_run(django_assert_max_num_queries):
    world(people.acme())
    ada = looking(people.ada())
    for name, admin in LISTS.items():
        with django_assert_max_num_queries(12):
            page = ada.get(listed(name))
        assert (name, page.status_code, page.headers["Content-Security-Policy"]) == (name, 200, POLICY)
        assert "delete_selected" not in text_of(page)
        assert "<script>" not in text_of(page)
        for row in admin.model.objects.all()[:1]:
            assert ada.get(row_of(row)).status_code == 200, name
            if "portal" in admin.list_display:
                assert "open in portal" in text_of(page), name
                assert ada.get(admin.portal_path(row)).status_code == 200, name
    assert ada.get(listed("accounts_event"), {"q": "1"}).status_code == 200


@pytest.mark.parametrize("who", [people.rhea, people.ann, people.olga, people.cy])
def test_nobody_else_comes_in(who):
    browser = looking(who())
    for name in LISTS:
        assert browser.get(listed(name), follow=True).status_code == 403


def test_nothing_can_be_deleted_and_no_history_is_kept_beside_the_log():
    world(people.acme())
    ada = looking(people.ada())
    for admin in LISTS.values():
        for row in admin.model.objects.all()[:1]:
            assert ada.post(row_of(row, "delete"), {"post": "yes"}).status_code == 403
            assert ada.get(row_of(row, "history")).status_code == 404


def test_a_super_admin_without_a_second_factor_is_led_to_it_here_too(settings):
    settings.MFA_REQUIRED_FOR_SUPER_ADMINS = True
    assert looking(people.ada()).get("/admin/").url == reverse("mfa_index")


def test_the_admins_own_log_in_is_everybodys(client):
    assert client.get("/admin/login/?next=/admin/").url == "/accounts/login/?next=%2Fadmin%2F"
    for name in LISTS:
        assert client.get(listed(name), follow=True).redirect_chain[-1][0].startswith("/accounts/login/")


def test_an_organization_is_made_and_revised_by_verbs():
    ada = looking(people.ada())
    ada.post(reverse("admin:accounts_organization_add"), {"slug": "pune", "name": "Pune", "plan": "professional"})
    pune = Organization.objects.get(slug="pune")
    sent = {"name": "Pune", "plan": "enterprise", "callback_nets": '["10.0.0.0/8"]'}
    ada.post(row_of(pune), sent)
    pune.refresh_from_db()
    assert (pune.plan, pune.callback_nets) == ("enterprise", ["10.0.0.0/8"])
    verbs = [event.verb for event in Event.objects.about("accounts.organization", pune.pk).order_by("pk")]
    assert verbs == ["add", "revise"]


def test_a_refusal_is_said_as_a_sentence_and_nothing_is_written():
    ada = looking(people.ada())
    sent = {"slug": "Pune!", "name": "Pune", "timezone": "Asia/Kolkata"}
    assert "small letter" in str(said(ada.post(reverse("admin:learning_city_add"), {**sent, "slug": "PUNE"}, follow=True)))
    assert not City.objects.filter(slug__iexact="pune").exists()
    sent = {"role": "annotator", "organization": people.acme().pk}
    refused = ada.post(row_of(people.ann()), sent, follow=True)
    assert "belongs to no organization" in str(said(refused))


def test_users_are_shut_out_and_the_last_super_admin_is_not():
    ann = people.ann()
    assert press(people.ada(), "shut_out", ann, people.ada()) == [
        "Ada: Another super admin does this for you: nobody changes what they themselves may do.",
        "Ann: is shut out.",
    ]
    assert press(people.ada(), "let_back", ann) == ["Ann: may log in again."]


def test_a_citys_key_is_shown_once_with_what_belongs_beside_it():
    ada = people.ada()
    city_verbs.add("city_pune", by=ada)
    page = text_of(looking(ada).post(reverse("admin:accounts_accesskey_add"), {"holder": "city_pune", "name": "2026"}))
    key = AccessKey.objects.get()
    text = re.search(rf"cc_{key.prefix}_[\w-]{{43}}", page)
    assert text
    assert "city = &quot;city_pune&quot;" in page
    assert text[0] not in text_of(looking(ada).get(row_of(key)))
    assert press(ada, "revoke", key) == [f"cc_{key.prefix}_…: is revoked."]
    key.refresh_from_db()
    assert key.revoked_at


def test_a_module_is_revised_with_its_retention():
    module = world().module
    ada = looking(people.ada())
    sent = {"name": "Digits", "min_quality": "0.2", "archive_days": 100, "unsure_days": 20}
    ada.post(row_of(module), sent)
    module = AiModule.objects.get(pk=module.pk)
    assert (module.name, module.retention["archive_days"], module.retention["correct_days"]) == ("Digits", 100, None)
    assert Event.objects.filter(verb="set_retention").count() == 1
    ada.post(row_of(module), sent)
    assert Event.objects.filter(verb="set_retention").count() == 1


def test_columns_of_state_cannot_be_written():
    left = UserFactory(name="Left", role=Role.ANNOTATOR, is_active=False)
    looking(people.ada()).post(row_of(left), {"role": "annotator", "is_active": "on", "name": "Other"})
    left.refresh_from_db()
    assert (left.is_active, left.name) == (False, "Left")


def test_a_list_leads_through_its_first_rows_only(monkeypatch):
    monkeypatch.setattr("core.upkeep.MOST", 60)
    for number in range(120):
        UserFactory(name=f"user-{number:03}")
    ada = looking(people.ada())
    assert ada.get(listed("accounts_user"), {"p": 2}).status_code == 200
    page = ada.get(listed("accounts_user"))
    assert page.context["cl"].paginator.num_pages == 2
