"""The page of the audit log: what was done, by whom, to what; as a table to keep; and whether it is as it was sealed.

Beside it, for the hub's people: who was shown how many pictures.
"""

from datetime import timedelta
from itertools import chain

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.actions import sealing
from accounts.actions.event import record
from accounts.actions.viewing import KEPT_FOR
from accounts.audit import AuditFilters, table
from accounts.models import EventSeal, ImageViews, User
from accounts.policy import Permission, require
from core.csv_rows import csv_response
from core.pages import carry_out
from core.paging import scanned_page

PAGE = 100
SEALS = 5
VIEWED = 20
VIEWED_WITHIN = timedelta(days=14)
PICTURES = ("day", "person", "pictures")


@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """Show events, newest first; for the hub's people also the newest seals, and what the last proof found."""
    user, form = _reader(request), AuditFilters(request.GET)
    page = scanned_page(*form.rows(user), cursor=request.GET.get("cursor", ""), size=PAGE)
    facts = {"form": form, "page": page, "query": request.GET.urlencode(), "sees_seals": user.is_hub_staff}
    if user.is_hub_staff:
        facts |= {"seals": EventSeal.objects.order_by("-last_event")[:SEALS], "proof": sealing.last_verdict()}
        facts["viewed"] = ImageViews.objects.by_day(timezone.now().date() - VIEWED_WITHIN)[:VIEWED]
    return render(request, "accounts/audit.html", facts)


@require_safe
def audit_csv(request: HttpRequest) -> HttpResponseBase:
    """Send what the page shows, all pages of it, as CSV; that it was taken stands in the log as well."""
    user = _reader(request)
    form = AuditFilters(request.GET)
    rows, narrow = form.rows(user)
    record(user, "export_audit", user, narrowed_by=sorted(form.chosen))
    return csv_response(table(rows, narrow), "audit.csv")


@require_safe
def pictures_csv(request: HttpRequest) -> HttpResponseBase:
    """Send who was shown how many pictures on each day that is still known, as CSV; the log says that it was taken."""
    user = _reader(request)
    require(user, Permission.MANAGE_PEOPLE)
    record(user, "export_pictures", user)
    rows = ImageViews.objects.by_day(timezone.now().date() - KEPT_FOR)
    return csv_response(chain([PICTURES], rows.iterator()), "pictures.csv")


@require_POST
def audit_verify(request: HttpRequest) -> HttpResponse:
    """Have the seals proven."""
    user = _reader(request)
    sealing.require_prover(user)
    done = _("It is being proven; what comes of it stands beside the seals.")
    return carry_out(request, lambda: sealing.ask_to_verify(by=user), done=done, then=reverse("accounts:audit"))


def _reader(request: HttpRequest) -> User:
    require(request.user, Permission.VIEW_AUDIT)
    assert isinstance(request.user, User)
    return request.user
