"""Whom or what an erasure or an access export is about, and the samples that are found by it.

A subject is read once from the wire and kept as a small document; texts are compared as plates are: letters and digits only.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from core.canonical import canonical_json
from core.errors import Invalid
from learning.annotation import normalise_text
from learning.models import City, HitlLabel, LearningSample, SubjectKind
from learning.models.erasure import Match

CHUNK = 5_000
MAX_SAMPLES = 1_000
MAX_TEXT = 255
SCOPE = "scope"
Found = tuple[int, str, str]
"""A sample's key, how sure it is, and where it was found."""


@dataclass(frozen=True)
class Subject:
    """What is sought: `kind` is a SubjectKind, `about` its document as `read` made it."""

    kind: str
    about: dict[str, Any]

    @classmethod
    def read(cls, kind: str, raw: Any) -> "Subject":
        """Read a subject as it came over the wire; raises Invalid with a sentence per key.

        plate {plate} · samples {samples: [sample_id]} · event {city, event_id} · camera {city, camera_id, since?, until?} ·
        city {city, since?, until?} · person {person: domain/normalized_name} · user {user_id}
        """
        if kind not in READERS:
            raise Invalid(f"There is no subject {kind}; there are {', '.join(READERS)}.", errors={"kind": ["is not known"]})
        if not isinstance(raw, Mapping):
            raise Invalid("The subject must be an object.", errors={"subject": ["must be an object"]})
        wanted = KEYS[kind]
        if unknown := set(raw) - set(wanted):
            names = ", ".join(sorted(map(str, unknown)))
            raise Invalid(f"A subject of kind {kind} has no {names}.", errors={"subject": [f"has no {names}"]})
        return cls(kind, READERS[kind](raw))

    @property
    def sha256(self) -> str:
        """The hash of what is sought, which stays when the words are gone; keyed, for a plate could be guessed from a plain one."""
        spelled = canonical_json({"kind": self.kind, "about": self.about}).encode()
        return hmac.new(f"erasure:{settings.SECRET_KEY}".encode(), spelled, hashlib.sha256).hexdigest()

    def find(self) -> Iterator[list[Found]]:
        """Yield what is found, in chunks; samples that were erased already are not found again."""
        if self.kind == SubjectKind.PLATE:
            yield from _find_plate(self.about["plate"])
            return
        rows = self.scope().filter(erased_at__isnull=True)
        last = 0
        while keys := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
            yield [(key, Match.EXACT, SCOPE) for key in keys]
            last = keys[-1]

    def scope(self) -> QuerySet[LearningSample]:
        """Answer the samples that a subject other than a plate selects."""
        return LearningSample.objects.filter(SCOPES[self.kind](self.about))


def is_near(one: str, other: str) -> bool:
    """Tell whether one text becomes the other by exchanging, adding or leaving out exactly one character."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    at = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    return short[at:] == long[at + 1 :] or short[at + 1 :] == long[at + 1 :]


def texts_of(value: Any) -> list[str]:
    """Answer the texts that an annotation value reads: its own, its boxes', and those of attributes."""
    if not isinstance(value, Mapping):
        return []
    parts: list[Any] = [value, *(box for box in value.get("boxes") or () if isinstance(box, Mapping))]
    found = [part.get("text") for part in parts]
    found += [text for part in parts for text in (part.get("attributes") or {}).values()]
    return [text for text in found if isinstance(text, str)]


def plate_of(text: str) -> str:
    """Answer a text as plates are compared: upper case, letters and digits only."""
    return normalise_text(text, "plate")


def _find_plate(plate: str) -> Iterator[list[Found]]:
    """Read every sample once, and every label that corrects one: the texts lie within JSON, and no index knows them."""
    columns = ("pk", "prediction", "truth", "object__metadata", "context_notes")
    rows = LearningSample.objects.filter(erased_at__isnull=True)
    for chunk in _in_chunks(rows, columns):
        yield _matching(chunk, plate, lambda row: _places(*row[1:]))
    labels = HitlLabel.objects.filter(sample__erased_at__isnull=True).exclude(correction=None, correction_notes="")
    for chunk in _in_chunks(labels, ("pk", "sample_id", "correction", "correction_notes")):
        yield _matching([row[1:] for row in chunk], plate, lambda row: [("correction", texts_of(row[1])), ("notes", [row[2]])])


def _places(prediction: Any, truth: Any, metadata: Any, notes: str) -> list[tuple[str, list[str]]]:
    known = metadata if isinstance(metadata, Mapping) else {}
    plates = [str(known[key]) for key in ("detected_plate", "corrected_plate") if known.get(key)]
    return [("prediction", texts_of(prediction)), ("truth", texts_of(truth)), ("metadata", plates), ("notes", [notes])]


def _matching(rows: list[Any], plate: str, places: Callable[[Any], list[tuple[str, list[str]]]]) -> list[Found]:
    """Answer for each row whose texts match how sure it is: an exact match is preferred to a near one."""
    found: dict[int, Found] = {}
    for row in rows:
        for place, texts in places(row):
            how = _match(texts, plate, within=place == "notes")
            if how and (row[0] not in found or (how, found[row[0]][1]) == (Match.EXACT, Match.NEAR)):
                found[row[0]] = (row[0], how, place)
    return list(found.values())


def _match(texts: list[str], plate: str, *, within: bool) -> str:
    """Answer "exact", "near" or ""; a note is searched for the plate `within` its words."""
    normalised = [plate_of(text) for text in texts if text]
    if plate in normalised or (within and any(plate in text for text in normalised)):
        return Match.EXACT
    return Match.NEAR if not within and any(is_near(plate, text) for text in normalised if text) else ""


