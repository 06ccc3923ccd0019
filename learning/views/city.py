"""Pages of cities: what each sent, its cameras, how often people correct it, and for admins its key."""

from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.actions import access_key
from accounts.models import AccessKey, Event, User
from accounts.policy import Permission, is_allowed, require
from core.errors import Missing
from core.pages import carry_out, first_error, found
from core.paging import bounded_count, keyset_page
from learning import figures, silence
from learning.actions import city as city_verbs
from learning.forms import CityForm, FigureFilters, KeyForm
from learning.models import Camera, City, DailyCount, Measure, UploadBatch
from learning.models.city import HUB
from learning.views.viewing import viewer

PAGE = 50
SHOWN = 10
KEYS = 20


@require_safe
def cities(request: HttpRequest) -> HttpResponse:
    """List cities with what they sent within five weeks, when last, and which are overdue."""
    user = viewer(request)
    only_overdue = request.GET.get("stands") == "overdue"
    rows = City.objects.visible_to(user)
    overdue = silence.overdue(rows)
    listed = overdue if only_overdue else silence.with_last_sent(rows)
    page = keyset_page(listed.select_related("organization"), order="name", cursor=request.GET.get("cursor", ""), size=PAGE)
    late = set(overdue.filter(pk__in=[city.pk for city in page.results]).values_list("pk", flat=True))
    period = FigureFilters({}, user=user).period
    counts = period.counts(user, page.results)
    sums = _sums(counts)
    rates = figures.corrections(counts, "city")
    table = [
        {"city": city, "is_overdue": city.pk in late, "rate": rates.get(city.pk), **sums.get(city.pk, {})}
        for city in page.results
    ]
    facts = {"page": page, "rows": table, "count": bounded_count(listed), "only_overdue": only_overdue}
    return render(request, "learning/city_list.html", {**facts, "overdue": bounded_count(overdue)})


@require_safe
def city(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one city."""
    user = viewer(request)
    return _page(request, _found(slug, user), user)


@require_POST
def city_revise(request: HttpRequest, slug: str) -> HttpResponse:
    """Change name, time zone and how often it is expected."""
    user = viewer(request)
    shown = _found(slug, user)
    require(user, Permission.MANAGE_CITIES, shown)
    form = CityForm(request.POST, city=shown)
    if not form.is_valid():
        return _page(request, shown, user, form=form)
    return carry_out(
        request,
        lambda: city_verbs.revise(shown, by=user, **form.asked),
        done=_("The city was changed."),
        then=reverse("learning:city", args=[slug]),
    )


@never_cache
@require_POST
def key_issue(request: HttpRequest, slug: str) -> HttpResponse:
    """Make a key and show it this once, with a configuration to copy; a second one is how keys are rotated."""
    user = viewer(request)
    shown = _found(slug, user)
    require(user, Permission.MANAGE_KEYS, shown)
    if shown.user is None:
        raise Missing(_("This city sends nothing itself, so it has no key."))
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, shown, user, problem=first_error(form))
    _key, text = access_key.issue(shown.user, by=user, days=form.cleaned_data["days"] or None)
    return _page(request, shown, user, key=text)


@require_POST
def key_revoke(request: HttpRequest, slug: str, prefix: str) -> HttpResponse:
    """Make one of the city's keys useless."""
    user = viewer(request)
    shown = _found(slug, user)
    require(user, Permission.MANAGE_KEYS, shown)
    found(AccessKey.objects.filter(user=shown.user_id), prefix=prefix)
    return carry_out(
        request,
        lambda: access_key.revoke(prefix, by=user),
        done=_("The key was revoked; within five seconds nothing accepts it."),
        then=reverse("learning:city", args=[slug]),
    )


def _found(slug: str, user: User) -> City:
    return found(City.objects.visible_to(user).select_related("organization", "user"), slug=slug)


def _page(request: HttpRequest, shown: City, user: User, **shown_once: Any) -> HttpResponse:
    cameras = keyset_page(Camera.objects.filter(city=shown), order="camera_id", cursor=request.GET.get("cursor", ""), size=PAGE)
    counts = DailyCount.objects.visible_to(user).filter(city=shown)
    facts = {
        "city": shown,
        "is_hub": shown.slug == HUB,
        "is_overdue": silence.overdue(City.objects.all()).filter(pk=shown.pk).exists(),
        "page": cameras,
        "cameras": bounded_count(Camera.objects.filter(city=shown)),
        "batches": UploadBatch.objects.filter(city=shown).order_by("-day", "-number")[:SHOWN],
        "funnel": figures.funnel(counts),
        "reasons": figures.reasons(counts),
        "events": Event.objects.visible_to(user).about("learning.city", shown.pk).order_by("-id")[:SHOWN],
        **_corrections(counts),
        **_managed(shown, user),
        **shown_once,
    }
    if shown_once.get("key"):
        facts["config"] = CONFIG.format(hub=settings.PUBLIC_URL, city=shown.slug)
    return render(request, "learning/city_detail.html", facts)


CONFIG = """hub = "{hub}"
city = "{city}"
key_file = "key"
source = "samples"
"""
"""What `cc-edge upload` reads; the key lies beside it, in a file of its own."""


def _corrections(counts: Any) -> dict[str, Any]:
    weeks = figures.corrections_by_week(counts)[-52:]
    points = [(monday, 100 * (rate.share or 0)) for monday, rate in weeks if rate.is_enough]
    whole = figures.corrections(counts, "city")
    series = {_("corrected, %"): points} if len(points) > 1 else {}
    return {"rate": next(iter(whole.values()), None), "weeks": weeks[::-1][:12], "series": series}


def _managed(shown: City, user: User) -> dict[str, Any]:
    """Answer what admins change: the form and the keys."""
    facts: dict[str, Any] = {}
    if is_allowed(user, Permission.MANAGE_CITIES, shown):
        facts["form"] = CityForm(city=shown)
    if shown.user_id and is_allowed(user, Permission.MANAGE_KEYS, shown):
        facts["keys"] = AccessKey.objects.filter(user=shown.user_id).order_by("-created_at")[:KEYS]
        facts["key_form"] = KeyForm()
        facts["now"] = timezone.now()
    return facts


def _sums(counts: Any) -> dict[int, dict[str, int]]:
    wanted = (Measure.ACCEPTED, Measure.REJECTED)
    sums: dict[int, dict[str, int]] = {}
    for key, measure, n in counts.filter(measure__in=wanted).order_by().values_list("city", "measure").annotate(Sum("n")):
        sums.setdefault(key, {})[measure] = n
    for row in sums.values():
        row["sent"] = sum(row.get(measure, 0) for measure in wanted)
    return sums
