"""Upkeep of modules, cities, policies and batches; and of keys, which are shown once with what a city needs beside them."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin import register
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.actions import access_key
from accounts.admin import AccessKeyAdmin
from accounts.models import AccessKey, User
from accounts.policy import Permission
from core.upkeep import Upkeep, site
from learning.actions import city, module, retention
from learning.models import AiModule, City, LegalHold, PolicyVersion, RetentionPolicy, UploadBatch
from learning.models.retention import MAX_DAYS
from learning.views.city import CONFIG


class ModuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A module, and after how many days what becomes of its images."""

    archive_days = forms.IntegerField(min_value=1, max_value=MAX_DAYS, required=False, help_text=_("Empty: never."))
    unsure_days = forms.IntegerField(min_value=1, max_value=MAX_DAYS, required=False, help_text=_("Empty: never."))
    correct_days = forms.IntegerField(min_value=1, max_value=MAX_DAYS, required=False, help_text=_("Empty: never."))
    unlabelled_days = forms.IntegerField(min_value=1, max_value=MAX_DAYS, required=False, help_text=_("Empty: never."))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial.update(retention.words(retention.policy_of(self.instance)))


@register(AiModule, site=site)
class ModuleAdmin(Upkeep):
    """Modules; the schema, the review policy and the release gate are changed in the portal."""

    permission = Permission.MANAGE_MODULES
    form = ModuleForm
    list_display = ("slug", "name", "task", "accepts_unlabelled", "policy_version", "portal")
    search_fields = ("slug__startswith", "name__startswith")
    ordering = ("slug",)
    changes = ("name", "accepts_unlabelled", "min_quality", *RetentionPolicy.FIELDS)
    shows = ("slug", "task", "policy_version", "encoding", "dims", "created_at")

    def write(self, by: User, row: AiModule | None, asked: Mapping[str, Any]) -> AiModule:
        assert row is not None
        rules = {name: asked[name] for name in RetentionPolicy.FIELDS}
        changed = module.revise(row, by=by, **{name: asked[name] for name in ("name", "accepts_unlabelled", "min_quality")})
        return (
            changed if rules == retention.words(retention.policy_of(row)) else retention.set_rules(changed, by=by, rules=rules)
        )

    def portal_path(self, row: AiModule) -> str:
        return reverse("learning:module", args=[row.slug])


@register(City, site=site)
class CityAdmin(Upkeep):
    """Cities: made here with the machine user that uploads for them."""

    permission = Permission.MANAGE_CITIES
    list_display = ("slug", "name", "organization", "timezone", "portal")
    list_select_related = ("organization",)
    search_fields = ("slug__startswith", "name__startswith")
    ordering = ("slug",)
    adds = ("slug", "name", "organization", "timezone")
    changes = ("name", "timezone", "expected_every")
    shows = ("slug", "organization", "user", "created_at")

    def write(self, by: User, row: City | None, asked: Mapping[str, Any]) -> City:
        return city.add(by=by, **asked) if row is None else city.revise(row, by=by, **asked)

    def portal_path(self, row: City) -> str:
        return reverse("learning:city", args=[row.slug])


@register(PolicyVersion, site=site)
class PolicyAdmin(Upkeep):
    """What review policies were and are; a new version is made in the portal."""

    permission = Permission.MANAGE_MODULES
    list_display = ("module", "version", "made_by", "made_at", "reason", "portal")
    list_select_related = ("module", "made_by")
    search_fields = ("module__slug__startswith",)
    ordering = ("-pk",)
    shows = ("module", "version", "terms", "reason", "made_by", "made_at")

    def portal_path(self, row: PolicyVersion) -> str:
        return reverse("learning:module-policy", args=[row.module.slug])


@register(LegalHold, site=site)
class LegalHoldAdmin(Upkeep):
    """What may not be deleted; put and lifted in the portal."""

    permission = Permission.MANAGE_RETENTION
    list_display = ("city", "camera", "reason", "put_by", "put_at", "lifted_at", "portal")
    list_select_related = ("city", "camera", "put_by")
    search_fields = ("city__slug__startswith",)
    ordering = ("-put_at",)
    shows = ("city", "camera", "since", "until", "reason", "put_by", "put_at", "lift_reason", "lifted_by", "lifted_at")

    def portal_path(self, row: LegalHold) -> str:
        return reverse("learning:retention")


@register(UploadBatch, site=site)
class BatchAdmin(Upkeep):
    """Batches, newest first."""

    permission = Permission.VIEW_STORE
    list_display = ("id", "city", "day", "state", "item_count", "portal")
    list_select_related = ("city",)
    search_fields = ("id__startswith",)
    ordering = ("-day", "-pk")
    shows = ("id", "city", "day", "state", "item_count", "opened_at", "finished_at")

    def portal_path(self, row: UploadBatch) -> str:
        return reverse("learning:batch", args=[row.pk])


@register(AccessKey, site=site)
class KeyAdmin(AccessKeyAdmin):
    """Keys; a city's comes with a ready cc-edge.toml."""

    def write(self, by: User, row: AccessKey | None, asked: Mapping[str, Any]) -> AccessKey:
        key, text = access_key.issue(asked["holder"], by=by, scopes=asked["scopes"], days=asked["days"], name=asked["name"])
        self.text_of(key, text)
        return key

    @staticmethod
    def text_of(key: AccessKey, text: str) -> None:
        """Leave the text on the row, for the page that follows and for nothing else."""
        key.text = text  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the key this once."""
        sends = City.objects.filter(user=obj.user_id).first()
        facts = {**self.admin_site.each_context(request), "title": _("The new key"), "key": obj.text, "row": obj}
        facts["config"] = CONFIG.format(hub=settings.PUBLIC_URL, city=sends.slug) if sends else ""
        answer = render(request, "admin/key_once.html", facts)
        answer["Cache-Control"] = "no-store"
        return answer