def _in_chunks(rows: QuerySet[Any], columns: tuple[str, ...]) -> Iterator[list[Any]]:
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk").values_list(*columns)[:CHUNK]):
        yield chunk
        last = chunk[-1][0]


def _captured(about: Mapping[str, Any]) -> Q:
    """Select by the time of capture, where it is bounded."""
    since, until = about.get("since"), about.get("until")
    within = Q(captured_at__gte=parse_datetime(since)) if since else Q()
    return within & Q(captured_at__lt=parse_datetime(until)) if until else within


def _of_city(about: Mapping[str, Any]) -> Q:
    return Q(city__slug=about["city"]) & _captured(about)


def _of_person(about: Mapping[str, Any]) -> Q:
    domain, _, name = about["person"].partition("/")
    return Q(image__person__domain=domain, image__person__normalized_name=name)


SCOPES: dict[str, Callable[[Mapping[str, Any]], Q]] = {
    SubjectKind.SAMPLES: lambda about: Q(sample_id__in=about["samples"]),
    SubjectKind.EVENT: lambda about: Q(city__slug=about["city"], event_id=about["event_id"]),
    SubjectKind.CAMERA: lambda about: _of_city(about) & Q(camera__camera_id=about["camera_id"]),
    SubjectKind.CITY: _of_city,
    SubjectKind.PERSON: _of_person,
    SubjectKind.USER: lambda about: Q(example__user_id=about["user_id"]) | Q(example__performer_id=about["user_id"]),
}


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= MAX_TEXT or not value.isprintable():
        raise Invalid(f"{key} is a text of 1 to {MAX_TEXT} characters.", errors={key: ["is missing or no such text"]})
    return unicodedata.normalize("NFC", value.strip())


def _plate(raw: Mapping[str, Any]) -> dict[str, Any]:
    plate = plate_of(_text(raw, "plate"))
    if not 2 <= len(plate) <= 40:
        raise Invalid("A plate has from 2 to 40 letters and digits.", errors={"plate": ["has 2 to 40 letters and digits"]})
    return {"plate": plate}


def _samples(raw: Mapping[str, Any]) -> dict[str, Any]:
    given = raw.get("samples")
    if not isinstance(given, list | tuple) or not 0 < len(given) <= MAX_SAMPLES:
        raise Invalid(f"samples is a list of 1 to {MAX_SAMPLES:,} sample ids.", errors={"samples": ["is no such list"]})
    if not all(isinstance(name, str) and 0 < len(name) <= 200 and "\x00" not in name for name in given):
        raise Invalid("A sample id is a text of 1 to 200 characters.", errors={"samples": ["holds what is no sample id"]})
    known = set(LearningSample.objects.filter(sample_id__in=given).values_list("sample_id", flat=True))
    if missing := [name for name in given if name not in known]:
        raise Invalid(f"There is no sample {missing[0]}.", errors={"samples": [f"{len(missing)} are not known"]})
    return {"samples": sorted(known)}


def _city(raw: Mapping[str, Any]) -> dict[str, Any]:
    slug = _text(raw, "city")
    if not City.objects.filter(slug=slug).exists():
        raise Invalid(f"There is no city {slug}.", errors={"city": ["is not known"]})
    since, until = _moment(raw, "since"), _moment(raw, "until")
    if since and until and since >= until:
        raise Invalid("The time ends before it begins.", errors={"until": ["is before since"]})
    times = {"since": since and since.isoformat(), "until": until and until.isoformat()}
    return {"city": slug, **{key: value for key, value in times.items() if value}}


def _camera(raw: Mapping[str, Any]) -> dict[str, Any]:
    about, camera = _city(raw), _text(raw, "camera_id")
    if not City.objects.filter(slug=about["city"], cameras__camera_id=camera).exists():
        raise Invalid(f"{about['city']} has no camera {camera}.", errors={"camera_id": ["is not known"]})
    return {**about, "camera_id": camera}


def _event(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {"city": _city({"city": raw.get("city")})["city"], "event_id": _text(raw, "event_id")}


def _person(raw: Mapping[str, Any]) -> dict[str, Any]:
    name = _text(raw, "person")
    if "/" not in name:
        raise Invalid("A person is named domain/normalized_name.", errors={"person": ["is named domain/normalized_name"]})
    return {"person": name}


def _moment(raw: Mapping[str, Any], key: str) -> datetime | None:
    value = raw.get(key)
    if value in (None, ""):
        return None
    try:
        moment = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise Invalid(f"{key} is a moment, like 2026-11-20T00:00:00Z.", errors={key: ["is no moment"]})
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


KEYS: dict[str, tuple[str, ...]] = {
    SubjectKind.PLATE: ("plate",),
    SubjectKind.SAMPLES: ("samples",),
    SubjectKind.EVENT: ("city", "event_id"),
    SubjectKind.CAMERA: ("city", "camera_id", "since", "until"),
    SubjectKind.CITY: ("city", "since", "until"),
    SubjectKind.PERSON: ("person",),
    SubjectKind.USER: ("user_id",),
}
READERS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    SubjectKind.PLATE: _plate,
    SubjectKind.SAMPLES: _samples,
    SubjectKind.EVENT: _event,
    SubjectKind.CAMERA: _camera,
    SubjectKind.CITY: _city,
    SubjectKind.PERSON: _person,
    SubjectKind.USER: lambda raw: {"user_id": _text(raw, "user_id")},
}
