"""What the pages of gold and quality are narrowed by, and what their acts ask for."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.pages import Filters, RowField
from learning.models import AiModule
from learning.models.gold import MAX_REASON
from learning.sample_filters import NO_NUL, day_field

WEEKS = timedelta(weeks=12)
MOST = timedelta(weeks=260)
STATES = [("active", _("in use")), ("retired", _("retired"))]


class _ModuleField(RowField):
    """One of the modules, found among its choices: they are few, and all are shown."""

    def to_python(self, value: Any) -> AiModule | None:
        if value in self.empty_values:
            return None
        assert self.queryset is not None
        known: dict[str, AiModule] = {row.slug: row for row in self.queryset}
        if value not in known:
            raise forms.ValidationError(self.error_messages["invalid_choice"], code="invalid_choice", params={"value": value})
        return known[value]


def _module_field() -> "forms.ModelChoiceField[AiModule]":
    rows = AiModule.objects.order_by("name")
    return _ModuleField(label=_("Module"), queryset=rows, to_field_name="slug", empty_label=None, required=False)


class ModuleFilters(Filters):
    """The module that is shown: the one chosen, else the first."""

    module = _module_field()

    @property
    def module_shown(self) -> AiModule | None:
        """Answer it; None where there is no module at all."""
        field = self.fields["module"]
        assert isinstance(field, RowField)
        assert field.queryset is not None
        return self.chosen.get("module") or next(iter(field.queryset), None)  # which are its choices, and asked for once


class QualityFilters(ModuleFilters):
    """Module and weeks."""

    since = day_field(_("From"))
    until = day_field(_("To"))

    @property
    def period(self) -> tuple[date, date]:
        """Answer the days chosen, else the last twelve weeks; it begins with a Monday."""
        until = self.chosen.get("until") or timezone.now().date()
        since = max(self.chosen.get("since") or until - WEEKS, until - MOST)
        return since - timedelta(days=since.weekday()), until


class GoldFilters(ModuleFilters):
    """Module, and whether it is in use."""

    state = forms.ChoiceField(label=_("State"), choices=STATES, required=False)


class WhyForm(forms.Form):
    """Why somebody is paused or goes on, or why a gold sample is retired."""

    reason = forms.CharField(label=_("Why"), min_length=1, max_length=MAX_REASON, strip=True, validators=[NO_NUL])


class PromoteForm(forms.Form):
    """Which sample becomes gold."""

    sample = forms.CharField(label=_("Sample"), max_length=200, strip=True, validators=[NO_NUL])


def reason_of(data: Any) -> str:
    """Answer the reason of a form that a page of ours sent; empty where it makes no sense, which the verb refuses."""
    form = WhyForm(data)
    return str(form.cleaned_data["reason"]) if form.is_valid() else ""
