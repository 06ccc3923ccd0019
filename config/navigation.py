"""The left navigation, in the order of the loop, for each role what it may open; and the chosen theme."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.policy import Permission, is_allowed

THEMES = frozenset({"light", "dark"})


@dataclass(frozen=True)
class Entry:
    """One line of the navigation; `icon` names a symbol of static/img/icons.svg."""

    label: Any
    url_name: str
    permission: Permission
    icon: str


SECTIONS = [
    (
        _("Learn"),
        [
            Entry(_("Review"), "learning:review", Permission.ANNOTATE, "review"),
            Entry(_("My work"), "learning:mine", Permission.ANNOTATE, "person"),
            Entry(_("Quality"), "learning:quality", Permission.ADJUDICATE, "figures"),
            Entry(_("Gold"), "learning:gold", Permission.ADJUDICATE, "good"),
            Entry(_("Modules"), "learning:modules", Permission.VIEW_STORE, "modules"),
            Entry(_("Cities"), "learning:cities", Permission.VIEW_STORE, "cities"),
            Entry(_("Batches"), "learning:batches", Permission.VIEW_STORE, "batches"),
            Entry(_("Samples"), "learning:samples", Permission.VIEW_STORE, "samples"),
            Entry(_("Figures"), "learning:figures", Permission.VIEW_STORE, "figures"),
            Entry(_("Examples"), "learning:examples", Permission.VIEW_STORE, "loop"),
            Entry(_("People"), "learning:people", Permission.VIEW_COLLECTION, "person"),
            Entry(_("Collections"), "learning:collections", Permission.VIEW_COLLECTION, "image"),
        ],
    ),
    (
        _("Train"),
        [
            Entry(_("Datasets"), "training:datasets", Permission.VIEW_TRAINING, "datasets"),
            Entry(_("Jobs"), "training:jobs", Permission.VIEW_TRAINING, "jobs"),
            Entry(_("Models"), "training:models", Permission.VIEW_TRAINING, "models"),
            Entry(_("Signatures"), "training:signing-requests", Permission.RELEASE_MODEL, "good"),
        ],
    ),
    (
        _("Deploy"),
        [
            Entry(_("Rollouts"), "deployments:rollouts", Permission.VIEW_FLEET, "rollouts"),
            Entry(_("Edges"), "deployments:edges", Permission.VIEW_FLEET, "edges"),
        ],
    ),
    (
        _("Protect"),
        [
            Entry(_("Erasures"), "learning:erasures", Permission.ERASE_DATA, "person"),
            Entry(_("Retention"), "learning:retention", Permission.MANAGE_RETENTION, "waiting"),
            Entry(_("Audit"), "accounts:audit", Permission.VIEW_AUDIT, "review"),
            Entry(_("Usage"), "usage", Permission.VIEW_STATUS, "figures"),
            Entry(_("System"), "system", Permission.MANAGE_STORE, "loop"),
            Entry(_("Webhooks"), "accounts:webhooks", Permission.MANAGE_WEBHOOKS, "bell"),
            Entry(_("Users"), "people:users", Permission.MANAGE_PEOPLE, "person"),
        ],
    ),
]


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Answer the sections that this person may open, which entry is open now, and the theme the person chose."""
    user = getattr(request, "user", None)
    theme = request.COOKIES.get("theme", "")
    known = {"theme": theme if theme in THEMES else ""}
    if user is None or not user.is_authenticated:
        return {**known, "navigation": []}
    shown = [(title, [entry for entry in entries if is_allowed(user, entry.permission)]) for title, entries in SECTIONS]
    return {**known, "navigation": [{"title": title, "entries": _links(request, rows)} for title, rows in shown if rows]}


def _links(request: HttpRequest, entries: list[Entry]) -> list[dict[str, Any]]:
    links = [(entry, reverse(entry.url_name)) for entry in entries]
    return [
        {"label": entry.label, "icon": entry.icon, "url": url, "current": request.path.startswith(url)} for entry, url in links
    ]
