"""Verbs on collections: beginning, cancelling and going on with one. What a worker does is in collecting.py."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from core.queue import enqueue
from learning.actions.person import MAX_DOMAIN
from learning.collectors import serp
from learning.models import AiModule, CollectionSession, Person, SessionStatus, Task
from learning.models.person import normalized_name

TASK = "learning.tasks.run_collection"
MAX_PEOPLE, MAX_IMAGES = 500, 200
MAX_NAME, MAX_COUNTRY, MAX_OCCUPATION = 255, 50, 100


@transaction.atomic
def start(
    *,
    by: User | None,
    domain: str,
    module: AiModule,
    occupation: str = "",
    country: str = "",
    names: Sequence[str] = (),
    people: int = 20,
    images_per_person: int = 40,
    use_serp: bool = False,
) -> CollectionSession:
    """Begin to collect images of the best known people of an occupation and country, or of these names or Wikidata ids.

    A worker does it. `use_serp` buys searches for who has too few free images. Raises Invalid, or Conflict without a key for it.
    """
    if by is not None:
        require(by, Permission.MANAGE_COLLECTION)
    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    asked = {"domain": domain, "occupation": occupation, "country": country}
    _check(module, wanted, **asked, people=people, images_per_person=images_per_person)
    if use_serp and not serp.is_configured():
        raise Conflict(
            "There is no key for the image search: set SERP_API_KEY, or collect without it.", code="serp_not_configured"
        )
    session = CollectionSession.objects.create(
        domain=domain.strip(),
        module=module,
        occupation=occupation.strip(),
        country=country.strip(),
        plan={"names": wanted, "people": people, "images_per_person": images_per_person, "use_serp": use_serp},
        created_by=by,
    )
    record(by, "start", session, module=module.slug, people=len(wanted) or people, use_serp=use_serp)
    enqueue(TASK, session.pk)
    return session


@transaction.atomic
def cancel(session: CollectionSession, *, by: User) -> CollectionSession:
    """Stop a collection; what it has stays, and its worker notices before the next image. Twice is success."""
    require(by, Permission.MANAGE_COLLECTION)
    session.refresh_from_db()
    if session.status != SessionStatus.CANCELLED:
        session.move(SessionStatus.CANCELLED, token="", claimed_until=None, completed_at=timezone.now())
        record(by, "cancel", session)
    return session


@transaction.atomic
def resume(session: CollectionSession, *, by: User) -> CollectionSession:
    """Go on with a collection that failed or was cancelled, where it stopped."""
    require(by, Permission.MANAGE_COLLECTION)
    session.move(SessionStatus.PROCESSING, error_message="", completed_at=None, token="", claimed_until=None)
    record(by, "resume", session)
    enqueue(TASK, session.pk)
    return session


def forget(people: Iterable[Person]) -> None:
    """Take people who are being erased out of what collections were asked for, in the caller's transaction."""
    known = {name for person in people for name in (person.normalized_name, person.wikidata_id) if name}
    asked = CollectionSession.objects.exclude(plan__names=[]) if known else CollectionSession.objects.none()
    for session in asked.only("pk", "plan"):
        names = session.plan["names"]
        kept = [name for name in names if name not in known and normalized_name(name) not in known]
        if len(kept) < len(names):
            CollectionSession.objects.filter(pk=session.pk).update(plan={**session.plan, "names": kept})


def _check(
    module: AiModule, names: Sequence[str], *, domain: str, occupation: str, country: str, people: Any, images_per_person: Any
) -> None:
    errors: dict[str, list[str]] = {}
    bounded = (("domain", domain, MAX_DOMAIN), ("occupation", occupation, MAX_OCCUPATION), ("country", country, MAX_COUNTRY))
    for field, text, most in bounded:
        if len(text) > most or not text.isprintable():
            errors[field] = [f"is plain text of at most {most} characters"]
    if not domain.strip():
        errors["domain"] = ["is needed"]
    if module.task == Task.FEATURES:
        errors["ai_module"] = ["takes features, not images"]
    if not (occupation.strip() or country.strip() or names):
        errors["occupation"] = ["name an occupation, a country, or people"]
    if len(names) > MAX_PEOPLE or any(len(name) > MAX_NAME or not name.isprintable() for name in names):
        errors["names"] = [f"are at most {MAX_PEOPLE}, each of at most {MAX_NAME} plain characters"]
    for field, number, most in (("people", people, MAX_PEOPLE), ("images_per_person", images_per_person, MAX_IMAGES)):
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
            errors[field] = [f"is a whole number from 1 to {most}"]
    if errors:
        raise Invalid("; ".join(f"{field} {texts[0]}" for field, texts in errors.items()) + ".", errors=errors)
