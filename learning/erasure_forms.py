"""Forms of the pages on which data leaves; rules stand in the verbs, not here."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.pages import RowField
from learning.models import AiModule, City, RetentionPolicy, SubjectKind
from learning.models.retention import MAX_DAYS

KINDS = [
    (SubjectKind.PLATE, _("a plate or other text")),
    (SubjectKind.SAMPLES, _("samples")),
    (SubjectKind.EVENT, _("an event of a city")),
    (SubjectKind.CAMERA, _("a camera")),
    (SubjectKind.CITY, _("a whole city")),
    (SubjectKind.PERSON, _("a person (domain/name)")),
    (SubjectKind.USER, _("a user of examples")),
]
NAMED_BY = {
    SubjectKind.PLATE: "plate",
    SubjectKind.EVENT: "event_id",
    SubjectKind.PERSON: "person",
    SubjectKind.USER: "user_id",
}
OF_A_CITY = {SubjectKind.EVENT, SubjectKind.CAMERA, SubjectKind.CITY}
IN_A_TIME = {SubjectKind.CAMERA, SubjectKind.CITY}


def _cities(*, required: bool) -> "forms.ModelChoiceField[City]":
    return RowField(
        label=_("City"), queryset=City.objects.order_by("name"), to_field_name="slug", required=required, empty_label=_("none")
    )


def _moment(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"})
    return forms.DateTimeField(label=label, required=False, widget=widget, help_text=_("UTC"))


class SubjectForm(forms.Form):
    """Whom or what it is about."""

    kind = forms.ChoiceField(label=_("Find by"), choices=KINDS)
    value = forms.CharField(
        label=_("Text"),
        required=False,
        max_length=40_000,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
        help_text=_("The plate, event id, person or user; of samples one sample id a line."),
    )
    city = _cities(required=False)
    camera_id = forms.CharField(label=_("Camera"), required=False, max_length=120)
    since = _moment(_("Captured since"))
    until = _moment(_("Captured before"))
    reference = forms.CharField(
        label=_("Reference"), required=False, max_length=120, help_text=_("The number of the request; no names.")
    )

    @property
    def asked(self) -> dict[str, Any]:
        """Answer kind, subject and reference as the verbs take them."""
        given = self.cleaned_data
        kind, value = given["kind"], given["value"].strip()
        subject: dict[str, Any] = {}
        if kind in NAMED_BY:
            subject[NAMED_BY[kind]] = value
        if kind == SubjectKind.SAMPLES:
            subject["samples"] = value.split()
        if kind in OF_A_CITY:
            subject["city"] = given["city"].slug if given["city"] else ""
        if kind == SubjectKind.CAMERA:
            subject["camera_id"] = given["camera_id"]
        if kind in IN_A_TIME:
            subject |= {name: given[name].isoformat() for name in ("since", "until") if given[name]}
        return {"kind": kind, "subject": subject, "reference": given["reference"]}


class HoldForm(forms.Form):
    """What shall be held, and why."""

    city = _cities(required=True)
    camera_id = forms.CharField(label=_("Camera"), required=False, max_length=120, help_text=_("empty: the whole city"))
    samples = forms.CharField(
        label=_("Samples"),
        required=False,
        max_length=40_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("one sample id a line; empty: all of it"),
    )
    since = _moment(_("Captured since"))
    until = _moment(_("Captured before"))
    reason = forms.CharField(label=_("Why"), max_length=300)


class RulesForm(forms.Form):
    """A module's days; an empty field is never."""

    archive_days = forms.IntegerField(label=_("Archive after"), required=False, min_value=1, max_value=MAX_DAYS)
    unsure_days = forms.IntegerField(label=_("Delete unsure after"), required=False, min_value=1, max_value=MAX_DAYS)
    correct_days = forms.IntegerField(label=_("Delete correct after"), required=False, min_value=1, max_value=MAX_DAYS)
    unlabelled_days = forms.IntegerField(label=_("Delete unlabelled after"), required=False, min_value=1, max_value=MAX_DAYS)

    @classmethod
    def of(cls, module: AiModule, policy: RetentionPolicy) -> "RulesForm":
        """Answer the form filled with a module's rules."""
        return cls(initial=vars(policy), prefix=module.slug)
