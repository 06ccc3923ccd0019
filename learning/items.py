"""Reading the items of an upload: each is taken or gets its own reason; one bad item never stops the others.

Knows the wire (docs/wire), not the database. What an item must look like stands in the types; what it must mean is checked
by comparisons: ten thousand items are read in a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, Literal, NoReturn, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Meta, Raw, Struct

from core import typed
from core.canonical import canonical_sha256
from core.storage import EXTENSIONS
from learning import annotation
from learning.annotation import BadValue, Rules, Value

IMAGE_TYPES = frozenset(name for name in EXTENSIONS if name.startswith("image/"))
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCKS_DIFFER = timedelta(days=1)
MAX_IN_HEADER = 600
NUL = rb"\u0000"
"""As JSON spells it; the only way in which it gets past the decoder."""
IDENTIFIER = r"^[^\x00-\x1f\x7f\ud800-\udfff]*\Z"

Identifier = Annotated[str, Meta(max_length=200, pattern=IDENTIFIER)]
CameraName = Annotated[str, Meta(max_length=120, pattern=IDENTIFIER)]
Word = Annotated[str, Meta(max_length=200)]
Share = Annotated[float, Meta(ge=0, le=1)]
T = TypeVar("T")


class Rejected(Exception):
    """Why an item is not taken: one word for programs, one sentence for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Module:
    """What has to be known of a module to read an item: its key, its rules, and what it takes."""

    pk: int
    schema: int
    rules: Rules
    accepts_unlabelled: bool
    min_quality: float


class File(Struct, frozen=True, gc=False):
    """A file to be uploaded; size in bytes."""

    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    md5: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    size: Annotated[int, Meta(ge=1)]
    media_type: str
    name: Annotated[str, Meta(max_length=255)] | None = None


class PredictedBy(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """Which model said so."""

    model: Word | None = None
    version: Word | None = None


class Told(Struct, frozen=True, gc=False):
    """An item as a city tells it: everything may be absent, nothing is of another type."""

    event_id: Identifier | None = None
    camera_id: CameraName | None = None
    ai_module: Word | None = None
    label_status: str | None = None
    captured_at: str | None = None
    detection_timestamp: str | None = None
    sample_id: Word | None = None
    sample_type: Literal["automatic", "manual", "synthetic"] | None = None
    confidence: Share | None = None
    image_quality_score: Share | None = None
    prediction: Value | None = None
    plate_text: str | None = None
    predicted_by: PredictedBy | None = None
    correction: Value | None = None
    corrected_plate: str | None = None
    labeled_at: str | None = None
    operator_id: Annotated[str, Meta(max_length=120)] | None = None
    review_time_seconds: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    context_notes: Annotated[str, Meta(max_length=2_000)] | None = None
    file: File | None = None
    image_reference: Annotated[str, Meta(max_length=500)] | None = None


class Item(Struct, frozen=True, gc=False):
    """One item as it is taken; exactly one of `file` and `reference` is there, `status` is "" for an unlabelled one."""

    event_id: str
    camera_id: str
    module: Module
    status: str
    captured_at: datetime
    sample_type: str
    sample_id: str
    confidence: float | None
    quality: float | None
    prediction: Value | None
    predicted_by: PredictedBy | None
    correction: Value | None
    labeled_at: datetime | None
    operator_id: str
    seconds: float | None
    notes: str
    file: File | None
    reference: str


class _Bodies(Struct, Generic[T]):
    """A body that brings items."""

    items: list[T]


_DECODER = msgspec.json.Decoder(Told)
_ALL = msgspec.json.Decoder(_Bodies[Told])
_EACH = msgspec.json.Decoder(_Bodies[Raw])
_REASONS = {
    "label_status": "label_status_unknown",
    "captured_at": "bad_time",
    "detection_timestamp": "bad_time",
    "labeled_at": "bad_time",
    "file.sha256": "bad_checksum",
    "file.md5": "bad_checksum",
    "file.media_type": "media_type_unknown",
    "file.size": "wrong_type",
}
"""What a value of the wrong form is called, field by field; elsewhere it is wrong_type, or out_of_range."""


def parts(body: bytes) -> list[Told] | list[Raw]:
    """Part a body `{"items": […]}` into its items: read at once where all types are right, else each still as it was sent.

    Raises msgspec.ValidationError for another shape, and msgspec.DecodeError for what is no JSON.
    """
    if NUL not in body:
        try:
            return _ALL.decode(body).items
        except msgspec.ValidationError:
            pass  # an item that is wrong is an item that is rejected, by itself
    return _EACH.decode(body).items


def parse(raw: Any) -> Told:
    """Answer an item as it was told, in JSON (Raw) or in Python's own objects; raises Rejected where a type is wrong."""
    if isinstance(raw, Told):
        return raw
    try:
        content = bytes(raw) if isinstance(raw, Raw) else msgspec.json.encode(raw)
        told = _DECODER.decode(content)
    except msgspec.ValidationError as error:
        wrong = typed.told(error)
        reason = _REASONS.get(wrong.where) or ("out_of_range" if wrong.out_of_range else "wrong_type")
        raise Rejected(reason, wrong.sentence("An item")) from error
    except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError) as error:
        raise Rejected("malformed", "An item must be JSON whose text is whole and that is not nested deeply.") from error
    if NUL in content and (where := typed.unstorable(msgspec.json.decode(content))) is not None:
        raise Rejected("wrong_type", f"{where}: holds a NUL, which is no text.")
    return told


