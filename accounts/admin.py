"""Upkeep of organizations, users, keys, links and the log."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.admin import action, display, register
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actions import access_key, invitation, organization, user
from accounts.models import Event, Invitation, Organization, User, Webhook
from accounts.people_forms import PEOPLES_ROLES
from accounts.policy import Permission
from core.upkeep import Upkeep, site


@register(Organization, site=site)
class OrganizationAdmin(Upkeep):
    """Customers and their plans."""

    permission = Permission.MANAGE_PEOPLE
    list_display = ("name", "slug", "plan", "may_view_images", "portal")
    search_fields = ("slug__startswith", "name__startswith")
    ordering = ("name",)
    adds = ("slug", "name", "plan")
    changes = ("name", "plan", "may_view_images", "callback_nets")
    shows = ("slug", "created_at")

    def write(self, by: User, row: Organization | None, asked: Mapping[str, Any]) -> Organization:
        if row is None:
            return organization.add(by=by, **asked)
        return organization.revise(row, by=by, **asked)

    def portal_path(self, row: Organization) -> str:
        return f"{reverse('people:users')}?organization={row.pk}"


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    """A person or machine that is made; a role later on."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk and "role" in self.fields:
            self.fields["role"].choices = PEOPLES_ROLES  # type: ignore[attr-defined]


@register(User, site=site)
class UserAdmin(Upkeep):
    """People and machines: their role, and shutting them out."""

    permission = Permission.MANAGE_PEOPLE
    form = UserForm
    list_display = ("name", "email", "role", "organization", "is_active", "portal")
    list_filter = ("role", "is_active")
    list_select_related = ("organization",)
    search_fields = ("name__startswith", "email__startswith")
    ordering = ("name",)
    adds = ("name", "email", "role", "organization")
    changes = ("role", "organization")
    shows = ("name", "email", "is_active", "last_login", "created_at")
    actions = ("shut_out", "let_back")

    def write(self, by: User, row: User | None, asked: Mapping[str, Any]) -> User:
        if row is None:
            return user.add(by=by, **{**asked, "email": asked["email"] or ""})
        return user.change_role(row, by=by, **asked)

    def portal_path(self, row: User) -> str:
        return reverse("people:user", args=[row.pk])

    @action(description=gettext_lazy("Shut out: sessions, links and keys end"))
    def shut_out(self, request: HttpRequest, rows: Any) -> None:
        """Shut each out."""
        self.carry_out(request, rows, lambda row: user.deactivate(row, by=request.user), _("is shut out."))  # type: ignore[arg-type]

    @action(description=gettext_lazy("Let back"))
    def let_back(self, request: HttpRequest, rows: Any) -> None:
        """Let each back."""
        self.carry_out(request, rows, lambda row: user.reactivate(row, by=request.user), _("may log in again."))  # type: ignore[arg-type]


@register(Invitation, site=site)
class InvitationAdmin(Upkeep):
    """Links that let people in; they are made in the portal, where they are shown once."""

    permission = Permission.MANAGE_PEOPLE
    list_display = ("user", "created_at", "expires_at", "used_at", "revoked_at", "portal")
    list_select_related = ("user",)
    search_fields = ("user__name__startswith",)
    ordering = ("-pk",)
    shows = ("user", "created_at", "expires_at", "used_at", "revoked_at")
    actions = ("revoke",)

    def portal_path(self, row: Invitation) -> str:
        return reverse("people:user", args=[row.user_id])

    @action(description=gettext_lazy("Revoke"))
    def revoke(self, request: HttpRequest, rows: Any) -> None:
        """Make each useless."""
        self.carry_out(request, rows, lambda row: invitation.revoke(row, by=request.user), _("is revoked."))  # type: ignore[arg-type]


@register(Event, site=site)
class EventAdmin(Upkeep):
    """The audit log, newest first; searched by the number of who acted."""

    permission = Permission.VIEW_AUDIT
    list_display = ("at", "actor_name", "verb", "object_type", "object_id")
    search_fields = ("=actor_id",)
    search_help_text = gettext_lazy("The number of who acted")
    ordering = ("-pk",)
    shows = ("at", "actor_id", "actor_name", "organization_id", "verb", "object_type", "object_id", "facts", "request_id")


@register(Webhook, site=site)
class WebhookAdmin(Upkeep):
    """Where other programs are told; changed in the portal."""

    permission = Permission.MANAGE_WEBHOOKS
    list_display = ("name", "organization", "portal")
    list_select_related = ("organization",)
    search_fields = ("name__startswith",)
    ordering = ("name",)
    shows = ("name", "organization", "topics")

    def portal_path(self, row: Webhook) -> str:
        return reverse("accounts:webhook", args=[row.pk])


class AccessKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Whom a key is for, and for how long."""

    holder = forms.CharField(max_length=254, help_text=gettext_lazy("The name of a machine, or the address of a person."))
    days = forms.IntegerField(
        min_value=1, max_value=3_650, required=False, help_text=gettext_lazy("Empty: until it is revoked.")
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in sorted(access_key.SCOPES)], required=False, widget=forms.CheckboxSelectMultiple
    )

    def clean_holder(self) -> User:
        """Answer whom that names."""
        name = self.cleaned_data["holder"]
        found = User.objects.filter(Q(name=name) | Q(email=name.lower())).first()
        if found is None:
            raise ValidationError(_("There is no user %(name)s."), params={"name": name})
        return found


class AccessKeyAdmin(Upkeep):
    """Keys: issued, shown once, revoked. Registered by the learning app, which knows what a city does with one."""

    permission = Permission.MANAGE_KEYS
    form = AccessKeyForm
    list_display = ("prefix", "name", "user", "stands", "expires_at", "last_used_at", "portal")
    list_select_related = ("user",)
    search_fields = ("=prefix", "user__name__startswith")
    ordering = ("-pk",)
    adds = ("holder", "name", "scopes", "days")
    shows = ("prefix", "name", "user", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at")
    actions = ("revoke",)

    @display(description=gettext_lazy("Stands"))
    def stands(self, row: Any) -> str:
        """Say whether it opens anything."""
        if row.revoked_at:
            return _("revoked")
        return _("expired") if row.expires_at and row.expires_at <= timezone.now() else _("usable")

    def portal_path(self, row: Any) -> str:
        return reverse("people:user", args=[row.user_id])

    @action(description=gettext_lazy("Revoke"))
    def revoke(self, request: HttpRequest, rows: Any) -> None:
        """Make each useless."""
        self.carry_out(request, rows, lambda row: access_key.revoke(row.prefix, by=request.user), _("is revoked."))  # type: ignore[arg-type]
