"""What made a model, and how it does where it runs: the samples and whose decisions, and its answers by city and week.

All of it is bounded, for a page: decisions are counted over the first members, answers over the newest samples; both say so.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Avg, Count, Q, QuerySet, Sum
from django.db.models.functions import TruncWeek
from django.utils import timezone

from accounts.models import User
from learning.models import City, HitlLabel, LearningSample, QualityCount, QualityMeasure, SampleState
from learning.proportion import Proportion
from training.models import DatasetMember, ModelVersion, Split

COUNTED = 20_000
NAMED = 100
FOREBEARS = 20
WEEKS = 12
NEWEST = 10_000


@dataclass(frozen=True)
class Field:
    """How a version did in one city in one week: corrections by people, and of the newest samples confidence and empty answers."""

    city: City
    week: date
    corrected: Proportion
    empty: Proportion
    confidence: float | None


def samples_of(version: ModelVersion, split: str = Split.TRAIN) -> QuerySet[DatasetMember]:
    """Answer the members a version was trained on, erased ones too, in order; of none where it was not trained here."""
    members = DatasetMember.objects.filter(version=version.dataset_version_id, split=split)
    return members.select_related("sample__city").order_by("sample")


def decided_by(version: ModelVersion) -> list[dict[str, Any]]:
    """Answer whose standing decisions are about the samples it learned from: who (None: a city's own people), city, how many.

    Of the first 20,000 samples; the largest share first.
    """
    first = samples_of(version).filter(erased_at__isnull=True).values("sample_id")[:COUNTED]
    told = HitlLabel.objects.standing().filter(sample__in=list(first.values_list("sample_id", flat=True)))
    counted = told.values("annotator__name", "city__name").annotate(n=Count("pk")).order_by("-n")
    return [{"who": row["annotator__name"], "city": row["city__name"], "n": row["n"]} for row in counted[:NAMED]]


def erased_from(version: ModelVersion) -> list[dict[str, Any]]:
    """Answer which of the samples it learned from were erased since, and when."""
    gone = samples_of(version).filter(erased_at__isnull=False).values("sample__sample_id", "erased_at")
    return [{"sample_id": row["sample__sample_id"], "erased_at": row["erased_at"]} for row in gone[:NAMED]]


def forebears(version: ModelVersion) -> list[ModelVersion]:
    """Answer what it was fine-tuned from, and what that was, the nearest first; 20 at most."""
    found: list[ModelVersion] = []
    before = version.base_version
    while before is not None and len(found) < FOREBEARS:
        found.append(before)
        before = before.base_version
    return found


def erased_count(version: ModelVersion) -> int:
    """Answer how many of the samples it learned from were erased since, counted up to 100."""
    return samples_of(version).filter(erased_at__isnull=False)[:NAMED].count()


def in_the_field(version: ModelVersion, user: User) -> list[Field]:
    """Answer how samples that name this version as their predictor fared, by city and week, the newest week first.

    A sample names module and number; of a customer's version only the customer's cities count.
    """
    cities = City.objects.visible_to(user)
    if version.organization_id is not None:
        cities = cities.filter(organization=version.organization_id)
    since = (timezone.now() - timedelta(weeks=WEEKS)).date()
    counts = QualityCount.objects.filter(
        module=version.module_id, measure=QualityMeasure.CORRECTED, week__gte=since, version=version.version, city__in=cities
    )
    corrected = {
        (city, week): Proportion(hits, n)
        for city, week, n, hits in counts.order_by().values_list("city", "week").annotate(Sum("n"), Sum("hits"))
    }
    answers = _answers(version, cities)
    known = {city.pk: city for city in cities.filter(pk__in={city for city, _ in [*corrected, *answers]})}
    nothing = Proportion(0, 0), None
    return [
        Field(known[city], week, corrected.get((city, week), Proportion(0, 0)), *answers.get((city, week), nothing))
        for city, week in sorted({*corrected, *answers}, key=lambda key: (-key[1].toordinal(), known[key[0]].name))
    ]


def _answers(version: ModelVersion, cities: QuerySet[City]) -> dict[tuple[int, date], tuple[Proportion, float | None]]:
    """Answer the share of empty answers and the mean confidence, of the newest settled samples of the module."""
    newest = LearningSample.objects.filter(module=version.module_id, state=SampleState.SETTLED).order_by("-pk")
    own = LearningSample.objects.filter(pk__in=newest.values("pk")[:NEWEST], predicted_by__version=version.version)
    empty = Q(prediction={}) | Q(prediction={"boxes": []}) | Q(prediction={"text": ""})
    rows = own.filter(city__in=cities).annotate(week=TruncWeek("captured_at")).order_by().values_list("city", "week")
    told = rows.annotate(n=Count("pk"), hits=Count("pk", filter=empty), sure=Avg("confidence"))
    return {(city, week.date()): (Proportion(hits, n), confidence) for city, week, n, hits, confidence in told}
