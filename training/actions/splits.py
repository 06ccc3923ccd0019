"""Which part of a version each member is for: what was told once holds in every later version of the dataset."""

from collections.abc import Collection, Sequence
from uuid import UUID

from learning.actions.near_duplicates import former_groups
from learning.groups import group_hash
from training.fingerprint import split_of
from training.manifest import Member
from training.models import DatasetMember, DatasetVersion, GroupSplit, Split

CAUTIOUS = (Split.TEST, Split.VALIDATION, Split.TRAIN)
"""Where groups of different splits became one that has none itself: what was measured with goes before what was learned."""


def divide(version: DatasetVersion, members: Sequence[Member]) -> tuple[dict[int, str], dict[int, str]]:
    """Answer the split of each of these members, by sample, and of each group that is new, by its hash.

    A group keeps the split it got first. Groups may become one (an image that looks like both came in later): what was
    frozen stays where it is, each on its side, and what is new follows the group it is in now.
    """
    hashes = {member.group: group_hash(member.group) for member in members}
    former = former_groups(set(hashes.values()))
    earlier = _earlier(version)
    known = _known(earlier, set(hashes.values()).union(*former.values()))
    splits = {
        group: known.get(number) or _inherited(former.get(number, ()), known) or split_of(version.seed, group, version.split)
        for group, number in hashes.items()
    }
    merged = [member.key for member in members if hashes[member.group] in former]
    own = _frozen_splits(earlier, merged) if merged else {}
    new = {number: splits[group] for group, number in hashes.items() if number not in known}
    return {member.key: own.get(member.key, splits[member.group]) for member in members}, new


def _earlier(version: DatasetVersion) -> list[UUID]:
    """Answer the versions whose splits hold: this one, as far as it is, and the frozen ones, the oldest first."""
    frozen = DatasetVersion.objects.filter(dataset=version.dataset_id, frozen_at__isnull=False).order_by("frozen_at")
    return [*frozen.values_list("pk", flat=True), version.pk]


def _known(versions: Sequence[UUID], hashes: Collection[int]) -> dict[int, str]:
    rows = GroupSplit.objects.filter(version__in=versions, group_hash__in=hashes)
    return dict(rows.values_list("group_hash", "split"))


def _inherited(formers: Collection[int], known: dict[int, str]) -> str:
    """Answer the split of what a group was before; empty where nothing of it was frozen."""
    splits = {known[number] for number in formers if number in known}
    return next((split for split in CAUTIOUS if split in splits), "")


def _frozen_splits(versions: Sequence[UUID], samples: Collection[int]) -> dict[int, str]:
    """Answer the split in which each of these samples was frozen first."""
    place = {pk: number for number, pk in enumerate(versions)}
    rows = DatasetMember.objects.filter(version__in=versions, sample__in=samples).values_list(
        "version_id", "sample_id", "split"
    )
    return {sample: split for _, sample, split in sorted(rows, key=lambda row: -place[row[0]])}
