"""What a request of items brings, as far as later items of it ask; and what became of each item."""

import re
from datetime import datetime

from msgspec import Struct

from core.storage import DEFAULT_ALIAS, OBJECT_NAME
from learning.models import LearningSample, ObjectKind, SampleState, StoredObject

REFERENCE = re.compile(r"([a-z0-9]{1,10})://([^/\x00-\x20]{1,100})/([^/]{1,64})")


class Content(Struct, frozen=True, gc=False):
    """An object that is announced by this request; named like StoredObject, which it becomes."""

    pk: str
    name: str
    sha256: str = ""
    md5: str = ""
    size: int = 0
    media_type: str = ""
    metadata: dict[str, str] = {}
    kind: str = ObjectKind.IMAGE
    alias: str = DEFAULT_ALIAS
    verified_at: datetime | None = None


class Arrival(Struct, gc=False):
    """A sample that this request brings, as far as later items ask for it; named like LearningSample, which it becomes."""

    sample_id: str
    batch_id: str
    object: StoredObject | Content
    by_reference: bool
    group_key: str
    state: str = SampleState.RECEIVED


Sample = LearningSample | Arrival


class Answer(Struct, frozen=True, gc=False):
    """What became of one item."""

    event_id: str | None
    outcome: str
    sample: Sample | None = None
    reason: str = ""
    detail: str = ""


def name_in(reference: str) -> str:
    """Answer the object name that a well-formed reference ends in, or ""."""
    found = REFERENCE.fullmatch(reference)
    return found.group(3) if found and OBJECT_NAME.fullmatch(found.group(3)) else ""
