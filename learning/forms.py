"""What lists of the learning store are narrowed by, in the URL, and the forms of cities."""

from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import available_timezones

from django import forms
from django.forms.utils import flatatt
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.pages import Filters
from learning.calendar import DAYS
from learning.figures import Period
from learning.models import BatchState, City, UploadBatch
from learning.models.batch import UploadBatchQuerySet
from learning.sample_filters import ANY, cities_field, day_field, offer_cities

MOST_DAYS = timedelta(days=3_660)


class FigureFilters(Filters):
    """City and days."""

    city = cities_field()
    since = day_field(_("From"))
    until = day_field(_("To"))

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        offer_cities(self, user)

    @property
    def period(self) -> Period:
        """Answer the days that figures are shown of: those chosen, else the last five weeks."""
        until = self.chosen.get("until") or timezone.now().date() + timedelta(days=1)
        since = self.chosen.get("since") or until - timedelta(days=DAYS)
        return Period(max(since, until - MOST_DAYS), until)

    @property
    def cities(self) -> list[City] | None:
        """Answer the city that was chosen, alone; None for all."""
        return [self.chosen["city"]] if "city" in self.chosen else None


class BatchFilters(FigureFilters):
    """State, city, and the batches' days."""

    state = forms.ChoiceField(label=_("State"), choices=[*ANY, *BatchState.choices], required=False)
    field_order = ("state", "city", "since", "until")

    def batches(self, user: User) -> UploadBatchQuerySet:
        """Answer the batches that `user` sees and that were asked for."""
        columns = {"state": "state", "city": "city", "since": "day__gte", "until": "day__lte"}
        return UploadBatch.objects.visible_to(user).filter(**{columns[name]: value for name, value in self.chosen.items()})

    @property
    def csv_query(self) -> str:
        """Answer the query of what was rejected in the period."""
        asked: dict[str, str] = {name: str(self.data[name]) for name in ("state", "city") if name in self.chosen}
        return "?" + urlencode({**asked, "since": self.period.since.isoformat(), "until": self.period.until.isoformat()})


class ZoneSelect(forms.Select):
    """A list of six hundred: written at once, for Django renders two templates for each of them."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        zones = ((zone, mark_safe(" selected") if zone == value else "", zone) for zone, _word in self.choices)
        options = format_html_join("", '<option value="{}"{}>{}</option>', zones)
        return format_html(
            "<select{}>{}</select>", flatatt(self.build_attrs(self.attrs, {**(attrs or {}), "name": name})), options
        )


@cache
def _zones() -> frozenset[str]:
    """Answer the names of all time zones: the library looks through its folder for them each time."""
    return frozenset(available_timezones())


class CityForm(forms.Form):
    """What a city is called, where its days begin, and how often it is expected to send."""

    name = forms.CharField(label=_("Name"), max_length=120)
    timezone = forms.ChoiceField(
        label=_("Time zone"), help_text=_("Its days begin here; batches keep the days they have."), widget=ZoneSelect
    )
    expected_hours = forms.IntegerField(
        label=_("Expected every"),
        required=False,
        min_value=1,
        max_value=366 * 24,
        help_text=_("Hours; 24 is once a day. Empty: overdue after seven silent days."),
    )

    def __init__(self, data: Any = None, *, city: City) -> None:
        hours = int(city.expected_every.total_seconds()) // 3600 if city.expected_every else None
        super().__init__(data, initial={"name": city.name, "timezone": city.timezone, "expected_hours": hours})
        zones = self.fields["timezone"]
        assert isinstance(zones, forms.ChoiceField)
        zones.choices = [(name, name) for name in sorted(_zones() | {city.timezone})]

    @property
    def asked(self) -> dict[str, Any]:
        """Answer the changes as the verb takes them."""
        hours = self.cleaned_data["expected_hours"]
        facts = {name: self.cleaned_data[name] for name in ("name", "timezone")}
        return {**facts, "expected_every": timedelta(hours=hours) if hours else None}


class KeyForm(forms.Form):
    """For how long a new key shall work."""

    days = forms.TypedChoiceField(
        label=_("Works for"), coerce=int, choices=[(0, _("until it is revoked")), (90, _("90 days")), (365, _("one year"))]
    )
