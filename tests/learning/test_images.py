"""Images that lie, bomb or do not end: each is refused with its reason, in bounded time and memory; strange ones are read."""

import io
import os
import signal
import struct
import threading
import zlib

import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from learning import decoding
from learning.defects import Defect
from learning.images import Limits, inspect

LIMITS = Limits(1 << 20, 4_000_000)


def scene(size=(96, 64), mode="RGB"):
    """A picture with something to see: a lit wall with a dark door and a lamp."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.rectangle((size[0] // 6, size[1] // 3, size[0] // 3, size[1]), fill=(40, 20, 10))
    draw.ellipse((size[0] // 2, size[1] // 6, size[0] * 4 // 5, size[1] // 2), fill=(250, 240, 90))
    return image.convert(mode)


def saved(image, kind="PNG", **facts):
    out = io.BytesIO()
    image.save(out, kind, **facts)
    return out.getvalue()


def looked_at(content, media_type="", limits=LIMITS):
    return inspect(io.BytesIO(content), sha256="", media_type=media_type, limits=limits)


def exif(ifd=None, **tags):
    found = Image.Exif()
    for tag, value in tags.items():
        (found.get_ifd(ifd) if ifd else found)[int(tag[1:], 16)] = value
    return found


def texts(**said):
    found = PngImagePlugin.PngInfo()
    for name, text in said.items():
        found.add_itxt("XML:com.adobe.xmp" if name == "xmp" else name, text)
    return found


def sixteen():
    """A dark grey ramp of 16 bits: its upper bytes are what is seen."""
    image = Image.new("I;16", (64, 64))
    for x in range(64):
        for y in range(64):
            image.putpixel((x, y), (x * 4 + (y > 32) * 60 & 255) << 8)
    return image


READ = {
    "progressive": saved(scene(), "JPEG", progressive=True),
    "cmyk": saved(scene(mode="CMYK"), "JPEG"),
    "grey": saved(scene(mode="L"), "JPEG"),
    "palette": saved(scene().quantize(16)),
    "palette with transparency": saved(scene().quantize(16), transparency=0),
    "transparent": saved(scene(mode="RGBA")),
    "one bit": saved(scene(mode="1")),
    "16 bits": saved(sixteen()),
    "floats": saved(scene(mode="F"), "TIFF"),
    "32 bits": saved(scene(mode="I"), "TIFF"),
    "ycbcr": saved(scene(mode="YCbCr"), "TIFF", compression="jpeg"),
    "webp": saved(scene(), "WEBP"),
    "gif": saved(scene(), "GIF"),
    "bmp": saved(scene(), "BMP"),
    "a script in a comment": saved(scene(), "JPEG", comment=b"<script>alert(1)</script>"),
    "a script in a text": saved(scene(), pnginfo=texts(Comment="<?php system('id') ?>")),
    "one pixel": saved(Image.new("RGB", (1, 1))),
    "an archive behind it": saved(scene()) + b"PK\x03\x04" + b"\0" * 100,
}


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_what_is_strange_but_an_image_is_read_and_shown(content):
    facts = looked_at(content)
    assert facts.media_type in {"image/jpeg", "image/png", "image/tiff", "image/webp", "image/gif", "image/bmp"}
    with Image.open(io.BytesIO(facts.thumbnail)) as thumbnail:
        thumbnail.load()
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (facts.width, facts.height))
        assert not thumbnail.info.get("comment")
        assert facts.width == 1 or max(hi - lo for lo, hi in _ranges(thumbnail)) > 60, "something is to be seen"
    assert 0 <= facts.quality <= 1


def _ranges(image):
    ranges = image.getextrema()
    return [ranges] if isinstance(ranges[0], int | float) else ranges


def png_of(*chunks):
    """A PNG file of these chunks, each with its checksum."""
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def header(width, height, depth=8, colour=2):
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)


REFUSED = {
    "empty": (b"", "not_an_image"),
    "text": (b"GIF89a but no picture", "not_an_image"),
    "html": (b"<!doctype html><script>alert(1)</script>", "not_an_image"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "not_an_image"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + b"\0" * 200, "not_an_image"),
    "avif": (saved(scene(), "AVIF"), "not_an_image"),
    "postscript": (saved(scene(), "EPS"), "not_an_image"),
    "pdf": (saved(scene(), "PDF"), "not_an_image"),
    "ico": (saved(scene((32, 32)), "ICO"), "not_an_image"),
    "truncated jpeg": (saved(scene(), "JPEG")[:-300], "not_an_image"),
    "truncated png": (saved(scene())[:-60], "not_an_image"),
    "a wrong checksum": (saved(scene()).replace(b"IDAT", b"IDAX"), "not_an_image"),
    "no pixels": (png_of(header(0, 0), (b"IDAT", b""), (b"IEND", b"")), "not_an_image"),
    "a bomb": (png_of(header(60_000, 60_000), (b"IDAT", zlib.compress(bytes(1 << 16))), (b"IEND", b"")), "too_many_pixels"),
    "a long strip": (png_of(header(4_000_001, 1), (b"IDAT", b""), (b"IEND", b"")), "too_many_pixels"),
    "too long": (saved(scene()) + bytes(1 << 20), "oversize"),
    "apng": (saved(scene(), save_all=True, append_images=[scene((96, 64)).rotate(90)]), "several_frames"),
    "moving gif": (saved(scene(), "GIF", save_all=True, append_images=[scene().rotate(90)]), "several_frames"),
    "moving webp": (saved(scene(), "WEBP", save_all=True, append_images=[scene().rotate(90)]), "several_frames"),
    "pages": (saved(scene(), "TIFF", save_all=True, append_images=[scene()]), "several_frames"),
    "mpo": (saved(scene(), "MPO", save_all=True, append_images=[scene()]), "several_frames"),
    "gps": (saved(scene(), "JPEG", exif=exif(ifd=0x8825, t1="N")), "exif_gps"),
    "gps in png": (saved(scene(), exif=exif(ifd=0x8825, t1="N").tobytes()), "exif_gps"),
    "gps in webp": (saved(scene(), "WEBP", exif=exif(ifd=0x8825, t1="N").tobytes()), "exif_gps"),
    "gps in xmp": (saved(scene(), pnginfo=texts(xmp="<x exif:GPSLatitude='1'/>")), "exif_gps"),
    "artist": (saved(scene(), "JPEG", exif=exif(t013b="Rita")), "exif_owner"),
    "artist in tiff": (saved(scene(), "TIFF", tiffinfo={0x013B: "Rita"}), "exif_owner"),
    "serial number": (saved(scene(), "JPEG", exif=exif(ifd=0x8769, ta431="17")), "exif_owner"),
    "author": (saved(scene(), pnginfo=texts(Author="Rita")), "exif_owner"),
    "broken exif": (saved(scene(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), "exif_unreadable"),
}


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_image_of_ours_is_refused_with_its_reason(content, reason):
    with pytest.raises(Defect) as refused:
        looked_at(content)
    assert (refused.value.reason, refused.value.detail.endswith(".")) == (reason, True)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_brought_upright(orientation):
    upright = scene((80, 40))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    lying = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    facts = looked_at(saved(lying, "PNG", exif=exif(t0112=orientation)))
    assert (facts.width, facts.height) == (80, 40)
    expected = looked_at(saved(upright))
    assert facts.fingerprint == expected.fingerprint
    assert facts.quality == expected.quality


@pytest.fixture
def decoders(monkeypatch):
    """Decoders of this test alone."""
    own = decoding.Decoders(1, 512)
    monkeypatch.setattr(decoding, "_decoders", own)
    yield own
    own.end()


def process_of(decoders):
    looked_at(saved(scene()))
    idle = decoders._idle.get()
    decoders._idle.put(idle)
    return idle.process


def test_a_decoder_that_was_killed_is_replaced_and_nothing_is_lost(decoders):
    first = process_of(decoders)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert looked_at(saved(scene())).width == 96
    assert process_of(decoders).pid != first.pid


def test_a_decoder_ends_with_who_started_it(decoders):
    process = process_of(decoders)
    process.stdin.close()
    assert process.wait(5) == 0


def test_a_stop_of_the_worker_is_not_for_its_decoders(decoders):
    process = process_of(decoders)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(process.pid, number)
    assert looked_at(saved(scene())).width == 96
    assert process_of(decoders) is process


HANG = "import learning.looking, learning.decoder as it\nit.CPU_SECONDS = it.WALL_SECONDS = 0.3\n"
ACTS = {
    "does not end": ("while True: pass", "too_slow"),
    "waits for ever": ("import time; time.sleep(60)", "too_slow"),
    "breaks": ("import os; os.abort()", "not_an_image"),
    "eats memory": ("bytearray(1 << 30)", "too_much_memory"),
    "writes files": ("open('/tmp/eaten', 'wb').write(b'x')", "not_an_image"),
}


@pytest.mark.parametrize(("act", "reason"), ACTS.values(), ids=ACTS)
def test_a_decoder_gone_wild_costs_its_process_and_not_the_worker(decoders, monkeypatch, tmp_path, act, reason):
    """The child runs the real program; only Pillow's opening does, in it, what a hostile file makes a decoder do."""
    program = tmp_path / "wild.py"
    program.write_text(
        f"{HANG}from PIL import Image\ndef wild(*args, **facts):\n    {act}\nImage.open = wild\nimport sys\nit.main()\n"
    )
    start = decoding.subprocess.Popen

    def started(command, **facts):
        return start([command[0], "-c", f"exec(open({str(program)!r}).read())", *command[3:]], **facts)

    with monkeypatch.context() as patched:
        patched.setattr(decoding.subprocess, "Popen", started)
        with pytest.raises(Defect) as refused:
            looked_at(saved(scene()))
    assert refused.value.reason == reason
    decoders.end()
    assert looked_at(saved(scene())).width == 96


def test_many_threads_share_the_decoders():
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(looked_at(saved(scene())).width)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [96] * 12
