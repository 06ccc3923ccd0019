"""What a worker does for a collection: finds the people, then one person after the other their images.

Each write asks first whether the worker still holds the collection, so that one that was cancelled, or given to another worker
after this one fell silent, gets nothing more from here. What was brought in stays, and whoever goes on begins with the person
who is not done.
"""

import secrets
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.actions.event import record
from core.errors import Refusal
from core.storage import StoreError
from learning.actions import image as images
from learning.actions import person as people
from learning.actions.image import Origin
from learning.actions.person import Named
from learning.collectors import commons, serp, wikidata
from learning.collectors.web import NotCollected, Offer, Web
from learning.collectors.wikidata import Candidate
from learning.models import CollectionSession, Image, ImageSource, Person, SessionStatus

logger = structlog.get_logger(__name__)

HELD_FOR = timedelta(minutes=5)
"""Longer than the longest wait for one answer, with its tries."""
STEP_SECONDS = 1.0
MAX_ERROR = 2_000
CENT = Decimal("0.01")


class Stopped(Exception):
    """This worker no longer holds the collection."""


def run(session_id: int) -> None:
    """Collect, as far as it goes; a collection that is over, or in another worker's hands, is left alone."""
    session = _claim(session_id)
    if session is None:
        return
    web = Web(pause=lambda seconds: _wait(session, seconds))
    try:
        if session.discovered_at is None:
            _discover(session, web)
        for person in _waiting(session):
            _collect(session, person, web)
        _end(session, SessionStatus.COMPLETED)
    except Stopped:
        logger.info("collection stopped", session=session.session_id)
    except NotCollected as reason:
        _fail(session, str(reason))
    except StoreError:
        _fail(session, "The store does not answer; go on with the collection when it does.")


def sweep() -> list[int]:
    """Answer the collections that no worker holds although they are not over: their message was lost, or their worker died."""
    rows = CollectionSession.objects.filter(status=SessionStatus.PROCESSING).exclude(claimed_until__gte=timezone.now())
    return list(rows.order_by("pk").values_list("pk", flat=True)[:20])


def _claim(session_id: int) -> CollectionSession | None:
    token = secrets.token_hex(16)
    free = CollectionSession.objects.filter(pk=session_id, status=SessionStatus.PROCESSING)
    free = free.exclude(claimed_until__gte=timezone.now())
    if not free.update(token=token, claimed_until=timezone.now() + HELD_FOR):
        return None
    return CollectionSession.objects.select_related("module").get(pk=session_id)


def _hold(session: CollectionSession, **changes: object) -> None:
    """Say that this worker is alive, and write what changed; raises Stopped."""
    mine = CollectionSession.objects.filter(pk=session.pk, status=SessionStatus.PROCESSING, token=session.token)
    if not mine.update(claimed_until=timezone.now() + HELD_FOR, **changes):
        raise Stopped


