"""The backfill of people from folders: each person and image is made once, and the report says what stands out."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from accounts.models import User
from core.errors import Refusal
from learning.actions import image as images
from learning.actions import person as people
from learning.actions.image import Origin
from learning.actions.person import Made, Named
from learning.models import AiModule, ImageSource, Person, PersonStatus
from learning.models.person import normalized_name
from learning.people_files import Folder

SHOWN = 50


@dataclass
class Report:
    """What became of a backfill; the lists hold the first of each kind."""

    people: int = 0
    new_people: int = 0
    files: int = 0
    added: int = 0
    duplicates: int = 0
    not_validated: Counter[str] = field(default_factory=Counter)
    refused: list[dict[str, str]] = field(default_factory=list)
    collisions: list[dict[str, str]] = field(default_factory=list)
    too_few: list[dict[str, str]] = field(default_factory=list)

    def as_document(self) -> dict[str, object]:
        """Answer it for print; long lists are cut, their length is told."""
        lists = {"refused": self.refused, "collisions": self.collisions, "too_few": self.too_few}
        return {
            **{name: getattr(self, name) for name in ("people", "new_people", "files", "added", "duplicates")},
            "not_validated": dict(self.not_validated),
            **{f"{name}_count": len(rows) for name, rows in lists.items()},
            **{name: rows[:SHOWN] for name, rows in lists.items()},
        }


def run(
    folders: Sequence[Folder],
    *,
    by: User | None,
    module: AiModule,
    domain: str,
    status: str = PersonStatus.PENDING,
    consent: bool = False,
    tick: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Make each folder's person and take its images in.

    May be stopped anywhere and run again. Not for transactions; raises core.storage.StoreError.
    """
    report = Report()
    made = [(folder, _person(folder, by, domain, status, report)) for folder in folders]
    images.name_labels(module, [one.person.normalized_name for _, one in made if one])
    for folder, one in made:
        if one is None:
            continue
        for path in folder.files:
            _image(path, one.person, by, module, report)
            tick(report)
        _conclude(one.person, by, consent=consent, report=report)
    return report


def _person(folder: Folder, by: User | None, domain: str, status: str, report: Report) -> Made | None:
    report.people += 1
    try:
        named = Named(folder.full_name, domain, name=folder.name, folder=folder.path, facts=folder.facts)
        made = people.add(named, by=by, status=status)
    except Refusal as refusal:
        report.refused.append({"source": folder.path, "detail": refusal.detail})
        return None
    report.new_people += made.is_new
    if made.person.normalized_name != normalized_name(folder.name):
        report.collisions.append({"folder": folder.path, "normalized_name": made.person.normalized_name})
    return made


def _image(path: Path, person: Person, by: User | None, module: AiModule, report: Report) -> None:
    report.files += 1
    try:
        if path.stat().st_size > settings.UPLOAD_MAX_BYTES:
            report.refused.append({"source": str(path.name), "detail": "The file is larger than the hub takes."})
            return
        origin = Origin(ImageSource.IMPORT, path.name[-255:])
        image, is_new = images.add(path.read_bytes(), by=by, person=person, module=module, origin=origin)
    except (Refusal, OSError) as error:
        report.refused.append({"source": f"{person.normalized_name}/{path.name}", "detail": str(error)})
        return
    report.added += is_new
    report.duplicates += not is_new
    if is_new and image.validation_error:
        report.not_validated[image.validation_error] += 1


def _conclude(person: Person, by: User | None, *, consent: bool, report: Report) -> None:
    """Note consent where it was given, and who has too few images."""
    if consent:
        people.set_consent(person, by=by, given=True)
    person.refresh_from_db()
    if person.hindrance:
        report.too_few.append({"normalized_name": person.normalized_name, "detail": person.hindrance})
