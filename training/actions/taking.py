"""Taking many pictures into the learning store and into a dataset at once: looked at whole, stored unseen, then shown together."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from learning.actions import city as cities
from learning.actions import image_import, registering
from learning.actions.image_import import Arrival, Picture
from learning.actions.registering import Seen
from learning.defects import Defect
from learning.images import Inspected
from learning.models import AiModule, City, LearningSample, SampleState, StoredObject
from training import plan
from training.actions.dataset import gather
from training.models import TrainingDataset

ERASED = Defect("erased", "This image was erased, and is not taken again.")
TWICE = Defect("twice", "The same image stands twice here.")
ON_ITS_WAY = Defect("on_its_way", "This image is being brought in by somebody else at this moment; try again later.")


@dataclass(frozen=True)
class Taking:
    """A picture to be taken, or the defect that keeps it out. With a `group` it is of that group whatever it looks like."""

    name: str
    content: bytes = b""
    defect: Defect | None = None
    captured_at: datetime | None = None
    group: str = ""
    second: float | None = None


@dataclass
class Taken:
    """What came of it: new in the dataset, there already, or refused; and where frames stand in their video, by sample key."""

    added: int = 0
    known: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)
    seconds: dict[int, float] = field(default_factory=dict)

    def refuse(self, name: str, defect: Defect) -> None:
        """Note what is not taken."""
        self.refused.append({"name": name[:255], "reason": defect.reason, "detail": defect.detail})


@dataclass
class _Batch:
    """The pictures of one call that may come in, by their hashes, and the samples that are there already."""

    dataset: TrainingDataset
    city: City
    by: User
    taken: Taken = field(default_factory=Taken)
    new: dict[str, tuple[Taking, Inspected]] = field(default_factory=dict)
    there: list[LearningSample] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)

    def sort(self, pictures: Sequence[Taking], looked: Sequence[Inspected | Defect]) -> Mapping[str, StoredObject]:
        """Sort out what is new, what is there, and what is not taken; answers the objects that need not be stored again."""
        wanted = _distinct(pictures, looked, self.taken)
        known = image_import.known(self.city, self.dataset.module, list(wanted))
        for sha256, (picture, facts) in wanted.items():
            sample = known.samples.get(sha256)
            if sha256 in known.erased:
                self.taken.refuse(picture.name, ERASED)
            elif sample is None:
                self.new[sha256] = picture, facts
            elif sample.state == SampleState.RECEIVED:
                self.taken.refuse(picture.name, ON_ITS_WAY)
            else:
                self.there.append(sample)
        return known.objects

    @transaction.atomic
    def begin(self, objects: Mapping[str, StoredObject], unseen: Callable[[list[int]], None]) -> None:
        """Write the new samples, in state received, and the rows of their objects."""
        if not self.new:
            return
        City.objects.select_for_update(no_key=True).get(pk=self.city.pk)
        now = timezone.now()
        named = [Picture(picture.content, facts, picture.name) for picture, facts in self.new.values()]
        module = self.dataset.module
        self.arrivals = image_import.begin(named, city=self.city, module=module, by=self.by, at=now, objects=objects)
        for arrival, (picture, _) in zip(self.arrivals, self.new.values(), strict=True):
            arrival.sample.captured_at = picture.captured_at or now
            arrival.sample.group_key = picture.group or arrival.sample.group_key
        samples = [arrival.sample for arrival in self.arrivals]
        LearningSample.objects.bulk_update(samples, ["captured_at", "group_key"])
        unseen([sample.pk for sample in samples])

    @transaction.atomic
    def show(self, written: Callable[[Taken], None]) -> None:
        """Register what was stored, and bring it into the dataset, with what was there before."""
        if self.dataset.organization is not None:
            plan.lock(self.dataset.organization)
        City.objects.select_for_update(no_key=True).get(pk=self.city.pk)
        image_import.finish(self.arrivals)
        samples = [arrival.sample for arrival in self.arrivals]
        found = {arrival.obj.pk: Seen(arrival.picture.facts, arrival.obj.etag) for arrival in self.arrivals}
        registering.register(self.city, samples, found, {})
        rows = LearningSample.objects.filter(pk__in=[sample.pk for sample in [*samples, *self.there]])
        self.taken.added = gather(self.dataset, rows.settled())
        self.taken.added += gather(self.dataset, rows.exclude(state=SampleState.SETTLED), is_labeled=False)
        self.taken.known = len(samples) + len(self.there) - self.taken.added
        for sample, (picture, _) in zip(samples, self.new.values(), strict=True):
            if picture.second is not None:
                self.taken.seconds[sample.pk] = picture.second
        written(self.taken)


def take(
    dataset: TrainingDataset,
    pictures: Sequence[Taking],
    *,
    by: User,
    city: City | None,
    unseen: Callable[[list[int]], None],
    written: Callable[[Taken], None],
) -> Taken:
    """Take pictures in. `unseen` is told of samples nobody may see yet, `written` of the outcome, each in its transaction.

    Raises Refused where the plan's size is used up, IntegrityError where somebody brings the same image at this moment.
    """
    batch = _Batch(dataset, city or cities.hub(), by)
    with ThreadPoolExecutor(settings.DECODERS + 2, thread_name_prefix="take") as pool:
        objects = batch.sort(pictures, list(pool.map(partial(_looked, module=dataset.module), pictures)))
        plan.allow_bytes(dataset, sum(facts.size for _, facts in batch.new.values()))
        batch.begin(objects, unseen)
        for _ in pool.map(image_import.put, batch.arrivals):
            pass
    batch.show(written)
    return batch.taken


def _looked(picture: Taking, module: AiModule) -> Inspected | Defect:
    if picture.defect is not None:
        return picture.defect
    try:
        return image_import.inspected(picture.content, module)
    except Defect as defect:
        return defect


def _distinct(
    pictures: Sequence[Taking], looked: Sequence[Inspected | Defect], taken: Taken
) -> dict[str, tuple[Taking, Inspected]]:
    wanted = dict[str, tuple[Taking, Inspected]]()
    for picture, facts in zip(pictures, looked, strict=True):
        if isinstance(facts, Defect):
            taken.refuse(picture.name, facts)
        elif facts.sha256 in wanted:
            taken.refuse(picture.name, TWICE)
        else:
            wanted[facts.sha256] = picture, replace(facts, fingerprint=None) if picture.group else facts
    return wanted
