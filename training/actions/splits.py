"""Which part of a version each member is for: what was told once holds in every later version of the dataset."""

from array import array
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, islice
from uuid import UUID

from learning.actions.near_duplicates import former_groups
from learning.groups import group_hash
from learning.models import GroupMerge
from training.fingerprint import split_of
from training.groups import GroupsBySplit
from training.manifest import Members
from training.models import DatasetMember, DatasetVersion, GroupSplit, Split

CAUTIOUS = (Split.TEST, Split.VALIDATION, Split.TRAIN)
"""Where groups of different splits became one that has none itself: what was measured with goes before what was learned."""
PARTS = 32
"""Rows of groups that are written or read at once, of some kilobytes each."""


class Division:
    """Divides the members of one version, chunk by chunk, and remembers the groups that are new, 8 bytes each.

    A sample that was frozen keeps its split, and a group the one it got first. Groups may become one (an image that looks like
    both came in later): what was frozen stays where it is, each on its side, and what is new follows the group it is in now.
    """

    def __init__(self, version: DatasetVersion) -> None:
        self.version = version
        frozen = DatasetVersion.objects.filter(dataset=version.dataset_id, frozen_at__isnull=False).order_by("frozen_at")
        self.earlier: list[UUID] = list(frozen.values_list("pk", flat=True))
        self.known, self.new = _told(self.earlier), GroupsBySplit()

    def splits_of(self, members: Members) -> list[str]:
        """Answer the split of each of these members, which come in the order of their keys."""
        kept = self._kept(members.key[0], members.key[-1])
        new = [at for at, key in enumerate(members.key) if key not in kept] if kept else range(len(members.key))
        splits = self._of_groups({members.group[at] for at in new})
        merged = [members.key[at] for at in new if members.group[at] in self._merged] if self._merged else []
        if merged and self.earlier:
            kept |= self._frozen_first(merged)
        if not kept:
            return [splits[group] for group in members.group]
        return [kept.get(key) or splits[group] for key, group in zip(members.key, members.group, strict=True)]

    def write(self) -> None:
        """Keep the groups that are new, in the caller's transaction."""
        pieces = self.new.pieces()
        while some := list(islice(pieces, PARTS)):
            GroupSplit.objects.bulk_create(
                GroupSplit(version=self.version, bucket=bucket, split=split, hashes=hashes) for bucket, split, hashes in some
            )

    def _of_groups(self, groups: Collection[str]) -> dict[str, str]:
        """Answer the split of each group, and note the new ones."""
        hashes = {group: group_hash(group) for group in groups}
        former = former_groups(hashes.values()) if GroupMerge.objects.exists() else {}
        self._merged = {group for group, number in hashes.items() if number in former}
        seed, shares, add = self.version.seed, self.version.split, self.new.add
        if self.known.is_empty and not former:  # a first version, and nothing that looks alike became one
            splits = {group: split_of(seed, group, shares) for group in hashes}
            for group, number in hashes.items():
                add(number, splits[group])
            return splits
        splits = {}
        for group, number in hashes.items():
            split = self.known.split_of(number)
            if not split:
                split = self._inherited(number, former) or split_of(seed, group, shares)
                add(number, split)
            splits[group] = split
        return splits

    def _inherited(self, number: int, former: dict[int, set[int]]) -> str:
        """Answer the split of what a group was before; empty where nothing of it was frozen.

        What this version told of the group itself goes first: the merge may have come since.
        """
        if number not in former:
            return ""
        if told := self.new.split_of_recent(number):
            return told
        splits = {self.known.split_of(each) or self.new.split_of_recent(each) for each in former[number]}
        return next((split for split in CAUTIOUS if split in splits), "")

    def _kept(self, first: int, last: int) -> dict[int, str]:
        """Answer the split of what the newest version has of these samples: most of a later version is in the one before."""
        if not self.earlier:
            return {}
        rows = DatasetMember.objects.filter(version=self.earlier[-1], sample__gte=first, sample__lte=last)
        return dict(rows.values_list("sample_id", "split"))

    def _frozen_first(self, samples: Collection[int]) -> dict[int, str]:
        """Answer the split in which each of these samples was frozen first."""
        place = {pk: number for number, pk in enumerate(self.earlier)}
        rows = DatasetMember.objects.filter(version__in=self.earlier, sample__among=list(samples))
        found = rows.values_list("version_id", "sample_id", "split")
        return {sample: split for _, sample, split in sorted(found, key=lambda row: -place[row[0]])}


def recorded(versions: Sequence[UUID]) -> dict[int, str]:
    """Answer all groups that these versions told first, by hash: for looking at few."""
    return dict(chain.from_iterable(((number, split) for number in hashes) for split, hashes in _rows(versions)))


def _told(versions: Sequence[UUID]) -> GroupsBySplit:
    known = GroupsBySplit()
    for split, hashes in _rows(versions):
        known.take(split, hashes)
    known.sort()
    return known


def _rows(versions: Sequence[UUID]) -> Iterator[tuple[str, "array[int]"]]:
    """Read what these versions told, a few rows at a time."""
    for version in versions:
        rows = GroupSplit.objects.filter(version=version).order_by("bucket", "split")
        for split, hashes in rows.values_list("split", "hashes").iterator(chunk_size=PARTS):
            yield split, GroupsBySplit.read(bytes(hashes))
