"""Archives are read as they stand: what could do harm is left out and counted, and what is too much is refused."""

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from core.errors import Invalid
from training.archives import Damaged, kind_of, open_archive, safe_name
from training.inflating import Bounds

FILES = {"images/a 1.jpg": b"a" * 5_000, "images/Čaj (2).jpg": b"b" * 3_000, "labels.json": b"{}", "empty.txt": b""}


def zipped(path: Path, files=FILES, *, method=zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, mode: str = "w", files=FILES, members=(), form=tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, mode, format=form) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in members:
            archive.addfile(member)
    return path


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def contents(path: Path, scratch: Path, bounds: Bounds = Bounds()) -> tuple[dict[str, bytes], dict[str, int]]:  # noqa: B008
    with open_archive(path, scratch=scratch, bounds=bounds) as source:
        for name in source.names():
            with source.open(name) as stream:
                assert len(stream.read()) == source.size(name)
        found = {name: source.open(name).read() for name in reversed(source.names())}  # any entry, at any time
        return found, dict(source.left_out)


@pytest.mark.parametrize("kind", ["zip", "zip stored", "tar", "tar gz", "tar bz2", "tar xz", "tar gnu"])
def test_every_kind_gives_the_same_files_and_leaves_no_scratch(tmp_path, kind):
    path = tmp_path / "archive"
    if kind.startswith("zip"):
        zipped(path, method=zipfile.ZIP_STORED if "stored" in kind else zipfile.ZIP_DEFLATED)
    else:
        long = {**FILES, f"{'d' * 120}/{'f' * 150}.jpg": b"deep"}
        form = tarfile.GNU_FORMAT if "gnu" in kind else tarfile.PAX_FORMAT
        tarred(path, {"tar": "w", "tar gnu": "w"}.get(kind, f"w:{kind[4:]}"), long, form=form)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found, left_out = contents(path, scratch)
    assert {name: found[name] for name in FILES} == FILES
    assert not left_out
    assert len(found) == len(FILES) + (not kind.startswith("zip"))
    assert list(scratch.iterdir()) == []


def test_what_leads_out_of_a_tar_is_left_out(tmp_path):
    harmful = [
        member("link.jpg", tarfile.SYMTYPE, "/etc/passwd"),
        member("hard.jpg", tarfile.LNKTYPE, "labels.json"),
        member("null.jpg", tarfile.CHRTYPE),
        member("pipe.jpg", tarfile.FIFOTYPE),
        member("images", tarfile.DIRTYPE),
    ]
    files = {**FILES, "../out.jpg": b"x", "/etc/cron.d/x": b"x", "./labels.json": b"again", "__MACOSX/._a.jpg": b"x"}
    found, left_out = contents(tarred(tmp_path / "a.tar", "w", files, harmful), tmp_path)
    assert found == FILES
    assert left_out == {"unsafe_name": 2, "not_a_file": 4, "duplicate_name": 1}


def test_what_leads_out_of_a_zip_is_left_out(tmp_path):
    path = zipped(tmp_path / "a.zip", {**FILES, "..\\out.jpg": b"x", "C:\\x.jpg": b"x", "a\nb": b"x"})
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("labels.json", b"again")
        secret = zipfile.ZipInfo("secret.jpg")
        archive.writestr(secret, b"x")
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"PK\1\2", 0, raw.rfind(b"secret.jpg"))
    raw[at + 8] |= 1  # its list says it is encrypted
    path.write_bytes(raw)
    found, left_out = contents(path, tmp_path)
    assert found == FILES
    assert left_out == {"unsafe_name": 3, "not_a_file": 1, "duplicate_name": 1, "encrypted": 1}


def test_bombs_are_refused_before_they_fill_anything(tmp_path):
    zeros = {"zeros.png": bytes(3 << 20)}
    small = Bounds(free_bytes=1 << 20, ratio=50)
    for path in (
        zipped(tmp_path / "b.zip", zeros),
        tarred(tmp_path / "b.tgz", "w:gz", zeros),
        tarred(tmp_path / "b.txz", "w:xz", zeros),
    ):
        with pytest.raises(Invalid) as refused:
            contents(path, tmp_path, small)
        assert refused.value.code == "archive_bomb"
    many = zipped(tmp_path / "many.zip", {f"{number}.jpg": b"" for number in range(12)})
    with pytest.raises(Invalid) as refused:
        contents(many, tmp_path, Bounds(entries=10))
    assert refused.value.code == "too_many_entries"
    for path in (zipped(tmp_path / "t.zip"), tarred(tmp_path / "t.tar")):
        with pytest.raises(Invalid) as refused:
            contents(path, tmp_path, Bounds(total_bytes=6_000))
        assert refused.value.code == "archive_too_large"
        assert contents(path, tmp_path, Bounds(entry_bytes=4_000))[1] == {"entry_too_large": 1}


