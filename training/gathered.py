"""What a rule would bring into a dataset, and what is in it: looks that cost the same whatever the size."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q

from core.paging import ValuesPage, spelled, values_page
from learning.models import City, LearningSample
from learning.naming import Names
from learning.thumbnails import WITH_PICTURES
from training.models import DatasetMember, DatasetVersion, Split, TrainingDataset, TrainingSample, VersionState
from training.rule import Rule

SHOWN = 12
PREVIEWED = 3_000
PAGE = 24


@dataclass(frozen=True)
class Preview:
    """How many samples a rule selects and how many of them the dataset lacks ("37", "1,000+"), and the newest of these."""

    matching: str
    new: str
    samples: Sequence[LearningSample]

    @property
    def is_small(self) -> bool:
        """Tell whether all that is new was counted, and is little enough to be added at once."""
        return "+" not in self.new and "+" not in self.matching


def preview(dataset: TrainingDataset, rule: Rule) -> Preview:
    """Look at the newest PREVIEWED settled samples of the module; raises Invalid for a rule that makes no sense."""
    rows = LearningSample.objects.settled().filter(module=dataset.module_id)
    asked = rule.narrowing(dataset.organization)
    newest = list(rows.order_by("-pk").values_list("pk", flat=True)[:PREVIEWED])  # apart: joined, planners expect many more
    within, is_all = LearningSample.objects.filter(pk__among=newest), len(newest) < PREVIEWED
    held = Exists(TrainingSample.objects.filter(dataset=dataset, sample=OuterRef("pk")))
    told = list(within.filter(asked).annotate(is_held=held).order_by("-pk").values_list("pk", "is_held"))
    new = [key for key, is_held in told if not is_held]
    shown = LearningSample.objects.filter(pk__in=new[:SHOWN]).select_related("city", *WITH_PICTURES).order_by("-pk")
    return Preview(spelled(len(told), is_all=is_all), spelled(len(new), is_all=is_all), list(shown))


@dataclass(frozen=True)
class Narrowing:
    """What the samples on a dataset's page are narrowed by; None and "" do not narrow. `split` is of `version`."""

    is_labeled: bool | None = None
    is_verified: bool | None = None
    label: str = ""
    city: City | None = None
    split: str = ""
    version: DatasetVersion | None = None

    def condition(self) -> Q:
        """Answer it as a condition on places."""
        flags = {"is_labeled": self.is_labeled, "is_verified": self.is_verified}
        asked = Q(**{name: value for name, value in flags.items() if value is not None})
        if self.label:
            asked &= Q(Names("sample__truth", self.label))
        if self.city is not None:
            asked &= Q(sample__city=self.city)
        if self.split and self.version is not None:
            members = DatasetMember.objects.filter(version=self.version, sample=OuterRef("sample"))
            if self.split in Split.values:
                asked &= Q(Exists(members.filter(split=self.split)))
            else:
                asked &= ~Q(Exists(members))
        return asked


def places(dataset: TrainingDataset, narrowing: Narrowing, cursor: str = "") -> tuple[list[TrainingSample], str | None]:
    """Answer a page of the samples of a dataset, newest first, with their pictures; and the cursor of the next."""
    rows = TrainingSample.objects.filter(dataset=dataset)
    page: ValuesPage = values_page(rows, ["pk"], cursor=cursor, size=PAGE, key="sample_id", narrow=narrowing.condition())
    joined = TrainingSample.objects.select_related("sample__city", "sample__object__thumbnail", "dataset__organization")
    found = joined.in_bulk([row["pk"] for row in page.results])
    return [found[row["pk"]] for row in page.results if row["pk"] in found], page.next


def newest_version(dataset: TrainingDataset) -> DatasetVersion | None:
    """Answer the version that was frozen last."""
    frozen = dataset.versions.filter(state__in=[VersionState.FROZEN, VersionState.ARCHIVED], frozen_at__isnull=False)
    return frozen.order_by("-frozen_at").first()


def tables(cells: Sequence[Sequence[Any]], city_names: Mapping[str, str], city: str = "") -> dict[str, Any]:
    """Lay out the cells of a summary: classes, the most frequent first, by split and by city; the splits of one `city` alone."""
    classes, splits, cities = Counter[str](), Counter[str](), Counter[str]()
    by: Counter[tuple[str, str, str]] = Counter()
    for label, place, split, count in cells:
        by[label, "city", place] += count
        cities[place] += count
        splits[split] += count
        if city in ("", place):
            classes[label] += count
            by[label, "split", split] += count
    order = {name: place for place, name in enumerate([*Split.values, ""])}
    shown = sorted(cities, key=lambda name: (name != city, -cities[name]))[:MOST_CITIES]
    columns = [("split", name) for name in sorted(splits, key=lambda name: order.get(name, 9))]
    columns += [("city", name) for name in shown]
    largest = classes.most_common(MOST_CLASSES)
    return {
        "columns": [{"kind": kind, "name": name, "title": city_names.get(name, name)} for kind, name in columns],
        "rows": [(label, count, [(*column, by[label, *column]) for column in columns]) for label, count in largest],
        "city": city_names.get(city, city),
        "further": len(classes) - len(largest),
        "further_cities": len(cities) - len(shown),
    }


MOST_CLASSES, MOST_CITIES = 30, 6
