"""Forms of people: tokens, invitations, roles."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.actions import token
from accounts.models import Organization, Role
from accounts.models.user import MACHINE_ROLES
from core.pages import Filters, RowField

PEOPLES_ROLES = [(role.value, role.label) for role in Role if role not in MACHINE_ROLES]
ANY = [("", _("Any"))]


class TokenForm(forms.Form):
    """What a token is for, and for how long."""

    name = forms.CharField(label=_("For"), max_length=100, help_text=_("The app or phone that will hold it."))
    days = forms.IntegerField(label=_("Days"), min_value=1, max_value=token.MOST_DAYS, initial=90)


class PlaceForm(forms.Form):
    """A role, and the organization it belongs to."""

    role = forms.ChoiceField(label=_("Role"), choices=PEOPLES_ROLES, initial=Role.ANNOTATOR)
    organization = RowField(
        label=_("Organization"),
        queryset=Organization.objects.order_by("name"),
        required=False,
        empty_label=_("none: the hub itself"),
        help_text=_("Organization admins and members belong to one."),
    )


class InviteForm(PlaceForm):
    """Who is invited."""

    name = forms.CharField(label=_("Name"), max_length=150)
    email = forms.EmailField(label=_("E-mail"), help_text=_("It is what they log in by; no mail is sent there."))
    field_order = ("name", "email", "role", "organization")


class UserFilters(Filters):
    """Role, organization, and whether they may log in."""

    role = forms.ChoiceField(label=_("Role"), choices=[*ANY, *Role.choices], required=False)
    organization = RowField(label=_("Organization"), queryset=Organization.objects.none(), required=False, empty_label=_("Any"))
    stands = forms.ChoiceField(
        label=_("State"), choices=[*ANY, ("active", _("may log in")), ("inactive", _("shut out"))], required=False
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.fields["organization"].queryset = Organization.objects.order_by("name")  # type: ignore[attr-defined]
