"""Verbs on people: making one, their consent, and how far they are in the loop. Their images are in image.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Invalid
from learning.models import CollectionSession, Image, ImageSource, Person, PersonStatus
from learning.models.person import FREE_SOURCES, MAX_NAME, MIN_IMAGES, normalized_name

MAX_DOMAIN = 100
MAX_FOLDER = 500
MAX_SUFFIX = 1_000
MAX_TEXT = 2_000
BOUNDS = {"wikidata_id": 50, "commons_category": MAX_NAME, "occupation": 100, "country": 50}
FACTS = ("wikidata_id", "primary_image_url", "commons_category", "sitelinks", "occupation", "country", "description")


@dataclass(frozen=True)
class Made:
    """A person, whether they are new, and whether the name was taken by somebody else so that it got a suffix."""

    person: Person
    is_new: bool
    is_collision: bool = False


@dataclass(frozen=True)
class Named:
    """Whom to make: `folder` is where the images lie within the domain, the normalised name where it is not given."""

    full_name: str
    domain: str
    name: str = ""
    folder: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def add(named: Named, *, by: User | None, session: CollectionSession | None = None, status: str = PersonStatus.PENDING) -> Made:
    """Make a person, or answer the one of this folder (in a collection: of this Wikidata id) in the domain.

    A name that somebody else has gets a suffix, `_2`, `_3` …. `by` is None for the command line and for workers. Raises Invalid.
    """
    if by is not None:
        require(by, Permission.MANAGE_COLLECTION)
    _check(named)
    name = normalized_name(named.name or named.full_name)
    for _ in range(MAX_SUFFIX):
        try:
            with transaction.atomic():
                return _find_or_make(named, name, by, session, status)
        except IntegrityError:  # the name was taken at the same moment
            continue
    raise Invalid(f"Too many people are called {name} in {named.domain}.")


@transaction.atomic
def set_consent(person: Person, *, by: User | None, given: bool) -> Person:
    """Note that a person gave or withdrew consent to be trained on; frozen versions keep what they have. Twice is success."""
    if by is not None:
        require(by, Permission.MANAGE_COLLECTION)
    held = Person.objects.select_for_update().get(pk=person.pk)
    if held.consent != given:
        held.consent, held.consent_at = given, timezone.now()
        held.save(update_fields=["consent", "consent_at"])
        record(by, "consent" if given else "withdraw_consent", held)
    return held


def advance(samples: QuerySet[Any], status: PersonStatus) -> int:
    """Move the people on these samples (a query of their keys) to `status`, each who may go there; answers how many.

    For the apps above, in their verb's transaction, which is what the audit log tells. Back from a training that came to
    nothing goes who was trained before to completed, else to pending.
    """
    shown = Image.objects.filter(sample__in=samples).values("person")
    people = Person.objects.filter(pk__in=shown)
    now = timezone.now()
    if status == PersonStatus.PENDING:
        back = people.filter(status=PersonStatus.IN_TRAINING)
        trained = back.filter(trained_at__isnull=False).update(status=PersonStatus.COMPLETED)
        return trained + back.update(status=status)
    before = [old for old, after in Person.MOVES.items() if status in after]
    stamps = {PersonStatus.COMPLETED: {"trained_at": now}, PersonStatus.DEPLOYED: {"deployed_at": now}}
    return people.filter(status__in=before).update(status=status, **stamps.get(status, {}))


def recount(person: Person) -> None:
    """Write how many images a person has and whether that is enough, in the caller's transaction."""
    kept = Image.objects.filter(person=person, sample__isnull=False)
    counts = kept.aggregate(
        total_images=Count("pk"),
        images_from_wikimedia=Count("pk", filter=Q(source__in=FREE_SOURCES)),
        images_from_serp=Count("pk", filter=Q(source=ImageSource.SERP)),
    )
    counts["trainable"] = counts["total_images"] >= MIN_IMAGES
    Person.objects.filter(pk=person.pk).update(**counts)
    for name, value in counts.items():
        setattr(person, name, value)


def _find_or_make(named: Named, name: str, by: User | None, session: CollectionSession | None, status: str) -> Made:
    domain = Person.objects.filter(domain=named.domain)
    folder = f"{named.domain}/{named.folder or name}"[-MAX_FOLDER:]
    if session is not None and (wikidata := named.facts.get("wikidata_id")):
        known = domain.filter(wikidata_id=wikidata).order_by("pk").first()
        is_other = domain.filter(folder_path=folder).exclude(wikidata_id=None).exclude(wikidata_id=wikidata).exists()
    else:
        known, is_other = domain.filter(folder_path=folder).first(), False
    if known is None and session is not None and not is_other:
        known = domain.filter(folder_path=folder).first()
    if known is not None:
        _complete(known, named)
        return Made(known, is_new=False)
    free = _free_name(named.domain, name)
    if is_other:
        folder = f"{named.domain}/{free}"
    person = Person.objects.create(
        domain=named.domain,
        full_name=named.full_name,
        normalized_name=free,
        folder_path=folder,
        session=session,
        status=status,
        **_facts(named),
    )
    record(by, "add", person, domain=named.domain)
    return Made(person, is_new=True, is_collision=free != name)


def _complete(person: Person, named: Named) -> None:
    """Fill in what was not known of a person yet."""
    changed = []
    for column, value in _facts(named).items():
        if value and not getattr(person, column):
            setattr(person, column, value)
            changed.append(column)
    if changed:
        person.save(update_fields=changed)


def _facts(named: Named) -> dict[str, Any]:
    facts = {name: named.facts[name] for name in FACTS if named.facts.get(name)}
    return {name: value if name == "sitelinks" else str(value)[: BOUNDS.get(name, MAX_TEXT)] for name, value in facts.items()}


def _free_name(domain: str, name: str) -> str:
    """Answer the name, or with the first suffix that nobody in the domain has."""
    taken = set(
        Person.objects.filter(domain=domain, normalized_name__startswith=name).values_list("normalized_name", flat=True)
    )
    if name not in taken:
        return name
    suffix = next(number for number in range(2, len(taken) + 3) if f"{name}_{number}"[-MAX_NAME:] not in taken)
    return f"{name[: MAX_NAME - 6]}_{suffix}"


def _check(named: Named) -> None:
    for label, text, most in (("A name", named.full_name, MAX_NAME), ("A domain", named.domain, MAX_DOMAIN)):
        if not (0 < len(text) <= most and text.isprintable() and text.strip()):
            raise Invalid(f"{label} is plain text of 1 to {most} characters.")
