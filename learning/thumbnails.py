"""Which picture of a sample may be shown to whom."""

from collections.abc import Iterable

from accounts.models import User
from accounts.policy import Permission, is_allowed
from learning.models import City, LearningSample, ObjectKind, SampleState, StoredObject
from learning.viewing import handed

WITH_PICTURES = ("object__thumbnail",)
"""What a query selects along, so that pictures cost no query of their own."""


def picture_url(sample: LearningSample, user: User) -> str:
    """Sign the sample's image (of features: their drawing) for `user`; "" where there is none, or none for their eyes yet."""
    shown = _shown(sample, user)
    return address_of(shown.thumbnail if shown and shown.kind == ObjectKind.FEATURES else shown)


def thumbnail_url(sample: LearningSample, user: User) -> str:
    """Sign the sample's thumbnail, or its image where there is no thumbnail; "" as above."""
    shown = _shown(sample, user)
    return address_of((shown.thumbnail or shown) if shown else None)


def address_of(picture: StoredObject | None) -> str:
    """Sign a picture that may be shown, which is counted; "" of none."""
    if picture is None:
        return ""
    handed(picture.name)
    return picture.signed_get().url


def with_thumbnails(samples: Iterable[LearningSample], user: User) -> list[LearningSample]:
    """Put a signed `thumbnail_url` on each sample, for components/thumb.html."""
    rows = list(samples)
    for sample in rows:
        sample.thumbnail_url = thumbnail_url(sample, user)  # type: ignore[attr-defined]
    return rows


def _shown(sample: LearningSample, user: User) -> StoredObject | None:
    stored = sample.object
    unseen = sample.state == SampleState.RECEIVED or stored is None or stored.deleted_at is not None
    return None if unseen or not may_view(user, sample.city) else stored


def may_view(user: User, city: City) -> bool:
    """Tell whether `user` may see images of `city`: hub staff by role, a customer's people where the customer may."""
    if is_allowed(user, Permission.VIEW_IMAGES, city):
        return True
    customer = user.organization
    return customer is not None and customer.may_view_images and city.organization_id == customer.pk
