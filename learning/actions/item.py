"""Adding items to an open batch: each is accepted, known already, relabelled or rejected; always set-wise."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from core.bulk import Behind
from core.errors import Invalid
from core.storage import SignedRequest, store
from learning.actions.arrival import Answer, Sample
from learning.actions.city import require_uploader
from learning.actions.intake import Intake
from learning.actions.store import require_open
from learning.annotation import Rules
from learning.items import CLOCKS_DIFFER, Item, Module, Reader, Rejected, Told, parse
from learning.models import AiModule, LabelSchema, UploadBatch

MAX_ITEMS = 10_000
PART = 2_000
"""Items that are written at once: while the database takes them, the next are placed."""
FIRST = 500
"""The first part is a small one, for the database has nothing to do until it comes."""
TRIES = 3
UPLOAD_SECONDS = 3_600
T = TypeVar("T")
Given = Sequence[tuple[Any, Told | Rejected]]
"""Each item by what it is known, and as it was told."""


def add_items(batch: UploadBatch, items: Sequence[Any], *, by: User | None, adopt: bool = False) -> list[dict[str, Any]]:
    """Take what can be taken of `items` and answer for each in order, as docs/wire says, what became of it; see `take_items`."""
    return take_items(batch, items, by=by, adopt=adopt, spell=as_wire)


def take_items(
    batch: UploadBatch, items: Sequence[Any], *, by: User | None, adopt: bool = False, spell: Callable[[Answer], T]
) -> list[T]:
    """Take what can be taken of `items` (wire shape, as JSON or as Python's own objects), and answer for each what `spell` makes of it.

    Asked again while an image is awaited, an item gets the same object name under a fresh address. `adopt` lets
    image references name objects that this city did not upload. Raises Conflict where the batch is not open,
    Unavailable where the store was not proven.
    """
    require_uploader(batch.city, by)
    require_open()
    if len(items) > MAX_ITEMS:
        raise Invalid(f"A request may hold {MAX_ITEMS:,} items at most.", code="too_many_items")
    told = [_told(raw) for raw in items]
    reader = Reader(_modules(told), settings.UPLOAD_MAX_BYTES, timezone.now() + CLOCKS_DIFFER)
    given = [(raw if isinstance(each, Rejected) else each, each) for raw, each in zip(items, told, strict=True)]
    for _ in range(TRIES - 1):
        try:
            return _take(Intake(batch, by, adopt=adopt), given, reader, spell)
        except IntegrityError:
            continue
    return _take(Intake(batch, by, adopt=adopt), given, reader, spell)


def _modules(told: Sequence[Told | Rejected]) -> dict[str, Module]:
    """Load the modules the items name, each with its newest schema."""
    slugs = {item.ai_module for item in told if isinstance(item, Told)} - {None}
    newest: dict[int, LabelSchema] = {}
    for schema in LabelSchema.objects.filter(module__slug__among=slugs).order_by("revision").select_related("module"):
        newest[schema.module_id] = schema
    return {schema.module.slug: _module(schema.module, schema) for schema in newest.values()}


def _module(module: AiModule, schema: LabelSchema) -> Module:
    return Module(module.pk, schema.pk, Rules.of(schema), module.accepts_unlabelled, module.min_quality)


def _told(raw: Any) -> Told | Rejected:
    try:
        return parse(raw)
    except Rejected as rejected:
        return rejected


def _read(reader: Reader, told: Told | Rejected) -> Item | Rejected:
    try:
        return told if isinstance(told, Rejected) else reader.read(told)
    except Rejected as rejected:
        return rejected


@transaction.atomic
def _take(intake: Intake, given: Given, reader: Reader, spell: Callable[[Answer], T]) -> list[T]:
    """Read and place the items and write all that came of it, part by part: while the database takes one, the next is under way.

    One transaction: of identical requests at once, one is first with all of its items. The city's lock keeps its own events
    and files to one request at a time. What another city can bring in meanwhile, a sample_id or an adopted object of the same
    name, the database refuses; by then it is there to be read, and the items are placed anew.
    """
    intake.load([told for _, told in given if isinstance(told, Told)])
    spelled, outcomes = list[T](), Counter[str]()
    with Behind() as behind:
        for start, end in pairwise([*range(FIRST - PART, len(given), PART), len(given)]):
            part = [(raw, _read(reader, told)) for raw, told in given[max(0, start) : end]]
            if known := [item for _, item in part if isinstance(item, Item) and item.event_id in intake.there]:
                behind.wait()  # for the connection
            intake.recall(known)
            answers = [intake.place(raw, item) for raw, item in part]
            intake.write_arrivals(behind)
            spelled += [spell(answer) for answer in answers]
            outcomes.update(answer.outcome for answer in answers)
    intake.write_rest()
    record(intake.by, "add_items", intake.batch, **outcomes)
    return spelled


def as_wire(answer: Answer) -> dict[str, Any]:
    """Spell it as docs/wire says, with a freshly signed upload where the image is still to come."""
    sample = answer.sample
    if sample is None:
        return {"event_id": answer.event_id, "outcome": answer.outcome, "reason": answer.reason, "detail": answer.detail}
    wire: dict[str, Any] = {"event_id": answer.event_id, "outcome": answer.outcome, "sample_id": sample.sample_id}
    if answer.outcome == "accepted":
        signed = _signed_upload(sample)
        wire["upload"] = signed and {
            "method": signed.method,
            "url": signed.url,
            "headers": signed.headers,
            "expires_at": signed.expires_at.isoformat(),
        }
    return wire


def _signed_upload(sample: Sample) -> SignedRequest | None:
    """Sign the upload of a sample's image; None where it lies in the store already."""
    obj = sample.object
    if obj is None or sample.by_reference or obj.verified_at is not None:
        return None
    return store(obj.alias).presign_put(
        obj.name,
        md5=obj.md5,
        size=obj.size,
        media_type=obj.media_type,
        metadata=obj.metadata,
        seconds=UPLOAD_SECONDS,
    )
