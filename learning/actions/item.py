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
from learning.annotation import Rules
from learning.items import Item, Module, Reader, Rejected
from learning.models import AiModule, LabelSchema, UploadBatch

MAX_ITEMS = 10_000
CHUNK = 5_000
TRIES = 3
UPLOAD_SECONDS = 3_600
Read = Sequence[tuple[Any, Item | Rejected]]


def add_items(batch: UploadBatch, items: Sequence[Any], *, by: User | None, adopt: bool = False) -> list[dict[str, Any]]:
    """Take what can be taken of `items` (wire shape), and answer for each in order what became of it.

    Asked again while an image is awaited, an item gets the same object name under a fresh address. `adopt` lets
    image references name objects that this city did not upload. Raises Conflict where the batch is not open.
    """
    require_uploader(batch.city, by)
    if len(items) > MAX_ITEMS:
        raise Invalid(f"A request may hold {MAX_ITEMS:,} items at most.", code="too_many_items")
    reader = Reader(_modules(items), settings.UPLOAD_MAX_BYTES, timezone.now())
    read = [(raw, _read(reader, raw)) for raw in items]
    seen: set[str] = set()
    answers: list[Answer] = []
    for start in range(0, len(read), CHUNK):
        intake, taken = _take(batch, read[start : start + CHUNK], by, adopt=adopt, seen=seen)
        seen = intake.seen
        answers += taken
    return [_as_wire(answer) for answer in answers]


def _modules(items: Sequence[Any]) -> dict[str, Module]:
    """Load the modules the items name, each with its newest schema."""
    slugs = {item.get("ai_module") for item in items if isinstance(item, dict) and isinstance(item.get("ai_module"), str)}
    newest: dict[int, LabelSchema] = {}
    for schema in LabelSchema.objects.filter(module__slug__in=slugs).order_by("revision").select_related("module"):
        newest[schema.module_id] = schema
    return {schema.module.slug: _module(schema.module, schema) for schema in newest.values()}


def _module(module: AiModule, schema: LabelSchema) -> Module:
    return Module(module.pk, schema.pk, Rules.of(schema), module.accepts_unlabelled, module.min_quality)


def _read(reader: Reader, raw: Any) -> Item | Rejected:
    try:
        return reader.read(raw)
    except Rejected as rejected:
        return rejected


def _take(batch: UploadBatch, read: Read, by: User | None, *, adopt: bool, seen: set[str]) -> tuple[Intake, list[Answer]]:
    """Take a chunk of items in one transaction.

    The city's lock keeps its own events and files to one request at a time. What another city can bring in meanwhile, a
    sample_id or an adopted object of the same name, the database refuses; by then it is there to be read, and the chunk
    is placed anew.
    """
    for _ in range(TRIES - 1):
        try:
            return _try(Intake(batch, by, adopt=adopt, seen=set(seen)), read)
        except IntegrityError:
            continue
    return _try(Intake(batch, by, adopt=adopt, seen=set(seen)), read)


@transaction.atomic
def _try(intake: Intake, read: Read) -> tuple[Intake, list[Answer]]:
    """Place a chunk of items and write all that came of it."""
    intake.load([item for _, item in read if isinstance(item, Item)])
    answers = [intake.place(raw, item) for raw, item in read]
    intake.write()
    record(intake.by, "add_items", intake.batch, **Counter(answer.outcome for answer in answers))
    return intake, answers


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
