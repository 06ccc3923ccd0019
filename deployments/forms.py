"""What lists of the fleet are narrowed by, and the form that starts a rollout."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.pages import Filters, RowField, RowsField
from deployments import history, plan
from deployments.models import EdgeServer, RolloutState
from learning.models import AiModule, City
from training.models import ModelVersion

ANY = [("", _("any"))]


class RolloutFilters(Filters):
    """State."""

    state = forms.ChoiceField(label=_("State"), choices=[*ANY, *RolloutState.choices], required=False)


class EdgeFilters(Filters):
    """How the edge stands, its city and group, a module that it has a slot for, and the version that it says it runs."""

    stands = forms.ChoiceField(
        label=_("Stands"),
        choices=[
            *ANY,
            ("drift", _("in drift")),
            ("silent", _("silent")),
            ("held", _("held")),
            ("new", _("not enrolled")),
            ("old_agent", _("old agent")),
        ],
        required=False,
    )
    city = RowField(label=_("City"), queryset=City.objects.none(), to_field_name="slug", empty_label=_("any"), required=False)
    group = forms.ChoiceField(label=_("Group"), required=False)
    module = RowField(
        label=_("Module"),
        queryset=AiModule.objects.order_by("name"),
        to_field_name="slug",
        empty_label=_("any"),
        required=False,
    )
    runs = forms.CharField(
        label=_("Runs"), max_length=40, required=False, widget=forms.TextInput(attrs={"placeholder": "1.2.3", "size": 8})
    )

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        self.fields["city"].queryset = City.objects.visible_to(user).order_by("name")  # type: ignore[attr-defined]
        groups = groups_of(EdgeServer.objects.visible_to(user))
        self.fields["group"].choices = [*ANY, *((name, name) for name in groups)]  # type: ignore[attr-defined]


class DayForm(forms.Form):
    """A day that was, or today."""

    on = forms.DateField(
        label=_("On"), required=False, widget=forms.DateInput(attrs={"type": "date"}), validators=history.WITHIN
    )


class CallbackForm(forms.Form):
    """Where an edge can be called; empty where it cannot. What is never called is refused by the verb."""

    url = forms.CharField(
        label=_("Callback URL"),
        max_length=200,
        required=False,
        widget=forms.URLInput(attrs={"placeholder": "https://edge.example:8443/wake"}),
        help_text=_("The hub pushes each new assignment there. Empty: the edge asks by itself."),
    )


class DescriptionForm(forms.Form):
    """An edge's group, and when it may be changed; no zone means any time."""

    group = forms.CharField(label=_("Group"), max_length=60, required=False)
    zone = forms.CharField(
        label=_("Time zone"), max_length=60, required=False, widget=forms.TextInput(attrs={"placeholder": "Asia/Kolkata"})
    )
    opens = forms.TimeField(label=_("May be changed from"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    closes = forms.TimeField(label=_("To"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))

    @property
    def window(self) -> dict[str, str]:
        """The window as deployments/windows.py reads it; what is half filled in is refused there."""
        said = {name: self.cleaned_data[field] for name, field in (("zone", "zone"), ("from", "opens"), ("to", "closes"))}
        return {
            name: value if name == "zone" else value.strftime("%H:%M")
            for name, value in said.items()
            if value not in ("", None)
        }

    @staticmethod
    def of(edge: EdgeServer) -> "DescriptionForm":
        """Fill it in with what is kept."""
        window = edge.window
        return DescriptionForm(
            initial={"group": edge.group, "zone": window.get("zone"), "opens": window.get("from"), "closes": window.get("to")}
        )


class RolloutForm(forms.Form):
    """Which edges get a model version, in which steps, and what stops it; what is left empty is not asked for."""

    edges = RowsField(
        label=_("Edges"),
        queryset=EdgeServer.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("None chosen: every edge that has a slot for the module."),
    )
    names = forms.CharField(
        label=_("Edges by name"),
        required=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line: there are more than the list above shows."),
    )
    group = forms.ChoiceField(label=_("Only of the group"), required=False)
    canary = forms.IntegerField(
        label=_("Canaries"), min_value=1, required=False, help_text=_("So many edges go first. Empty: all at once.")
    )
    share = forms.IntegerField(
        label=_("Then, percent of all"), min_value=1, max_value=99, required=False, help_text=_("A wave before the last.")
    )
    success = forms.IntegerField(
        label=_("Percent of a wave that must complete"),
        min_value=1,
        max_value=100,
        required=False,
        help_text=_("Empty: all have answered."),
    )
    soak = forms.IntegerField(label=_("Soak, minutes"), min_value=0, max_value=plan.MOST_MINUTES, required=False)
    max_failed = forms.IntegerField(label=_("Failures that are borne"), min_value=0, required=False)
    silent_after = forms.IntegerField(
        label=_("Counts as silent after, minutes"), min_value=1, max_value=plan.MOST_MINUTES, required=False
    )
    reaction = forms.ChoiceField(
        label=_("When a rule is broken"),
        choices=[("pause", _("pause, and wait for a person")), ("abort", _("abort")), ("roll_back", _("roll back at once"))],
        required=False,
    )
    p95_ratio = forms.FloatField(
        label=_("Latency may grow to, times"), min_value=1, max_value=1_000, required=False, help_text=_("Of 95 in 100 images.")
    )
    empty_rise = forms.IntegerField(
        label=_("Empty answers may rise by, percent points"), min_value=0, max_value=100, required=False
    )
    min_images = forms.IntegerField(
        label=_("Images to be measured first"),
        min_value=0,
        required=False,
        help_text=_("By the new version, before a wave is over."),
    )
    concurrency = forms.IntegerField(label=_("Edges at once"), min_value=1, required=False)
    windows = forms.BooleanField(label=_("Keep to the edges' maintenance windows"), required=False)
    standing = forms.BooleanField(label=_("Send it to edges that join later, too"), required=False)
    scheduled_at = forms.DateTimeField(
        label=_("Begin at (UTC)"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )

    def __init__(self, data: Any = None, *, version: ModelVersion, user: User) -> None:
        super().__init__(data, initial=USUAL)
        self._able = able = edges_for(version, user)
        self.fields["edges"].queryset = able  # type: ignore[attr-defined]
        self.fields["edges"].offered = OFFERED  # type: ignore[attr-defined]
        if not able.order_by()[OFFERED : OFFERED + 1].exists():
            del self.fields["names"]
        self.fields["group"].choices = [*ANY, *((name, name) for name in groups_of(able))]  # type: ignore[attr-defined]

    def clean_names(self) -> list[EdgeServer]:
        """Read names, one a line, as edges that may be chosen."""
        names = {name.strip() for name in self.cleaned_data["names"].splitlines() if name.strip()}
        named = list(self._able.filter(name__in=names))
        if lacking := sorted(names - {edge.name for edge in named}):
            raise forms.ValidationError(_("There is no edge %(name)s that could take it.") % {"name": lacking[0]})
        return named

    @property
    def chosen(self) -> list[EdgeServer]:
        """The edges that were ticked, and those that were named."""
        edges = {edge.pk: edge for edge in (*self.cleaned_data["edges"], *self.cleaned_data.get("names", ()))}
        return list(edges.values())

    @property
    def plan(self) -> dict[str, Any]:
        """The plan that was asked for, as deployments/plan.py reads it."""
        said = {name: value for name, value in self.cleaned_data.items() if value not in (None, "", False)}
        steps = [
            {"count": said["canary"], "name": "canary"} if "canary" in said else None,
            {"share": said["share"] / 100} if "share" in said else None,
            {"share": 1.0},
        ]
        return {
            "waves": [step for step in steps if step],
            "advance": _named(said, success=100, soak="soak_minutes"),
            "error": _named(said, max_failed="max_failed", silent_after="silent_after_minutes"),
            "health": _named(said, p95_ratio="p95_ratio", empty_rise=100, min_images="min_images"),
            **{name: said[name] for name in ("reaction", "concurrency", "windows", "standing", "group") if name in said},
        }


OFFERED = 100
"""So many edges are listed to be ticked: a page of ten thousand takes seconds, and nobody reads it."""
USUAL = {
    "canary": 1,
    "soak": 10,
    "max_failed": 0,
    "silent_after": 60,
    "reaction": "pause",
    "p95_ratio": 1.5,
    "empty_rise": 10,
}
"""What the form begins with: careful, and it goes on by itself."""


def _named(said: dict[str, Any], **names: str | int) -> dict[str, Any]:
    """Answer the fields that were filled in, under their names in a plan; a number is what percents are divided by."""
    return {
        (to if isinstance(to, str) else name): (said[name] if isinstance(to, str) else said[name] / to)
        for name, to in names.items()
        if name in said
    }


def groups_of(edges: Any) -> Any:
    """Answer the first two hundred groups that these edges are in, by name."""
    return edges.exclude(group="").order_by("group").values_list("group", flat=True).distinct()[:200]


def edges_for(version: ModelVersion, user: User) -> Any:
    """Answer the edges that could take `version`: in use, with a slot for its module, of its organization if it has one."""
    rows = EdgeServer.objects.visible_to(user).filter(slots__module=version.module_id, retired_at__isnull=True)
    return (rows.filter(organization=version.organization_id) if version.organization_id else rows).order_by("name")
