"""The file store behind a real server, which sends a file itself where it may: whole or from somewhere on, and closes it."""

from pathlib import Path

import httpx
import pytest
from django.core.files.storage import storages

from core.file_store import FileStore
from core.storage import new_name, put_bytes, store
from tests.edge.live import until

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = bytes(range(256)) * 4_000


def is_open(path: Path) -> bool:
    """Tell whether this process has the file open; its descriptors come and go while we look."""
    return any(link.is_symlink() and link.resolve() == path for link in Path("/proc/self/fd").iterdir())


def test_a_file_is_sent_whole_or_in_part_and_closed(live_server, settings, tmp_path):
    options = {"location": str(tmp_path / "sent"), "public_url": live_server.url, "secret": "s"}
    objects = {"BACKEND": "core.file_store.FileStore", "OPTIONS": options}  # whatever store the suite runs on
    settings.STORAGES = {**settings.STORAGES, "objects": objects}
    storages._storages = {}
    name, home = new_name("application/zip"), store()
    assert isinstance(home, FileStore)
    put_bytes(name, CONTENT, media_type="application/zip", metadata={})
    url, size = home.presign_get(name, seconds=600).url, len(CONTENT)
    with httpx.Client() as client:
        for asked, expected in (
            ("", CONTENT),
            ("bytes=700000-", CONTENT[700_000:]),
            (f"bytes=0-{size - 1}", CONTENT),
            ("bytes=5-70000", CONTENT[5:70_001]),
            ("bytes=-9", CONTENT[-9:]),
        ):
            answer = client.get(url, headers={"Range": asked} if asked else {})
            assert answer.content == expected, asked
            assert int(answer.headers["content-length"]) == len(expected)
        assert client.head(url).headers["content-length"] == str(size)
        with client.stream("GET", url) as broken_off:
            next(broken_off.iter_raw(1_000))
    until(lambda: not is_open(home.path_of(name)))
