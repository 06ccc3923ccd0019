"""Near-duplicates: one picture in two sizes is found by index and shares a group; what only looks similar is not claimed."""

import io
import random
import uuid
from dataclasses import replace

import pytest
from django.db import connection, transaction
from PIL import Image, ImageDraw, ImageEnhance

from learning.actions import batch as batches
from learning.actions import near_duplicates
from learning.actions import sample as samples
from learning.fingerprints import Fingerprint, fingerprint_of
from learning.models import ImageFingerprint, LearningSample, StoredObject
from learning.models.fingerprint import BANDS
from tests import people
from tests.factories.learning import file_of, item, opened, pune, put, registered, vehicles

pytestmark = pytest.mark.django_db


def photo(seed, size=(240, 180)):
    """Blurred noise, which has every frequency as a photo has; of each seed another."""
    dice = random.Random(seed)
    rough = Image.frombytes("L", (12, 9), dice.randbytes(108))
    return rough.resize(size, Image.Resampling.BICUBIC).convert("RGB")


def plate(text, size=(150, 24)):
    image = Image.new("RGB", size, (30, 60, 150))
    ImageDraw.Draw(image).text((6, 2), text, fill="white", font_size=18)
    return image


def saved(image, kind="PNG", **facts):
    out = io.BytesIO()
    image.save(out, kind, **facts)
    return out.getvalue()


def brought(city, contents, day=None):
    """The samples of these files by event id, uploaded and verified; media types are told by their first bytes."""
    batch = opened(city, **({"day": day} if day else {}))
    kinds = {event: "image/png" if body[:1] == b"\x89" else "image/jpeg" for event, body in contents.items()}
    told = [item(event, file=file_of(body, kinds[event])) for event, body in contents.items()]
    for answer, body in zip(batches.add_items(batch, told, by=city.user), contents.values(), strict=True):
        assert answer["upload"] is None or put(answer["upload"], body) == 200
    registered(batch)
    return {sample.event_id: sample for sample in LearningSample.objects.filter(city=city).select_related("object")}


def groups(samples):
    return {event: sample.group_key for event, sample in samples.items()}


def test_one_picture_in_other_sizes_qualities_and_light_shares_a_group():
    vehicles()
    one = photo(1)
    found = groups(
        brought(
            pune(),
            {
                "a": saved(one),
                "b": saved(one.resize((120, 90), Image.Resampling.LANCZOS)),
                "c": saved(one, "JPEG", quality=50),
                "d": saved(ImageEnhance.Brightness(one).enhance(0.9)),
                "other": saved(photo(2)),
            },
        )
    )
    assert set(found.values()) == {"city_pune:a", "city_pune:other"}
    assert [event for event, group in found.items() if group == "city_pune:other"] == ["other"]


def test_those_of_a_later_batch_join_and_the_pages_say_so(client):
    vehicles()
    city = pune()
    first = brought(city, {"a": saved(photo(1)), "x": saved(photo(2))})
    later = brought(city, {"b": saved(photo(1).resize((80, 60), Image.Resampling.LANCZOS))})
    assert groups(later) == {"a": "city_pune:a", "b": "city_pune:a", "x": "city_pune:x"}
    assert near_duplicates.alike(later["b"]) == [first["a"].sample_id]
    client.force_login(people.ada())
    told = client.get(f"/api/v1/learning/samples/{later['b'].sample_id}").json()
    assert told["near_duplicates"] == [first["a"].sample_id]
    assert client.get(f"/api/v1/learning/samples/{first['x'].sample_id}").json()["near_duplicates"] == []
    page = client.get(f"/samples/{later['b'].sample_id}/").content.decode()
    assert f"/samples/{first['a'].sample_id}/" in page


