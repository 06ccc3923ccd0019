"""A ZIP written forward is one that others read, and the same bytes each time."""

import io
import zipfile

from training import zipping


def written(path, entries: int) -> bytes:
    with zipping.StoredZip(path) as archive:
        for number in range(entries):
            archive.add(f"labels/ä {number}.txt", b"%d" % number)
        with archive.entry("annotations.json") as stream:
            stream.write(b"[")
            stream.write(b"]")
    return path.read_bytes()


def test_what_is_written_is_read_and_the_same_each_time(tmp_path):
    content = written(tmp_path / "a.zip", 3)
    assert content == written(tmp_path / "b.zip", 3)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["labels/ä 0.txt", "labels/ä 1.txt", "labels/ä 2.txt", "annotations.json"]
        assert (archive.read("labels/ä 2.txt"), archive.read("annotations.json")) == (b"2", b"[]")


def test_more_entries_than_an_old_zip_may_have(tmp_path):
    with zipfile.ZipFile(io.BytesIO(written(tmp_path / "a.zip", 70_000))) as archive:
        assert len(archive.namelist()) == 70_001
        assert archive.read("labels/ä 69999.txt") == b"69999"


def test_what_lies_behind_four_gigabytes_is_found(tmp_path):
    with zipping.StoredZip(tmp_path / "a.zip") as archive:
        archive.add("near.txt", b"near")
        archive._out.seek(5 << 30)  # a hole: the file takes no room
        archive.add("far.txt", b"far")
        with archive.entry("farther.txt") as stream:
            stream.write(b"farther")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "near.txt": b"near",
            "far.txt": b"far",
            "farther.txt": b"farther",
        }