@dataclass(frozen=True)
class Reader:
    """Reads items for one request: the modules there are, the largest file in bytes, and the latest moment that is believed."""

    modules: Mapping[str, Module]
    max_bytes: int
    latest: datetime

    def read(self, told: Told) -> Item:
        """Answer the item, or raise Rejected."""
        event_id = _identifier("event_id", told.event_id)
        module = self._module(told.ai_module)
        status = _status(told.label_status, module)
        quality = told.image_quality_score
        if quality is not None and quality < module.min_quality:
            raise Rejected("quality_below_threshold", f"The module takes no image below a quality of {module.min_quality}.")
        prediction = _value("prediction", told.prediction, told.plate_text, module.rules)
        correction = _value("correction", told.correction, told.corrected_plate, module.rules)
        _check_status_fits(status, prediction, correction)
        self._check_content(told)
        return Item(
            event_id,
            _identifier("camera_id", told.camera_id),
            module,
            status,
            self._captured_at(told),
            told.sample_type or "automatic",
            told.sample_id or "",
            told.confidence,
            quality,
            prediction,
            told.predicted_by,
            correction,
            self._moment("labeled_at", told.labeled_at) if told.labeled_at is not None else None,
            told.operator_id or "",
            told.review_time_seconds,
            told.context_notes or "",
            told.file,
            told.image_reference or "",
        )

    def _module(self, slug: str | None) -> Module:
        module = self.modules.get(slug or "")
        if module is not None:
            return module
        if not slug:
            raise Rejected("missing_ai_module", "An item names its ai_module.")
        raise Rejected("unknown_ai_module", f"There is no ai_module {slug[:60]!r}.")

    def _check_content(self, told: Told) -> None:
        file = told.file
        if (file is None) == (told.image_reference is None):
            raise Rejected("missing_file", "An item names either a file or an image_reference.")
        if file is None:
            return
        if file.size > self.max_bytes:
            raise Rejected("oversize", f"file.size: a file may have {self.max_bytes:,} bytes at most.")
        if file.media_type not in IMAGE_TYPES:
            raise Rejected("media_type_unknown", f"file.media_type must be one of {', '.join(sorted(IMAGE_TYPES))}.")

    def _captured_at(self, told: Told) -> datetime:
        if told.captured_at is not None:
            return self._moment("captured_at", told.captured_at)
        if told.detection_timestamp is not None:
            return self._moment("detection_timestamp", told.detection_timestamp)
        raise Rejected("missing_captured_at", "An item has a captured_at.")

    def _moment(self, name: str, given: str) -> datetime:
        try:
            moment = datetime.fromisoformat(given)
            if EARLIEST <= moment <= self.latest:
                return moment
        except (TypeError, ValueError, OverflowError):
            pass  # no date, or one without its zone
        raise Rejected("bad_time", f"{name} must be a time since 2000 with its zone, as 2026-11-20T08:00:00+01:00.")


def rejection_key(raw: Any) -> str:
    """Answer under which name a rejection is kept: the event_id, or a mark of the content where there is none."""
    if isinstance(raw, Told):
        return raw.event_id or f"?{canonical_sha256(msgspec.to_builtins(raw))[:32]}"
    try:
        told = msgspec.json.decode(raw) if isinstance(raw, Raw) else raw
        if isinstance(told, dict):
            event_id = msgspec.convert(told.get("event_id"), Identifier)
            if event_id:
                return event_id
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # it has none, or cannot be read at all
    try:
        return f"?{canonical_sha256(bytes(raw).hex() if isinstance(raw, Raw) else raw)[:32]}"
    except (TypeError, ValueError, RecursionError):
        return "?"


def _status(given: str | None, module: Module) -> str:
    if given in ("correct", "changed"):
        return given
    if given == "unsure":
        raise Rejected("label_status_unsure", "What a city is unsure of is not sent.")
    if given not in (None, "", "unlabelled"):
        raise Rejected("label_status_unknown", "label_status must be correct or changed.")
    if module.accepts_unlabelled:
        return ""
    if given == "unlabelled":
        raise Rejected("unlabelled", "This module takes labelled samples only.")
    raise Rejected("label_status_missing", "An item says by its label_status whether its prediction was correct or changed.")


def _check_status_fits(status: str, prediction: Value | None, correction: Value | None) -> None:
    if status == "correct" and prediction is None:
        raise Rejected("correct_without_prediction", "There is no prediction that could be correct.")
    if status == "changed" and correction is None:
        raise Rejected("changed_without_correction", "A changed label comes with its correction.")
    if status != "changed" and correction is not None:
        raise Rejected("correction_without_change", "A correction comes with the label_status changed only.")


def _value(name: str, value: Value | None, plate: str | None, rules: Rules) -> Value | None:
    """Answer the value under its own name or, as a text, under the seed's; models may predict labels nobody uses any more."""
    if value is None:
        if plate is None:
            return None
        value = Value(text=plate)
    try:
        annotation.check(value, rules, allow_retired=name == "prediction")
    except BadValue as wrong:
        raise Rejected(wrong.code, f"{name}: {wrong.detail}") from wrong
    return value


def _identifier(name: str, value: str | None) -> str:
    if not value:
        _missing(name)
    if not value.isascii() and len(quote(value)) > MAX_IN_HEADER:  # it travels in a header of the upload, percent-encoded
        raise Rejected("too_long", f"{name} may take {MAX_IN_HEADER} bytes at most once it is percent-encoded.")
    return value


def _missing(name: str) -> NoReturn:
    raise Rejected(f"missing_{name}", f"An item has a {name}.")
