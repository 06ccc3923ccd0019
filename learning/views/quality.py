"""The page of quality: how people judge week by week, what is confused with what, and where models are corrected."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import get_script_prefix, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.policy import Permission, roles_that_may, users_who_may
from core.csv_rows import csv_response
from core.errors import Missing
from core.pages import carry_out, found
from learning import quality_figures as figures
from learning.actions import gold, pause
from learning.actions import quality as verbs
from learning.dead_ends import dead_ends
from learning.models import AiModule, AnnotatorPause, City, QualityCount, QualityMeasure, QualityStretch
from learning.proportion import Proportion
from learning.quality_figures import Confusion, Corrected, PersonWeek
from learning.quality_forms import QualityFilters, reason_of
from learning.quality_pairs import PairAgreement, pair_agreements
from learning.views.gold import reviewer
from learning.views.module_unclear import unclear_count

WEEKS_SHOWN = 60
CORRECTED_SHOWN = 60
EARLIER, STANDING = 20, 500


@require_safe
def quality(request: HttpRequest) -> HttpResponse:
    """Show the figures of one module over some weeks, each leading to its samples."""
    reviewer(request)
    form = QualityFilters(request.GET)
    module = form.module_shown
    if module is None:
        return render(request, "learning/quality.html", {"form": form, "module": None})
    since, until = form.period
    rows = figures.counts(module, since, until)
    weeks = figures.by_person(rows)
    judges = User.objects.in_bulk({week.person for week in weeks})
    names = {key: str(user) for key, user in judges.items()}
    standing, lifted = _pauses(module)
    facts = {
        "form": form,
        "module": module,
        "policy": module.policy,
        "dead_ends": dead_ends([module]),
        "since": since,
        "until": until,
        "weeks": [_week(week, names, module) for week in weeks[:WEEKS_SHOWN]],
        "is_cut": len(weeks) > WEEKS_SHOWN,
        "people": _people(module, weeks, judges, standing),
        "pauses": lifted,
        "confusions": _confusions(module, rows),
        "counted_at": QualityStretch.objects.order_by("-number").values_list("counted_at", flat=True).first(),
        "pairs": _pairs(pair_agreements(rows), names),
        "unclear": unclear_count(module),
        **_by_city(module, rows),
        **_by_class_and_week(rows),
    }
    return render(request, "learning/quality.html", facts)


@require_safe
def quality_csv(request: HttpRequest, name: str) -> HttpResponseBase:
    """Send one of the page's tables as CSV."""
    reviewer(request)
    form = QualityFilters(request.GET)
    module = form.module_shown
    if name not in TABLES or module is None:
        raise Missing(_("There is no such table."))
    return csv_response(list(TABLES[name](figures.counts(module, *form.period))), f"{module.slug}-{name}.csv")


@require_POST
def quality_rebuild(request: HttpRequest) -> HttpResponse:
    """Let everything be counted again."""
    user = reviewer(request)
    done = _("All is being counted again; what you see stays until then.")
    return carry_out(request, lambda: verbs.rebuild(by=user), done=done, then=reverse("learning:quality"))


@require_POST
def pause_person(request: HttpRequest, module: str, user_id: int) -> HttpResponse:
    """Keep somebody from judging in a module."""
    by, shown = reviewer(request), found(AiModule.objects.all(), slug=module)
    person = found(users_who_may(Permission.ANNOTATE), pk=user_id)
    return carry_out(
        request,
        lambda: pause.pause(shown, person, by=by, why=reason_of(request.POST), score=gold.score(shown.pk, person.pk)),
        done=_("%(name)s is paused in %(module)s.") % {"name": person.name, "module": shown.name},
        then=_here(shown),
    )


