"""What a person was told: the bell with its number, the page, and what to be told of."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.actions import notification as verbs
from accounts.models import MutedTopic, Notification, User
from accounts.subjects import names_of
from accounts.topics import TOPICS
from core.pages import carry_out, found
from core.paging import bounded_count, keyset_page

PAGE = 50
SHOWN = 99


@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    """Show what this person was told, newest first."""
    user = _person(request)
    rows = Notification.objects.visible_to(user).filter(topic__in=TOPICS).select_related("event")
    page = keyset_page(rows, order="-id", cursor=request.GET.get("cursor", ""), size=PAGE)
    names = names_of([(row.topic, row.event) for row in page.results], user)
    muted = set(MutedTopic.objects.filter(user=user).values_list("topic", flat=True))
    facts = {
        "page": page,
        "rows": [
            {
                "told": row,
                "topic": TOPICS[row.topic],
                "name": names.get((row.event.object_type, row.event.object_id), ""),
                "url": reverse("accounts:notification-open", args=[row.pk]),
            }
            for row in page.results
        ],
        "newest": page.results[0].pk if page.results else 0,
        "unread": any(row.read_at is None for row in page.results),
        "choices": [{"topic": topic, "is_told": topic.name not in muted} for topic in verbs.offered_to(user)],
    }
    return render(request, "accounts/notifications.html", facts)


@require_safe
def notification_count(request: HttpRequest) -> HttpResponse:
    """Answer the number beside the bell, as the header of every page asks for it."""
    count = bounded_count(Notification.objects.visible_to(_person(request)).unread(), SHOWN)
    return render(request, "accounts/notifications.html#count", {"count": count if count != "0" else ""})


@require_POST
def notification_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark one as read, and lead on to what it is about."""
    user = _person(request)
    row = found(Notification.objects.visible_to(user).filter(topic__in=TOPICS).select_related("event"), pk=pk)
    verbs.read_one(row, by=user)
    return redirect(TOPICS[row.topic].address_of(row.event.object_id))


@require_POST
def notifications_read(request: HttpRequest) -> HttpResponse:
    """Mark what the page showed, and all before it, as read."""
    until = request.POST.get("until", "")
    number = int(until) if until.isascii() and until.isdigit() and len(until) < 19 else 0
    verbs.read(by=_person(request), until=number)
    return redirect("accounts:notifications")


@require_POST
def notifications_choose(request: HttpRequest) -> HttpResponse:
    """Keep what this person wants to be told of."""
    user, topics = _person(request), request.POST.getlist("topic")
    return carry_out(request, lambda: verbs.choose(topics, by=user), done=_("Kept."), then=reverse("accounts:notifications"))


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
