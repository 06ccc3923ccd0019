"""Reading the items of an upload: each is taken or gets its own reason; one bad item never stops the others.

Knows the wire (docs/wire), not the database. Checks are plain comparisons: ten thousand items are read in a request.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from core.canonical import canonical_sha256
from core.storage import EXTENSIONS
from learning import annotation
from learning.annotation import BadValue, Rules, is_number

IMAGE_TYPES = frozenset(name for name in EXTENSIONS if name.startswith("image/"))
SAMPLE_TYPES = frozenset({"automatic", "manual", "synthetic"})
ID = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
SHA256, MD5 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{32}")
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCKS_DIFFER = timedelta(days=1)
MAX_NOTES = 2_000
MAX_IN_HEADER = 600
MAX_REFERENCE = 500
MAX_REVIEW_SECONDS = 86_400


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


@dataclass(frozen=True, slots=True)
class File:
    """A file to be uploaded; size in bytes."""

    sha256: str
    md5: str
    size: int
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Item:
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
    prediction: dict[str, Any] | None
    predicted_by: dict[str, Any] | None
    correction: dict[str, Any] | None
    labeled_at: datetime | None
    operator_id: str
    seconds: float | None
    notes: str
    file: File | None
    reference: str


@dataclass(frozen=True)
class Reader:
    """Reads items for one request: the modules there are, the largest file in bytes, and now."""

    modules: Mapping[str, Module]
    max_bytes: int
    now: datetime

    def read(self, raw: Any) -> Item:
        """Answer the item, or raise Rejected."""
        if not isinstance(raw, dict):
            raise Rejected("wrong_type", "An item must be an object.")
        event_id = _identifier(raw, "event_id", "missing_event_id")
        module = self._module(raw)
        status = _status(raw, module)
        quality = _share(raw, "image_quality_score")
        if quality is not None and quality < module.min_quality:
            raise Rejected("quality_below_threshold", f"The module takes no image below a quality of {module.min_quality}.")
        prediction = _value(raw, "prediction", "plate_text", module.rules, allow_retired=True)
        correction = _value(raw, "correction", "corrected_plate", module.rules, allow_retired=False)
        _check_status_fits(status, prediction, correction)
        file, reference = self._content(raw)
        return Item(
            event_id=event_id,
            camera_id=_identifier(raw, "camera_id", "missing_camera_id", most=120),
            module=module,
            status=status,
            captured_at=self._moment(raw, "captured_at", "detection_timestamp") or _missing("captured_at"),
            sample_type=_choice(raw, "sample_type", SAMPLE_TYPES, "automatic"),
            sample_id=_text(raw, "sample_id", 200),
            confidence=_share(raw, "confidence"),
            quality=quality,
            prediction=prediction,
            predicted_by=_predicted_by(raw),
            correction=correction,
            labeled_at=self._moment(raw, "labeled_at"),
            operator_id=_text(raw, "operator_id", 120),
            seconds=_seconds(raw),
            notes=_text(raw, "context_notes", MAX_NOTES),
            file=file,
            reference=reference,
        )

    def _module(self, raw: Mapping[str, Any]) -> Module:
        slug = raw.get("ai_module")
        if not isinstance(slug, str) or not slug:
            raise Rejected("missing_ai_module", "An item names its ai_module.")
        if slug not in self.modules:
            raise Rejected("unknown_ai_module", f"There is no module {slug[:60]!r}.")
        return self.modules[slug]

    def _content(self, raw: Mapping[str, Any]) -> tuple[File | None, str]:
        file, reference = raw.get("file"), raw.get("image_reference")
        if (file is None) == (reference is None):
            raise Rejected("missing_file", "An item names either a file or an image_reference.")
        if file is None:
            if not isinstance(reference, str) or not 0 < len(reference) <= MAX_REFERENCE:
                raise Rejected("wrong_type", "image_reference must be text.")
            return None, reference
        return self._file(file), ""

    def _file(self, file: Any) -> File:
        if not isinstance(file, dict):
            raise Rejected("wrong_type", "file must be an object.")
        sha256, md5, size, media_type = (file.get(name) for name in ("sha256", "md5", "size", "media_type"))
        if not isinstance(sha256, str) or not SHA256.fullmatch(sha256):
            raise Rejected("bad_checksum", "file.sha256 must be 64 hexadecimal digits in lower case.")
        if not isinstance(md5, str) or not MD5.fullmatch(md5):
            raise Rejected("bad_checksum", "file.md5 must be 32 hexadecimal digits in lower case.")
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise Rejected("wrong_type", "file.size must be a whole number of bytes above 0.")
        if size > self.max_bytes:
            raise Rejected("oversize", f"A file may have {self.max_bytes:,} bytes at most.")
        if not isinstance(media_type, str) or media_type not in IMAGE_TYPES:
            raise Rejected("media_type_unknown", f"file.media_type must be one of {', '.join(sorted(IMAGE_TYPES))}.")
        return File(sha256, md5, size, media_type, _text(file, "name", 255))

    def _moment(self, raw: Mapping[str, Any], *names: str) -> datetime | None:
        name, given = _first(raw, *names)
        if given is None:
            return None
        try:
            moment = datetime.fromisoformat(given)
            if EARLIEST <= moment <= self.now + CLOCKS_DIFFER:
                return moment
        except (TypeError, ValueError, OverflowError):
            pass  # no date, or one without its zone
        raise Rejected("bad_time", f"{name} must be a time since 2000 with its zone, as 2026-11-20T08:00:00+01:00.")


def rejection_key(raw: Any) -> str:
    """Answer under which name a rejection is kept: the event_id, or a mark of the content where there is none."""
    event_id = raw.get("event_id") if isinstance(raw, dict) else None
    if isinstance(event_id, str) and ID.fullmatch(event_id):
        return event_id
    try:
        return f"?{canonical_sha256(raw)[:32]}"
    except (TypeError, ValueError, RecursionError):
        return "?"


def _status(raw: Mapping[str, Any], module: Module) -> str:
    status = raw.get("label_status")
    if status in ("correct", "changed"):
        return str(status)
    if status == "unsure":
        raise Rejected("label_status_unsure", "What a city is unsure of is not sent.")
    if status not in (None, "", "unlabelled"):
        raise Rejected("label_status_unknown", "label_status must be correct or changed.")
    if module.accepts_unlabelled:
        return ""
    if status == "unlabelled":
        raise Rejected("unlabelled", "This module takes labelled samples only.")
    raise Rejected("label_status_missing", "An item says whether its prediction was correct or changed.")


def _check_status_fits(status: str, prediction: Any, correction: Any) -> None:
    if status == "correct" and prediction is None:
        raise Rejected("correct_without_prediction", "There is no prediction that could be correct.")
    if status == "changed" and correction is None:
        raise Rejected("changed_without_correction", "A changed label comes with its correction.")
    if status != "changed" and correction is not None:
        raise Rejected("correction_without_change", "A correction comes with the label_status changed only.")


def _value(raw: Mapping[str, Any], name: str, seed_name: str, rules: Rules, *, allow_retired: bool) -> dict[str, Any] | None:
    value = raw.get(name)
    if value is None and raw.get(seed_name) is not None:
        value = {"text": raw[seed_name]}
    if value is None:
        return None
    try:
        annotation.check(value, rules, allow_retired=allow_retired)
    except BadValue as wrong:
        raise Rejected(wrong.code, f"{name}: {wrong.detail}") from wrong
    return dict(value)


def _predicted_by(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    given = raw.get("predicted_by")
    if given is None:
        return None
    if not isinstance(given, dict) or not {"model", "version"}.issuperset(given):
        raise Rejected("wrong_type", "predicted_by must be an object with model and version.")
    return {name: _text(given, name, 200) for name in given}


def _identifier(raw: Mapping[str, Any], name: str, missing: str, most: int = 200) -> str:
    value = raw.get(name)
    if value is None or value == "":
        raise Rejected(missing, f"An item has a {name}.")
    if not isinstance(value, str) or len(value) > most or not ID.fullmatch(value):
        raise Rejected("wrong_type", f"{name} must be text of at most {most} characters, without control characters.")
    if not value.isascii() and len(quote(value)) > MAX_IN_HEADER:  # it travels in a header of the upload, percent-encoded
        raise Rejected("too_long", f"{name} may take {MAX_IN_HEADER} bytes at most once it is percent-encoded.")
    return value


def _text(raw: Mapping[str, Any], name: str, most: int) -> str:
    value = raw.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most or "\0" in value or not _is_utf8(value):
        raise Rejected("wrong_type", f"{name} must be text of at most {most} characters.")
    return value


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _share(raw: Mapping[str, Any], name: str) -> float | None:
    value = raw.get(name)
    if value is None:
        return None
    if not is_number(value):
        raise Rejected("wrong_type", f"{name} must be a number.")
    if not 0 <= value <= 1:
        raise Rejected("out_of_range", f"{name} must be from 0 to 1.")
    return float(value)


def _seconds(raw: Mapping[str, Any]) -> float | None:
    value = raw.get("review_time_seconds")
    if value is None:
        return None
    if not is_number(value):
        raise Rejected("wrong_type", "review_time_seconds must be a number.")
    if not 0 <= value <= MAX_REVIEW_SECONDS:
        raise Rejected("out_of_range", f"review_time_seconds must be from 0 to {MAX_REVIEW_SECONDS}.")
    return float(value)


def _choice(raw: Mapping[str, Any], name: str, known: frozenset[str], default: str) -> str:
    value = raw.get(name)
    if value is None:
        return default
    if not isinstance(value, str) or value not in known:
        raise Rejected("wrong_type", f"{name} must be one of {', '.join(sorted(known))}.")
    return value


def _first(raw: Mapping[str, Any], *names: str) -> tuple[str, Any]:
    for name in names:
        if raw.get(name) is not None:
            return name, raw[name]
    return names[0], None


def _missing(name: str) -> datetime:
    raise Rejected(f"missing_{name}", f"An item has a {name}.")
