"""What lists of the fleet are narrowed by, and the form that starts a rollout."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.pages import Filters
from deployments.models import EdgeServer, RolloutState
from learning.models import AiModule, City
from training.models import ModelVersion

ANY = [("", _("any"))]


class RolloutFilters(Filters):
    """State."""

    state = forms.ChoiceField(label=_("State"), choices=[*ANY, *RolloutState.choices], required=False)


class EdgeFilters(Filters):
    """How the edge stands, its city, and a module that it has a slot for."""

    stands = forms.ChoiceField(
        label=_("Stands"),
        choices=[*ANY, ("drift", _("in drift")), ("silent", _("silent")), ("held", _("held")), ("new", _("not enrolled"))],
        required=False,
    )
    city = forms.ModelChoiceField(
        label=_("City"), queryset=City.objects.none(), to_field_name="slug", empty_label=_("any"), required=False
    )
    slots__module = forms.ModelChoiceField(
        label=_("Module"),
        queryset=AiModule.objects.order_by("name"),
        to_field_name="slug",
        empty_label=_("any"),
        required=False,
    )

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        self.fields["city"].queryset = City.objects.visible_to(user).order_by("name")  # type: ignore[attr-defined]


class CallbackForm(forms.Form):
    """Where an edge can be called; empty where it cannot. What is never called is refused by the verb."""

    url = forms.CharField(
        label=_("Callback URL"),
        max_length=200,
        required=False,
        widget=forms.URLInput(attrs={"placeholder": "https://edge.example:8443/wake"}),
        help_text=_("The hub pushes each new assignment there. Empty: the edge asks by itself."),
    )


class RolloutForm(forms.Form):
    """Which edges get a model version; none chosen means all that have a slot for its module."""

    edges = forms.ModelMultipleChoiceField(
        label=_("Edges"),
        queryset=EdgeServer.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("None chosen: every edge that has a slot for the module."),
    )

    def __init__(self, data: Any = None, *, version: ModelVersion, user: User) -> None:
        super().__init__(data)
        self.fields["edges"].queryset = edges_for(version, user)  # type: ignore[attr-defined]


def edges_for(version: ModelVersion, user: User) -> Any:
    """Answer the edges that could take `version`: in use, with a slot for its module, of its organization if it has one."""
    rows = EdgeServer.objects.visible_to(user).filter(slots__module=version.module_id, retired_at__isnull=True)
    return (rows.filter(organization=version.organization_id) if version.organization_id else rows).order_by("name")