def _wait(session: CollectionSession, seconds: float) -> None:
    """Wait, and notice meanwhile that the collection was cancelled."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        _hold(session)
        time.sleep(min(left, STEP_SECONDS))


def _discover(session: CollectionSession, web: Web) -> None:
    """Find out who is meant, and make or take up each of them."""
    unknown: list[str] = []
    if names := session.plan["names"]:
        found, unknown = wikidata.by_names(web, names)
    else:
        found = wikidata.by_occupation(web, session.occupation, session.country, session.plan["people"])
    for candidate in found:
        _hold(session)
        _take_up(session, candidate)
    every = Person.objects.filter(session=session)
    images.name_labels(session.module, list(every.order_by("pk").values_list("normalized_name", flat=True)))
    message = f"Not known: {', '.join(unknown)}." if unknown else "" if found else "Wikidata knows nobody like that."
    total = every.count() + len(unknown)
    _hold(
        session, discovered_at=timezone.now(), total_people=total, people_failed=len(unknown), error_message=message[:MAX_ERROR]
    )


def _take_up(session: CollectionSession, candidate: Candidate) -> None:
    facts = {
        "wikidata_id": candidate.wikidata_id,
        "primary_image_url": candidate.image_url,
        "commons_category": candidate.category,
        "sitelinks": candidate.sitelinks,
        "occupation": session.occupation or candidate.occupation,
        "country": session.country or candidate.country,
        "description": candidate.description,
    }
    made = people.add(Named(candidate.full_name, session.domain, facts=facts), by=None, session=session)
    Person.objects.filter(pk=made.person.pk).update(session=session, collected_at=None, collection_error="")


def _waiting(session: CollectionSession) -> Iterator[Person]:
    """Answer the people who are not done, one after the other."""
    waiting = Person.objects.filter(session=session, collected_at__isnull=True).order_by("pk")
    while person := waiting.first():
        yield person


def _collect(session: CollectionSession, person: Person, web: Web) -> None:
    """Take in images of one person until there are enough: free ones first, then, if wanted, those of a paid search."""
    error = ""
    try:
        for offer in _offers(session, person, web):
            if person.total_images >= session.plan["images_per_person"]:
                break
            _take(session, person, offer, web)
            person.refresh_from_db(fields=["total_images"])
    except NotCollected as reason:
        if reason.is_final:
            raise
        error = str(reason)
    if not error and not person.total_images:
        error = "No image was found."
    counted = "people_failed" if error else "people_completed"
    with transaction.atomic():
        _hold(session, **{counted: F(counted) + 1})
        Person.objects.filter(pk=person.pk).update(collected_at=timezone.now(), collection_error=error[:MAX_ERROR])


def _offers(session: CollectionSession, person: Person, web: Web) -> Iterator[Offer]:
    filename = wikidata.file_of(person.primary_image_url)
    yield from commons.own_image(web, filename)
    yield from commons.in_category(web, person.commons_category)
    if session.plan["use_serp"]:
        with transaction.atomic():  # counted before it is asked: what is asked is paid
            _hold(session, searches=F("searches") + 1)
            session.refresh_from_db(fields=["searches"])
            _hold(session, estimated_serp_cost=(serp.price() * session.searches).quantize(CENT))
        yield from serp.search(web, person.full_name)


def _take(session: CollectionSession, person: Person, offer: Offer, web: Web) -> None:
    """Fetch one image and take it in; what cannot be had is counted, and is no reason to stop."""
    _hold(session)
    if Image.objects.filter(person=person, source_url=offer.url).exists():
        return
    try:
        content = web.image(offer.url)
        origin = _origin(person, offer, content)
        image, is_new = images.add(content, by=None, person=person, module=session.module, origin=origin)
    except (NotCollected, Refusal):
        _hold(session, images_refused=F("images_refused") + 1)
        return
    if not is_new:
        return
    if image.sample_id is None:
        _hold(session, images_refused=F("images_refused") + 1)
        return
    kind = "images_from_serp" if offer.source == ImageSource.SERP else "images_from_wikimedia"
    _hold(session, **{"total_images_downloaded": F("total_images_downloaded") + 1, kind: F(kind) + 1})


def _origin(person: Person, offer: Offer, content: bytes) -> Origin:
    """Name the file as the seed does: the person's name, the day, and a number that nobody has."""
    kind = "png" if content.startswith(b"\x89PNG") else "webp" if content[8:12] == b"WEBP" else "jpg"
    stem = f"{person.normalized_name[:200]}_{timezone.now():%Y%m%d}"
    taken = set(Image.objects.filter(person=person, filename__startswith=stem).values_list("filename", flat=True))
    stems = {name.rpartition(".")[0] for name in taken}
    number = next(n for n in range(1, len(stems) + 2) if f"{stem}_{n}" not in stems)
    return Origin(
        source=offer.source,
        filename=f"{stem}_{number}.{kind}",
        source_url=offer.url,
        licence=offer.licence,
        author=offer.author,
        attribution=offer.attribution,
    )


@transaction.atomic
def _end(session: CollectionSession, status: SessionStatus) -> None:
    now = timezone.now()
    _hold(session)
    session.move(status, completed_at=now, token="", claimed_until=None)
    session.refresh_from_db()
    record(None, "complete", session, people=session.people_completed, images=session.total_images_downloaded)


@transaction.atomic
def _fail(session: CollectionSession, sentence: str) -> None:
    try:
        _hold(session)
    except Stopped:
        return
    session.move(
        SessionStatus.FAILED, completed_at=timezone.now(), error_message=sentence[:MAX_ERROR], token="", claimed_until=None
    )
    record(None, "fail", session, people=session.people_completed)
