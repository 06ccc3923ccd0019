"""Reading the audit log: what it is narrowed by, page by page, and as a table."""

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.apps import apps
from django.core.validators import ProhibitNullCharactersValidator
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Event, User
from accounts.models.event import EventQuerySet
from core.canonical import canonical_json
from core.pages import Filters
from core.paging import scanned_page

CHUNK = 500
MOST_EXPORTED = 200_000
HEAD = ("id", "at", "actor", "verb", "object_type", "object_id", "organization_id", "facts", "request_id")
NO_NUL = [ProhibitNullCharactersValidator()]
OURS = ("accounts", "learning", "training", "deployments")


def _nouns() -> list[tuple[str, Any]]:
    """Answer the kinds of objects there are, by the words people use."""
    models = [model for app in OURS for model in apps.get_app_config(app).get_models()]
    return [
        ("", _("any")),
        *sorted(((row._meta.label_lower, str(row._meta.verbose_name)) for row in models), key=lambda row: row[1]),
    ]


def _day(label: Any) -> forms.DateField:
    picker = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=False, widget=picker)


class AuditFilters(Filters):
    """Who, what, which, when."""

    actor = forms.CharField(label=_("Who"), required=False, max_length=150, validators=NO_NUL)
    verb = forms.CharField(label=_("Did"), required=False, max_length=60, validators=NO_NUL)
    object_type = forms.ChoiceField(label=_("What"), choices=_nouns, required=False)
    object_id = forms.CharField(label=_("Which (id)"), required=False, max_length=200, validators=NO_NUL)
    since = _day(_("From"))
    until = _day(_("To"))

    def rows(self, user: User) -> tuple[EventQuerySet, Q]:
        """Answer the events that an index narrows to, and what of them is to be looked through for."""
        chosen, rows, narrow = self.chosen, Event.objects.visible_to(user), Q()
        if "object_id" in chosen and "object_type" in chosen:
            rows = rows.about(chosen["object_type"], chosen["object_id"])
        else:
            narrow &= Q(**{name: chosen[name] for name in ("object_type", "object_id") if name in chosen})
        if "actor" in chosen:
            key = User.objects.filter(name=chosen["actor"]).values_list("pk", flat=True).first()
            rows = rows.filter(actor_id=key) if key else rows.filter(actor_id__isnull=True, actor_name=chosen["actor"])
        if "verb" in chosen:
            narrow &= Q(verb=chosen["verb"].strip().replace(" ", "_"))
        if "since" in chosen:
            narrow &= Q(at__date__gte=chosen["since"])
        if "until" in chosen:
            narrow &= Q(at__date__lte=chosen["until"])
        return rows, narrow


def table(rows: EventQuerySet, narrow: Q) -> Iterator[Sequence[Any]]:
    """Yield the newest events, newest first, as rows of a table; a few hundred are held, some thousands looked through, at a time."""
    yield HEAD
    cursor, written = "", 0
    while cursor is not None and written < MOST_EXPORTED:
        page = scanned_page(rows, narrow, cursor=cursor, size=CHUNK)
        for row in page.results:
            yield (
                row.pk,
                row.at.isoformat(),
                row.actor_name,
                row.verb,
                row.object_type,
                row.object_id,
                row.organization_id,
                canonical_json(row.facts),
                row.request_id,
            )
        written += len(page.results)
        cursor = page.next  # type: ignore[assignment]  # None ends it
