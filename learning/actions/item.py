"""Adding items to an open batch: each is accepted, known already, relabelled or rejected; always set-wise."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from core.errors import Invalid
from core.storage import SignedRequest, store
from learning.actions.city import require_uploader
from learning.actions.intake import Answer, Intake, Sample
from learning.actions.store import require_open
from learning.annotation import Rules
from learning.items import CLOCKS_DIFFER, Item, Module, Reader, Rejected, Told, parse
from learning.models import AiModule, LabelSchema, UploadBatch

MAX_ITEMS = 10_000
TRIES = 3
UPLOAD_SECONDS = 3_600
Read = Sequence[tuple[Any, Item | Rejected]]


def add_items(batch: UploadBatch, items: Sequence[Any], *, by: User | None, adopt: bool = False) -> list[dict[str, Any]]:
    """Take what can be taken of `items` (wire shape, as JSON or as Python's own objects), and answer for each in order what became of it.

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
    read = [(raw, _read(reader, each)) for raw, each in zip(items, told, strict=True)]
    return [_as_wire(answer) for answer in _take(batch, read, by, adopt=adopt)]


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


def _take(batch: UploadBatch, read: Read, by: User | None, *, adopt: bool) -> list[Answer]:
    """Take the items of a request in one transaction: of identical requests at once, one is first with all of its items.

    The city's lock keeps its own events and files to one request at a time. What another city can bring in meanwhile, a
    sample_id or an adopted object of the same name, the database refuses; by then it is there to be read, and the items
    are placed anew.
    """
    for _ in range(TRIES - 1):
        try:
            return _try(Intake(batch, by, adopt=adopt), read)
        except IntegrityError:
            continue
    return _try(Intake(batch, by, adopt=adopt), read)


@transaction.atomic
def _try(intake: Intake, read: Read) -> list[Answer]:
    """Place the items and write all that came of it."""
    intake.load([item for _, item in read if isinstance(item, Item)])
    answers = [intake.place(raw, item) for raw, item in read]
    intake.write()
    record(intake.by, "add_items", intake.batch, **Counter(answer.outcome for answer in answers))
    return answers


def _as_wire(answer: Answer) -> dict[str, Any]:
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
