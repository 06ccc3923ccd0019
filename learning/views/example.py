"""Pages of training examples: all of them, and one user's."""

from typing import Any

from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.policy import Permission, is_allowed, require
from core.errors import Missing
from core.pages import carry_out
from core.paging import bounded_count, keyset_page
from learning.actions import example as verbs
from learning.models import TrainingExample
from learning.models.example import STATUSES
from learning.people_forms import ExampleFilters
from learning.thumbnails import WITH_PICTURES, thumbnail_url

PAGE = 60
SHOWN_USERS, SHOWN_SESSIONS = 50, 100


@require_safe
def examples(request: HttpRequest) -> HttpResponse:
    """Show examples, newest first, beside the users they are of."""
    user = _viewer(request)
    form = ExampleFilters(request.GET, user=user)
    chosen = dict(form.chosen)
    status = chosen.pop("label_status", "")
    rows = TrainingExample.objects.visible_to(user).filter(**chosen)
    rows = rows.of_status(status) if status else rows
    users = (
        TrainingExample.objects.visible_to(user)
        .order_by()
        .values("user_id")
        .annotate(examples=Count("pk"), last=Max("timestamp"))
    )
    facts = {"form": form, "count": bounded_count(rows), "users": users.order_by("-last")[:SHOWN_USERS]}
    return render(request, "learning/example_list.html", {**facts, **_page(rows, request, user)})


@require_safe
def example_user(request: HttpRequest, user_id: str) -> HttpResponse:
    """Show one user's examples, with how many there are of each label and session, and the user's consent."""
    user = _viewer(request)
    rows = _of_user(user_id, user)
    statuses = {str(status): Count("pk", filter=condition) for status, condition in STATUSES.items()}
    labels = rows.order_by().values("modality", "label").annotate(examples=Count("pk"), **statuses)
    sessions = rows.order_by().values("session_id").annotate(examples=Count("pk"), last=Max("timestamp"))
    totals = rows.aggregate(examples=Count("pk"), consenting=Count("pk", filter=Q(consent_given=True)), **statuses)
    facts = {
        "user_id": user_id,
        "labels": labels.order_by("modality", "label"),
        "sessions": sessions.order_by("-last")[:SHOWN_SESSIONS],
        "totals": totals,
        "may_curate": is_allowed(user, Permission.CURATE_SAMPLES),
    }
    return render(request, "learning/example_user.html", {**facts, **_page(rows, request, user)})


@require_POST
def example_consent(request: HttpRequest, user_id: str) -> HttpResponse:
    """Note that a user gave or withdrew consent for all of their examples."""
    user = _viewer(request)
    _of_user(user_id, user)
    given = request.POST.get("given") == "1"
    said = _("Consent was noted. ") if given else _("Consent was withdrawn. ")
    return carry_out(
        request,
        lambda: verbs.set_consent(user_id, by=user, given=given),
        done=lambda changed: said + ngettext("%d example changed.", "%d examples changed.", changed) % changed,
        then=reverse("learning:example-user", args=[user_id]),
    )


def _of_user(user_id: str, viewer: User) -> Any:
    rows = TrainingExample.objects.visible_to(viewer).filter(user_id=user_id) if "\0" not in user_id else None
    if rows is None or not rows.exists():
        raise Missing("There are no examples of such a user, or they are not within your reach.")
    return rows


def _page(rows: Any, request: HttpRequest, user: User) -> dict[str, Any]:
    joined = rows.select_related("sample__city", *(f"sample__{name}" for name in WITH_PICTURES))
    page = keyset_page(joined, order="-timestamp", cursor=request.GET.get("cursor", ""), size=PAGE)
    return {"page": page, "tiles": [{"example": row, "url": thumbnail_url(row.sample, user)} for row in page.results]}


def _viewer(request: HttpRequest) -> User:
    require(request.user, Permission.VIEW_STORE)
    assert isinstance(request.user, User)
    return request.user