def test_a_compressed_tar_larger_than_its_quota_is_given_up_while_it_is_inflated(tmp_path):
    path = tarred(tmp_path / "q.tgz", "w:gz", {"zeros.png": bytes(20 << 20)})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(Invalid) as refused:
        contents(path, scratch, Bounds(total_bytes=2 << 20, entries=10))
    assert refused.value.code == "archive_too_large"
    assert list(scratch.iterdir()) == []
    with pytest.raises(Invalid) as refused:
        contents(path, scratch, Bounds(spare_disk=1 << 60))
    assert refused.value.code == "no_room"


def test_damage_is_said_and_never_read_over(tmp_path):
    for path in (
        zipped(tmp_path / "c.zip"),
        tarred(tmp_path / "c.tar"),
        tarred(tmp_path / "c.tgz", "w:gz"),
        tarred(tmp_path / "c.tbz", "w:bz2"),
    ):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 3])
        with pytest.raises(Invalid) as refused:
            contents(path, tmp_path)
        assert refused.value.code == "archive_damaged"
    path = tarred(tmp_path / "header.tar")
    content = bytearray(path.read_bytes())
    at = content.index(b"labels.json")
    content[at] ^= 1  # a header in the middle: tarfile would end here without a word
    path.write_bytes(content)
    with pytest.raises(Invalid):
        contents(path, tmp_path)
    path = zipped(tmp_path / "d.zip", method=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b"aaaa")] ^= 1
    path.write_bytes(content)
    with open_archive(path, scratch=tmp_path) as source, pytest.raises(Damaged), source.open("images/a 1.jpg") as stream:
        stream.read()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\3\4",
        b"\x1f\x8b\x08" + bytes(30),
        b"BZh91AY",
        b"\xfd7zXZ\0" + bytes(20),
        bytes(2_048),
        b"GIF89a" * 200,
    ],
)
def test_what_is_no_archive_is_refused_with_a_sentence(tmp_path, content):
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        contents(path, tmp_path)
    assert refused.value.code in ("not_an_archive", "archive_damaged")


def test_headers_of_a_tar_that_lie_are_refused(tmp_path):
    def header(kind: bytes, size: int, name: str = "x") -> bytes:
        made = tarfile.TarInfo(name)
        made.type, made.size = kind, size
        return made.tobuf(tarfile.GNU_FORMAT)

    pax = b"30 size=99999999999999999999\n"
    for content in (
        header(tarfile.REGTYPE, 10**9),
        header(tarfile.XHDTYPE, 1 << 20) + bytes(1 << 20),
        header(tarfile.XHDTYPE, len(pax)) + pax.ljust(512, b"\0") + header(tarfile.REGTYPE, 0),
        header(tarfile.XHDTYPE, 9) + b"999 a=b\n\n".ljust(512, b"\0") + header(tarfile.REGTYPE, 0),
        header(tarfile.GNUTYPE_SPARSE, 0) + bytes(512),
    ):
        path = tmp_path / "lies.tar"
        path.write_bytes(content + bytes(1_024))
        with pytest.raises(Invalid):
            contents(path, tmp_path)


def test_a_long_list_of_a_zip_is_not_even_read(tmp_path):
    path = zipped(tmp_path / "l.zip")
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\5\6")
    content[at + 12 : at + 16] = struct.pack("<L", 1 << 31)
    path.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        contents(path, tmp_path)
    assert refused.value.code == "too_many_entries"


def test_names_are_read_as_they_were_meant(tmp_path):
    path = zipped(tmp_path / "n.zip", {"xxxx.jpg": b"1"})
    path.write_bytes(path.read_bytes().replace(b"xxxx.jpg", "žž.jpg".encode()))  # UTF-8, not said to be
    assert list(contents(path, tmp_path)[0]) == ["žž.jpg"]
    assert kind_of(path) == "zip"
    assert safe_name("a/./b//c.jpg") == "a/b/c.jpg"
    assert not safe_name("x" * 300)
    assert not safe_name("a/../../b")
    assert not safe_name("\udc80.jpg")