def test_two_groups_become_one_when_an_image_looks_like_both():
    vehicles()
    city = pune()
    brought(city, {"a": saved(photo(1)), "b": saved(photo(2))})
    first, second = ImageFingerprint.objects.order_by("object_id").values_list("object_id", flat=True)
    prints = {row.object_id: _print_of(row) for row in ImageFingerprint.objects.all()}
    between = replace(prints[first], phash=prints[first].phash ^ 0b11, fine=prints[first].fine)
    ImageFingerprint.objects.filter(pk=second).delete()
    near = replace(prints[first], phash=prints[first].phash ^ 0b11111)  # five bits from the first, three from what is between
    near_duplicates._keep(city, {second: near})
    assert ImageFingerprint.objects.get(pk=second).root == second
    third = StoredObject.objects.filter(kind="thumbnail").first()
    near_duplicates._keep(city, {third.pk: between})
    assert set(ImageFingerprint.objects.values_list("root", flat=True)) == {min(first, second)}
    assert LearningSample.objects.values("group_key").distinct().count() == 1


def _print_of(row):
    return Fingerprint.of_bands([row.band_0, row.band_1, row.band_2, row.band_3], bytes(row.fine), row.aspect)


def test_plates_digits_and_walls_are_not_claimed_to_be_one():
    vehicles()
    contents = {
        f"plate-{text}": saved(plate(text)) for text in ("MH12 AB 1204", "MH12 AB 1264", "MH12 AB 1704", "KA05 XY 1204")
    }
    contents |= {f"digit-{digit}": saved(plate(str(digit), (32, 32))) for digit in range(10)}
    contents |= {f"wall-{level}": saved(Image.new("RGB", (64, 48), (level, level, level))) for level in (20, 90, 200)}
    found = groups(brought(pune(), contents))
    assert len(set(found.values())) == len(contents)
    assert StoredObject.objects.filter(kind="image", phash=None).count() == 3, "a wall has no look"


def test_cities_do_not_learn_of_one_another():
    vehicles()
    content = saved(photo(1))
    brought(pune(), {"a": content})
    there = brought(pune("city_delhi"), {"a": content})
    assert groups(there) == {"a": "city_delhi:a"}


def test_the_same_file_again_is_in_the_group_of_its_look():
    vehicles()
    city = pune()
    small = saved(photo(1).resize((100, 75), Image.Resampling.LANCZOS))
    brought(city, {"a": saved(photo(1))})
    brought(city, {"b": small})
    assert set(groups(brought(city, {"c": small})).values()) == {"city_pune:a"}


def test_hashes_are_signed_split_into_bands_and_put_together_again():
    for seed in range(8):
        look = fingerprint_of(photo(seed).convert("L"), 1.5)
        assert -(2**63) <= look.phash < 2**63
        assert len(look.fine) == 32
        assert Fingerprint.of_bands(look.bands, look.fine, 1.5) == look
        for flipped in (0b111, 1 | 1 << 17 | 1 << 63 - 1):
            assert set(enumerate(look.bands)) & set(enumerate(replace(look, phash=look.phash ^ flipped).bands))
    turned = fingerprint_of(photo(1).rotate(90, expand=True).convert("L"), 0.75)
    assert not turned.is_near(fingerprint_of(photo(1).convert("L"), 4 / 3))


def test_the_look_up_is_by_index():
    city, dice = pune(), random.Random(1)
    rows = [
        ImageFingerprint(object_id=uuid.uuid4(), city=city, root=uuid.uuid4(), fine=bytes(32), aspect=1.0, **bands)
        for bands in ({band: dice.randrange(1 << 16) for band in BANDS} for _ in range(2_000))
    ]
    with transaction.atomic():  # taken back, for their objects are not there
        ImageFingerprint.objects.bulk_create(rows)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE image_fingerprints")
        looked_up = ImageFingerprint.objects.filter(city=city, band_2__in=[1, 2]).values_list("object_id")
        assert "fingerprint_band_2" in looked_up.explain()
        transaction.set_rollback(True)


def test_what_people_upload_joins_what_looks_like_it():
    module = vehicles()
    ada = people.ada()
    first, _ = samples.add(saved(photo(1)), module=module, by=ada)
    second, _ = samples.add(saved(photo(1), "JPEG", quality=60), module=module, by=ada)
    third, _ = samples.add(saved(photo(3)), module=module, by=ada)
    assert first.group_key == second.group_key != third.group_key
    assert near_duplicates.alike(second) == [first.sample_id]
