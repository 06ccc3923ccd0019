"""What leaves a city carries the picture and nothing else."""

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from cc_edge.errors import Unfit
from cc_edge.stripping import strip

OWNER = b"Inspector Rao"
PIXELS = np.random.default_rng(3).integers(0, 255, (24, 40, 3), dtype=np.uint8)


def exif(orientation: int = 1) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x013B] = OWNER.decode()
    tags.get_ifd(0x8825)[2] = (18.0, 31.0, 13.0)
    return tags.tobytes()


def encoded(kind: str, **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, kind, **options)
    return out.getvalue()


def pixels_of(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def metadata_of(content: bytes) -> dict:
    image = Image.open(io.BytesIO(content))
    image.load()
    return {**image.getexif(), **{k: v for k, v in image.info.items() if k in {"comment", "exif", "xmp", "Author"}}}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"exif": exif(), "comment": OWNER}),
        ("JPEG", {"exif": exif(), "comment": OWNER, "progressive": True, "xmp": b"<x>" + OWNER + b"</x>"}),
        ("WEBP", {"exif": exif(), "lossless": True, "xmp": b"<x>" + OWNER + b"</x>"}),
        ("WEBP", {"exif": exif(), "quality": 60}),
    ],
)
def test_metadata_goes_and_every_pixel_stays(kind, options):
    content = encoded(kind, **options)
    assert OWNER in content
    stripped = strip(content)
    assert OWNER not in stripped.content
    assert metadata_of(stripped.content) == {}
    assert stripped.media_type == f"image/{kind.lower()}"
    np.testing.assert_array_equal(pixels_of(stripped.content), pixels_of(content))


def test_png_text_and_exif_go_and_every_pixel_stays():
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", OWNER.decode())
    content = encoded("PNG", exif=exif(), pnginfo=text)
    stripped = strip(content)
    assert stripped.media_type == "image/png"
    assert OWNER not in stripped.content
    assert metadata_of(stripped.content) == {}
    np.testing.assert_array_equal(pixels_of(stripped.content), PIXELS)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_image_is_made_upright_before_its_exif_goes(kind, orientation):
    content = encoded(kind, exif=exif(orientation))
    stripped = strip(content)
    assert metadata_of(stripped.content) == {}
    turns = {3: 2, 6: 3, 8: 1}[orientation]
    difference = np.abs(pixels_of(stripped.content).astype(int) - np.rot90(pixels_of(content), turns).astype(int))
    assert difference.mean() < (1 if kind == "PNG" else 12)


def test_what_hangs_behind_the_end_of_an_image_goes():
    for kind in ("JPEG", "PNG", "WEBP"):
        assert strip(encoded(kind) + b"trailer " + OWNER).content == strip(encoded(kind)).content


def test_a_colour_profile_stays():
    profile = b"\0" * 128
    assert Image.open(io.BytesIO(strip(encoded("JPEG", icc_profile=profile)).content)).info["icc_profile"] == profile


def test_other_kinds_become_png():
    stripped = strip(encoded("TIFF", tiffinfo={315: OWNER.decode()}))
    assert stripped.media_type == "image/png"
    assert OWNER not in stripped.content
    np.testing.assert_array_equal(pixels_of(stripped.content), PIXELS)


def test_stripping_twice_changes_nothing_more():
    for kind in ("JPEG", "PNG", "WEBP"):
        once = strip(encoded(kind, exif=exif())).content
        assert strip(once).content == once


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xd8\xff", b"GIF89a"])
def test_what_is_no_image_is_refused(content):
    with pytest.raises(Unfit):
        strip(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_an_image_cut_off_anywhere_is_refused_or_answered_but_never_crashes(kind):
    whole = encoded(kind, exif=exif())
    for length in range(0, len(whole), 7):
        try:
            strip(whole[:length])
        except Unfit:
            continue
        assert length > len(strip(whole).content)
