"""Verbs on saved filters: keep what a page is narrowed by under a name, and forget it."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.db import transaction

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Invalid, Refused
from learning.models import SavedFilter
from learning.sample_filters import SECRET, SampleFilters

SAMPLES = "samples"
MOST, MOST_LETTERS = 100, 2_000


@transaction.atomic
def save(name: str, *, by: User, query: Mapping[str, str], is_shared: bool = False) -> SavedFilter:
    """Keep filters of the samples page under a name; the same name again replaces one's own.

    Raises Invalid without a name, without a filter, for a searched text (it may be somebody's plate), and beyond a hundred.
    """
    require(by, Permission.VIEW_STORE)
    name = name.strip()
    if not 0 < len(name) <= 80 or "\x00" in name:
        raise Invalid("A name has 1 to 80 characters.", errors={"name": ["has 1 to 80 characters"]})
    chosen = SampleFilters(dict(query), user=by).query
    if SECRET & chosen.keys():
        raise Invalid("A searched answer or plate is not kept: take it out of the filters, then save them.")
    if not chosen:
        raise Invalid("Nothing is narrowed: choose a filter, then save it.")
    text = urlencode(chosen)
    if len(text) > MOST_LETTERS:
        raise Invalid("These filters are too long to be kept.")
    own = SavedFilter.objects.filter(owner=by, page=SAMPLES)
    if own.exclude(name=name).count() >= MOST:
        raise Invalid(f"You have {MOST} saved filters; remove one first.")
    kept = {"query": text, "is_shared": is_shared}
    saved, _ = SavedFilter.objects.update_or_create(owner=by, page=SAMPLES, name=name, defaults=kept)
    record(by, "save", saved, shared=is_shared, filters=sorted(chosen))
    return saved


@transaction.atomic
def remove(saved: SavedFilter, *, by: User) -> None:
    """Forget one's own saved filter; raises Refused for another's."""
    if saved.owner_id != by.pk:
        raise Refused("Only who saved a filter removes it.")
    record(by, "remove", saved)
    saved.delete()
