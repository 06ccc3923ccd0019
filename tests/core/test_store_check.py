"""What `storage check` finds of a store that keeps its promises, and of stores that break them."""

import pytest
from django.core.files.storage import storages

from core.file_store import FileStore
from core.storage import new_name, put_bytes, read_only, store
from core.store_check import PROBES, Verdict, check


def lines(tried=None):
    tried = tried or store()
    return {line.name: line for line in check(tried, read_only() if tried is store() else tried)}


def test_a_good_store_keeps_every_promise():
    found = lines()
    assert list(found)[: len(PROBES)] == list(PROBES)
    assert not [line for line in found.values() if line.verdict == Verdict.FAIL]
    assert found["read-only key"].verdict == Verdict.NOTE
    assert "versioning" in found
    assert all(line.detail for line in found.values())


def test_it_leaves_nothing_behind():
    before = {listed.name for listed in store().listing()}
    lines()
    after = {listed.name for listed in store().listing()} - before  # a bucket is shared with other tests
    assert not [name for name in after if store().stat(name).metadata.get("city_id") == "city_check"]


class Careless(FileStore):
    """A store that does not know If-None-Match."""

    def put_new(self, name, content, **facts):
        self.remove(name)
        return super().put_new(name, content, **facts)


class Forgetful(FileStore):
    """A store behind something that drops headers."""

    def put_new(self, name, content, *, media_type, metadata):
        return super().put_new(name, content, media_type=media_type, metadata={})


class Trusting(FileStore):
    """A store that looks at no signature and at no clock."""

    def _check(self, *_):
        """Whatever was signed, or was not."""


@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        (Careless, {"overwrite", "signed put, name taken"}),
        (Forgetful, {"metadata", "signed put", "signed parts"}),
        (Trusting, {"expiry", "signed put, checksum", "signed put, metadata"}),
    ],
)
def test_a_broken_promise_is_named_with_how_to_mend_it(kind, broken, tmp_path, settings):
    options = {"location": str(tmp_path / "bad"), "public_url": "http://testserver", "secret": "s"}
    settings.STORAGES = {**settings.STORAGES, "objects": {"BACKEND": f"{__name__}.{kind.__name__}", "OPTIONS": options}}
    storages._storages = {}
    found = {name for name, line in lines().items() if line.verdict == Verdict.FAIL}
    assert found == broken
    assert all(line.mend for line in lines().values() if line.verdict == Verdict.FAIL)


def test_every_name_is_listed_once_and_in_order():
    names = [new_name(kind) for kind in ("image/jpeg", "application/json", "application/zip") * 5]
    for name in names:
        put_bytes(name, b"x", media_type="text/plain", metadata={"city_id": "c"})
    listed = [listed.name for listed in store().listing()]
    assert listed == sorted(listed)
    assert [name for name in listed if name in names] == sorted(names)
