"""Finding images that look alike within a city, by index, so that their samples share a group and no split divides them."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from learning.fingerprints import Fingerprint
from learning.groups import group_hash
from learning.models import City, GroupMerge, ImageFingerprint, LearningSample
from learning.models.fingerprint import BANDS

CANDIDATES = 10_000
"""How many images that share a band are compared for a chunk, at most: where there are more, they are one scene anyway."""
SHOWN = 20
Prints = Mapping[UUID, Fingerprint]


@dataclass
class _Looks:
    """Images by the bands of their hashes, each with its root, and which roots have become one."""

    by_band: dict[tuple[int, int], dict[UUID, Fingerprint]] = field(default_factory=lambda: defaultdict(dict))
    roots: dict[UUID, UUID] = field(default_factory=dict)
    merged: dict[UUID, UUID] = field(default_factory=dict)

    def add(self, key: UUID, look: Fingerprint, root: UUID) -> None:
        """Take an image in."""
        self.roots[key] = root
        for place, band in enumerate(look.bands):
            self.by_band[place, band][key] = look

    def root_of(self, key: UUID) -> UUID:
        """Answer the root of an image, or what a root has become, as things stand."""
        root = self.roots.get(key, key)
        while root in self.merged:
            root = self.merged[root]
        return root

    def join(self, key: UUID, look: Fingerprint) -> None:
        """Take a new image in: under the oldest root of those it looks like, which become one; else under itself."""
        near = {
            self.root_of(other)
            for place, band in enumerate(look.bands)
            for other, known in self.by_band[place, band].items()
            if known.is_near(look)
        }
        root = min(near, default=key)
        self.merged.update(dict.fromkeys(near - {root}, root))
        self.add(key, look, root)


def place(city: City, prints: Mapping[UUID, Fingerprint | None], samples: Sequence[LearningSample]) -> dict[int, str]:
    """Keep the fingerprints of new images, and answer the group of each of these samples whose image has one, by key.

    Runs in the caller's transaction, which holds the city's lock. Where a new image looks like those of two groups, the
    older one takes the younger one's samples in.
    """
    new = {key: look for key, look in prints.items() if look is not None}
    if new:
        _keep(city, new)
    objects = {sample.object_id for sample in samples if sample.object_id}
    roots = dict(ImageFingerprint.objects.filter(object__in=objects).values_list("object_id", "root"))
    groups = _groups_of(set(roots.values()))
    return {
        sample.pk: groups[roots[sample.object_id]]
        for sample in samples
        if sample.object_id in roots and roots[sample.object_id] in groups
    }


def alike(sample: LearningSample) -> list[str]:
    """Answer the sample_ids of the first verified samples whose images look like this one's, oldest first."""
    root = ImageFingerprint.objects.filter(object=sample.object_id).values_list("root", flat=True).first()
    if root is None:
        return []
    others = LearningSample.objects.verified().filter(object__fingerprint__root=root).exclude(pk=sample.pk)
    return list(others.order_by("id").values_list("sample_id", flat=True)[:SHOWN])


def former_groups(hashes: Collection[int]) -> dict[int, set[int]]:
    """Answer group → all that went into it, and what had gone into those; only of groups that took one in."""
    found: dict[int, set[int]] = {}
    ways = {number: {number} for number in hashes}  # which of those asked for a group leads to
    while ways:
        rows = GroupMerge.objects.filter(into__among=list(ways)).values_list("into", "former")
        further: dict[int, set[int]] = defaultdict(set)
        for into, former in rows:
            for asked in ways[into]:
                if former != asked and former not in found.setdefault(asked, set()):
                    found[asked].add(former)
                    further[former].add(asked)
        ways = further
    return {asked: formers for asked, formers in found.items() if formers}


def _keep(city: City, new: Prints) -> None:
    looks = _Looks()
    for key, look, root in _candidates(city, new):
        looks.add(key, look, root)
    for key, look in new.items():
        looks.join(key, look)
    for younger in looks.merged.keys() - new.keys():
        _merge(younger, looks.root_of(younger))
    rows = [_row(city, key, look, looks.root_of(key)) for key, look in new.items()]
    ImageFingerprint.objects.bulk_create(rows, ignore_conflicts=True)


def _candidates(city: City, new: Prints) -> Iterator[tuple[UUID, Fingerprint, UUID]]:
    """Read the city's images that share a band with a new one."""
    for place, band in enumerate(BANDS):
        wanted = {look.bands[place] for look in new.values()}
        rows = ImageFingerprint.objects.filter(**{"city": city, f"{band}__in": wanted})
        # unordered: an order by key would tempt the planner to walk all images of the hub
        for row in rows.values_list("object_id", "root", "fine", "aspect", *BANDS)[:CANDIDATES]:
            key, root, fine, aspect, *bands = row
            yield key, Fingerprint.of_bands(bands, bytes(fine), aspect), root


def _merge(younger: UUID, older: UUID) -> None:
    """Let one group go on as another: its images, and its samples as far as it was by their looks that they were in it."""
    groups = _groups_of({younger, older})
    if younger in groups and older in groups:
        members = LearningSample.objects.filter(object__fingerprint__root=younger, group_key=groups[younger])
        members.update(group_key=groups[older])
        if groups[older] != groups[younger]:
            merge = GroupMerge(former=group_hash(groups[younger]), into=group_hash(groups[older]))
            GroupMerge.objects.bulk_create([merge], ignore_conflicts=True)
    ImageFingerprint.objects.filter(root=younger).update(root=older)


def _groups_of(roots: Collection[UUID]) -> dict[UUID, str]:
    """Answer the group of each root: that of its oldest sample, or of the oldest that looks like it where it has none."""
    newest_first = LearningSample.objects.order_by("-id")
    groups = dict(newest_first.filter(object__in=roots).values_list("object_id", "group_key"))
    for root in set(roots) - groups.keys():
        rest = LearningSample.objects.filter(object__fingerprint__root=root).order_by("id")
        if group := rest.values_list("group_key", flat=True).first():
            groups[root] = group
    return groups


def _row(city: City, key: UUID, look: Fingerprint, root: UUID) -> ImageFingerprint:
    bands = dict(zip(BANDS, look.bands, strict=True))
    return ImageFingerprint(object_id=key, city=city, fine=look.fine, aspect=look.aspect, root=root, **bands)