@require_POST
def pause_lift(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody judge again."""
    by, row = reviewer(request), found(AnnotatorPause.objects.select_related("module", "user"), pk=pk)
    return carry_out(
        request,
        lambda: pause.lift(row, by=by, why=reason_of(request.POST)),
        done=_("%(name)s may go on; the score begins anew.") % {"name": row.user.name},
        then=_here(row.module),
    )


def _here(module: AiModule) -> str:
    return f"{reverse('learning:quality')}?module={module.slug}"


def samples_url(module: AiModule, **query: Any) -> str:
    """Answer the address of the samples behind a figure."""
    asked = {"module": module.slug, **{name: value for name, value in query.items() if value not in ("", None)}}
    return f"{_samples(get_script_prefix())}?{urlencode(asked)}"


@cache
def _samples(_prefix: str) -> str:
    """Answer the address of all samples, looked up once: a page of figures has five hundred that begin so."""
    return reverse("learning:samples")


def _names(keys: set[int]) -> dict[int, str]:
    return {user.pk: str(user) for user in User.objects.filter(pk__in=keys)}


def _week(week: PersonWeek, names: dict[int, str], module: AiModule) -> dict[str, Any]:
    there = samples_url(module, judged_by=week.person, judged_since=week.week, judged_until=week.ends)
    return {"row": week, "name": names.get(week.person, "–"), "url": there, "gold_url": f"{there}&gold=yes"}


def _people(
    module: AiModule, weeks: Sequence[PersonWeek], judges: dict[int, User], pauses: Sequence[AnnotatorPause]
) -> list[dict[str, Any]]:
    """Answer everybody who judged, or is paused, with the score that counts now and what keeps them from judging."""
    paused = {row.user_id: row for row in pauses}
    judged: dict[int, int] = {}
    for week in weeks:
        judged[week.person] = judged.get(week.person, 0) + week.judged
    roles = roles_that_may(Permission.ANNOTATE)
    may = {key for key, user in judges.items() if user.is_active and user.role in roles}
    everybody = {key: str(judges.get(key, "–")) for key in judged} | {key: str(row.user.name) for key, row in paused.items()}
    scores = gold.scores(module.pk, everybody.keys())
    rows = [
        {
            "key": key,
            "name": name,
            "judged": judged.get(key, 0),
            "score": scores[key],
            "pause": paused.get(key),
            "may_judge": key in may,
            "url": samples_url(module, judged_by=key),
        }
        for key, name in everybody.items()
    ]
    return sorted(rows, key=lambda row: (row["pause"] is None, str(row["name"]).lower()))


def _pauses(module: AiModule) -> tuple[list[AnnotatorPause], list[AnnotatorPause]]:
    """Answer the pauses that hold, and those lifted last."""
    rows = AnnotatorPause.objects.filter(module=module).select_related("user", "by", "lifted_by")
    known = list(rows.order_by(F("lifted_at").desc(nulls_first=True))[: STANDING + EARLIER])
    lifted = [row for row in known if row.lifted_at is not None]
    return [row for row in known if row.lifted_at is None], lifted[:EARLIER]


def _by_city(module: AiModule, rows: QuerySet[QualityCount]) -> dict[str, Any]:
    """Answer how people agree in all and city by city, and where models are corrected most; cities are asked for once."""
    whole, by_city = figures.agreements(rows)
    corrected = sorted(figures.corrections(rows), key=lambda row: -row.rate.low)[:CORRECTED_SHOWN]
    cities = City.objects.in_bulk({*by_city, *(row.city for row in corrected)})
    return {
        "agreement": whole,
        "by_city": [{"city": cities[key], "told": told} for key, told in by_city.items()],
        "corrections": [_corrected(module, row, cities[row.city]) for row in corrected],
    }


def _corrected(module: AiModule, row: Corrected, city: City) -> dict[str, Any]:
    there = samples_url(module, city=city.slug, model=row.model, version=row.version, label_status="changed")
    return {"city": city, "row": row, "url": there}


def _by_class_and_week(rows: QuerySet[QualityCount]) -> dict[str, Any]:
    by_class, weeks = figures.agreement_cuts(rows)
    points = [(week, 100 * (rate.share or 0)) for week, rate in weeks if rate.is_enough]
    return {
        "by_class": by_class,
        "by_week": weeks,
        "series": {_("pairs that agree, %"): points} if len(points) > 1 else {},
    }


def _pairs(told: Sequence[PairAgreement], names: dict[int, str]) -> list[dict[str, Any]]:
    """Put their names on how any two people agree who have enough samples in common."""
    return [{"row": row, "one": names.get(row.one, "–"), "other": names.get(row.other, "–")} for row in told]


MATRICES: tuple[tuple[str, str, str, str], ...] = (
    (QualityMeasure.PREDICTED, "Classes: predicted and true", "predicted", "truth"),
    (QualityMeasure.SAID, "Classes: said by people and true", "said", "truth"),
    (QualityMeasure.PREDICTED_CHARACTER, "Characters: predicted and true", "misread", ""),
    (QualityMeasure.SAID_CHARACTER, "Characters: written by people and true", "", ""),
)
"""Measure, title, and the filters of samples that its two sides are."""


def _confusions(module: AiModule, rows: QuerySet[QualityCount]) -> list[dict[str, Any]]:
    """Answer the tables in which there is something, each cell with the address of its samples."""
    shown = figures.confusions(rows, [measure for measure, *_rest in MATRICES])
    told = [(title, first, second, each) for (_measure, title, first, second), each in zip(MATRICES, shown, strict=True)]
    return [
        {
            "title": title,
            "told": each,
            "rows": _linked(module, each, first, second),
            "has_none": "" in (*each.said, *each.meant),
        }
        for title, first, second, each in told
        if each.cells
    ]


def _linked(module: AiModule, told: Confusion, first: str, second: str) -> list[dict[str, Any]]:
    rows = told.table
    for row in rows:
        for cell in row["cells"]:
            said, meant = row["said"], cell["meant"]
            if first == "misread":
                query = {"misread": f"{said}>{meant}"} if said and meant else {"label_status": "changed"}
            elif first:
                query = {first: said, second: meant}
            else:
                query = {"label_status": "changed"}
            cell["url"] = samples_url(module, **query)
    return rows


def _told(rate: Proportion) -> list[Any]:
    """Spell a rate for CSV: how many, of how many, and the ends of its interval."""
    return [rate.hits, rate.n, f"{rate.low:.4f}", f"{rate.high:.4f}"]


Lines = Iterator[Sequence[Any]]


def _people_table(rows: QuerySet[QualityCount]) -> Lines:
    parts = [[f"{name}_{part}" for part in ("hits", "n", "low", "high")] for name in ("gold", "failed", "agreement", "right")]
    yield ["week", "person", "judged", "seconds_median", "returned", *(name for names in parts for name in names)]
    weeks = figures.by_person(rows)
    names = _names({week.person for week in weeks})
    for week in weeks:
        told = [*_told(week.gold), *_told(week.checked), *_told(week.agreement), *_told(week.right)]
        yield [week.week.isoformat(), names.get(week.person, ""), week.judged, week.seconds, week.returned, *told]


def _confusion_table(rows: QuerySet[QualityCount]) -> Lines:
    yield "what", "said", "meant", "n"
    for measure, *_rest in MATRICES:
        for said, meant, n in figures.confused(rows, measure):
            yield measure, said, meant, n


def _corrections_table(rows: QuerySet[QualityCount]) -> Lines:
    yield "city", "model", "version", "changed", "n", "low", "high"
    told = figures.corrections(rows)
    cities = City.objects.in_bulk([row.city for row in told])
    for row in told:
        yield [cities[row.city].slug, row.model, row.version, *_told(row.rate)]


def _agreement_table(rows: QuerySet[QualityCount]) -> Lines:
    yield "cut", "name", "agreeing", "pairs", "low", "high", "alpha", "kappa", "iou"
    by_city = figures.agreement_by_city(rows)
    cities = City.objects.in_bulk(list(by_city))
    whole = [("all", "", figures.agreement_of(rows))]
    for cut, name, told in [*whole, *(("city", cities[key].slug, each) for key, each in by_city.items())]:
        yield [cut, name, *_told(told.pairs), told.alpha, told.kappa, told.overlap]
    for name, rate in figures.agreement_by_class(rows).items():
        yield ["class", name, *_told(rate), None, None, None]
    week: date
    for week, rate in figures.agreement_by_week(rows):
        yield ["week", week.isoformat(), *_told(rate), None, None, None]


def _pairs_table(rows: QuerySet[QualityCount]) -> Lines:
    yield "one", "other", "agreeing", "shared", "low", "high", "kappa", "kappa_low", "kappa_high"
    told = pair_agreements(rows)
    names = _names({key for row in told for key in (row.one, row.other)})
    for each in _pairs(told, names):
        row = each["row"]
        yield [each["one"], each["other"], *_told(row.alike), row.kappa, row.low, row.high]


TABLES: dict[str, Callable[[QuerySet[QualityCount]], Lines]] = {
    "people": _people_table,
    "confusion": _confusion_table,
    "corrections": _corrections_table,
    "agreement": _agreement_table,
    "pairs": _pairs_table,
}
