"""People and their images: names, collisions, what is wrong with an image, consent, and how far they are."""

import io
import json

import pytest
from django.core.management import call_command
from PIL import Image as Picture

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from core.storage import reading
from learning import faces
from learning.actions import image as images
from learning.actions import person as persons
from learning.actions import sample as samples
from learning.actions import scrubbing
from learning.actions.image import Origin
from learning.actions.person import Named
from learning.models import (
    CollectionSession,
    Image,
    LearningSample,
    Person,
    PersonStatus,
    ReviewSlot,
    SampleState,
    StoredObject,
)
from learning.models.person import normalized_name
from tests import people
from tests.factories.people import faces_module, folders, portrait, somebody

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("full", "name"),
    [
        ("Novak Djokovic", "novak_djokovic"),
        ("Novak Đoković", "novak_djokovic"),
        ("đorđe  Balašević", "djordje_balasevic"),
        ("André Carson", "andre_carson"),
        ('Robert "Bobby" O\'Neil-Smith, Jr.', "robert_bobby_oneil_smith_jr"),
        ("  Ana\tIvanović _ ", "ana_ivanovic"),
        ("Łukasz Žižek", "lukasz_zizek"),
        ("\uff21\uff22\uff23", "abc"),
    ],
)
def test_a_name_is_spelled_like_its_folder(full, name):
    assert normalized_name(full) == name
    assert normalized_name(name) == name


def test_a_name_without_letters_of_ascii_is_told_apart():
    first, second = normalized_name("Новак Ђоковић"), normalized_name("習近平")
    assert first.startswith("person_")
    assert first != second


def test_a_taken_name_gets_a_suffix_within_its_domain():
    made = [persons.add(Named("Mike Rogers", "congress", folder=folder), by=None) for folder in ("a", "b", "c", "a")]
    assert [one.person.normalized_name for one in made] == ["mike_rogers", "mike_rogers_2", "mike_rogers_3", "mike_rogers"]
    assert [one.is_collision for one in made] == [False, True, True, False]
    assert [one.is_new for one in made] == [True, True, True, False]
    assert persons.add(Named("Mike Rogers", "senate"), by=None).person.normalized_name == "mike_rogers"


def test_names_and_domains_are_bounded():
    for named in (Named("", "d"), Named("x" * 256, "d"), Named("x", ""), Named("x\0", "d"), Named("x", "d" * 101)):
        with pytest.raises(Invalid):
            persons.add(named, by=None)
    assert persons.add(Named("x" * 255, "d"), by=None).person.normalized_name == "x" * 255
    assert persons.add(Named("x" * 255, "d", folder="other"), by=None).is_collision
    with pytest.raises(Refused):
        persons.add(Named("Somebody", "d"), by=people.rhea())


def taken(content, name="1.jpg", person=None):
    origin = Origin("import", name, licence="CC0")
    return images.add(content, by=None, person=person or somebody(), module=faces_module(), origin=origin)


def test_an_image_is_a_sample_that_waits_for_review():
    person = somebody()
    images.name_labels(faces_module(), [person.normalized_name])
    image, is_new = taken(portrait(), person=person)
    sample = image.sample
    assert (is_new, image.is_validated, image.validation_error, image.width) == (True, True, "", 200)
    assert (sample.state, sample.prediction, sample.camera.camera_id) == ("pending", {"label": "novak_djokovic"}, "people")
    assert (sample.event_id, sample.group_key) == ("people:serbia/novak_djokovic/1.jpg", "hub:person:serbia/novak_djokovic")
    assert ReviewSlot.objects.filter(sample=sample).exists()
    assert sample.object.thumbnail is not None
    assert image.file_path == "serbia/novak_djokovic/1.jpg"
    assert image.reference.endswith(sample.object.name)
    person.refresh_from_db()
    assert (person.total_images, person.trainable, person.hindrance) == (1, False, "Too few images (1), minimum is 5")


def test_the_same_image_is_known_and_another_of_its_name_is_not_taken():
    person = somebody()
    first, _ = taken(portrait(), person=person)
    assert taken(portrait(), "other.jpg", person) == (first, False)
    with pytest.raises(Conflict, match="this name"):
        taken(portrait(1), person=person)
    assert (Image.objects.count(), LearningSample.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (portrait()[:900], "The file has 900 bytes; an image has more than 1 KB."),
        (b"<html>" + b" " * 2_000, "The file does not begin like an image."),
        (portrait()[:4_000], "The file cannot be decoded as an image."),
    ],
)
def test_what_is_no_image_keeps_its_reason_and_is_no_sample(content, reason):
    image, is_new = taken(content)
    assert (is_new, image.is_validated, image.sample, image.validation_error) == (True, False, None, reason)
    assert taken(content, person=image.person) == (image, False)
    assert not StoredObject.objects.exists()
    assert Person.objects.get().total_images == 0


@pytest.mark.parametrize(("number", "reason"), [(0, "No face of at least 70 × 70"), (2, "2 faces were found")])
def test_an_image_shows_one_face(number, reason):
    content = portrait(faces=2) if number else portrait(size=64) + b"\0" * 1_024
    image, _ = taken(content)
    assert not image.is_validated
    assert reason in image.validation_error
    assert image.sample.state == SampleState.PENDING


def test_without_the_extra_an_image_is_decoded_only_and_looked_at_later(monkeypatch, capsys):
    monkeypatch.setattr(faces, "is_installed", lambda: False)
    image, _ = taken(portrait(faces=2))
    assert (image.is_validated, image.validation_error) == (True, faces.NOT_LOOKED)
    monkeypatch.undo()
    call_command("validate_people", json=True)
    assert json.loads(capsys.readouterr().out) == {"looked_at": 1, "passed": 0, "media_installed": True}
    image.refresh_from_db()
    assert (image.is_validated, image.validation_error) == (False, "2 faces were found; an image of a person shows one.")


def test_private_data_is_taken_out_and_the_way_up_stays():
    exif = Picture.Exif()
    exif[0x0112], exif[0x013B] = 6, "Rita the photographer"
    exif.get_ifd(0x8825)[1] = "N"
    content = portrait(exif=exif, comment=b"at home")
    image, _ = taken(content)
    assert image.validation_error != "The image carries its place (GPS); strip it before sending."
    with reading(image.sample.object.name) as stream:
        kept = stream.read()
    assert b"Rita" not in kept
    assert b"at home" not in kept
    with Picture.open(io.BytesIO(kept)) as after, Picture.open(io.BytesIO(content)) as before:
        assert after.getexif()[0x0112] == 6
        assert not after.getexif().get_ifd(0x8825)
        assert after.tobytes() == before.tobytes()


def test_consent_is_audited_and_decides_what_may_be_trained_on():
    person = somebody(images_of=5)
    assert person.trainable
    for image in Image.objects.select_related("sample"):
        images.name_labels(faces_module(), [person.normalized_name])
        samples.correct(image.sample, by=people.ada(), value={"label": person.normalized_name})
    trained = LearningSample.objects.settled().may_be_trained_on()
    assert trained.count() == 0
    persons.set_consent(person, by=people.ada(), given=True)
    persons.set_consent(person, by=people.ada(), given=True)
    assert trained.count() == 5
    Image.objects.filter(filename="0.jpg").update(is_validated=False)
    assert trained.count() == 4
    persons.set_consent(person, by=people.ada(), given=False)
    assert trained.count() == 0
    about = Event.objects.filter(object_type="learning.person", object_id=str(person.pk)).order_by("id")
    assert list(about.values_list("verb", flat=True)) == ["add", "consent", "withdraw_consent"]
    with pytest.raises(Refused):
        persons.set_consent(person, by=people.rhea(), given=True)


def test_people_are_advanced_by_the_samples_they_are_on_and_never_back_from_deployed():
    shown, other = somebody(images_of=1), somebody("Ana Ivanović", images_of=1)
    on = LearningSample.objects.filter(image__person=shown).values("pk")

    def status():
        shown.refresh_from_db()
        return shown.status

    assert persons.advance(on, PersonStatus.COMPLETED) == 0
    steps = ["in_training", "pending", "in_training", "completed", "in_training", "pending", "deployed", "in_training"]
    seen = []
    for step in steps:
        persons.advance(on, PersonStatus(step))
        seen.append(status())
    assert seen == ["in_training", "pending", "in_training", "completed", "in_training", "completed", "deployed", "deployed"]
    assert shown.trained_at
    assert shown.deployed_at
    other.refresh_from_db()
    assert other.status == PersonStatus.PENDING


def test_a_folder_of_people_is_imported_once_with_a_report(tmp_path, capsys):
    folders(
        tmp_path / "trainingPassSerbia",
        {
            "novak_djokovic": [portrait(number) for number in range(5)],
            "andre_carson": [portrait(10), portrait(10), b"no image" * 200],
            "collision/R1/mike_rogers": [portrait(20)],
            "collision/R2/mike_rogers": [portrait(21)],
        },
    )
    names = tmp_path / "trainingPassSerbia" / "people.csv"
    names.write_text(
        "normalized_name,full_name,bioguide_id,wikidata_id\nandre_carson,André Carson,C1,Q517649\n"
        "mike_rogers,Mike Rogers,R1,Q1\nmike_rogers,Mike D. Rogers,R2,Q2\n"
    )
    told = []
    for _ in range(2):
        call_command("import_people", str(tmp_path / "trainingPassSerbia"), json=True)
        told.append(json.loads(capsys.readouterr().out))
    first, second = told
    assert (first["people"], first["new_people"], first["files"], first["added"], first["duplicates"]) == (4, 4, 10, 9, 1)
    assert first["collisions"] == [{"folder": "collision/R2/mike_rogers", "normalized_name": "mike_rogers_2"}]
    assert {"normalized_name": "andre_carson", "detail": "Too few images (1), minimum is 5"} in first["too_few"]
    assert first["not_validated"] == {"The file does not begin like an image.": 1}
    assert (second["new_people"], second["added"], second["duplicates"]) == (0, 0, 10)
    assert second["collisions"] == first["collisions"]
    rows = dict(Person.objects.values_list("normalized_name", "full_name"))
    assert rows == {
        "novak_djokovic": "Novak Djokovic",
        "andre_carson": "André Carson",
        "mike_rogers": "Mike Rogers",
        "mike_rogers_2": "Mike D. Rogers",
    }
    assert Person.objects.get(full_name="Mike D. Rogers").wikidata_id == "Q2"
    assert not Person.objects.filter(consent=True).exists()
    assert not LearningSample.objects.may_be_trained_on().exists()
    assert Person.objects.get(trainable=True).folder_path == "trainingPassSerbia/novak_djokovic"


def test_erasing_some_images_counts_the_others_and_erasing_all_forgets_the_person():
    person = somebody(images_of=6, wikidata_id="Q5812")
    session = CollectionSession.objects.create(
        domain="serbia", module=faces_module(), plan={"names": ["Novak Đoković", "Q5812", "Ana Ivanović"]}
    )
    keys = list(Image.objects.order_by("pk").values_list("sample", flat=True))
    scrubbing._scrub_people(keys[:2])
    person.refresh_from_db()
    assert (person.total_images, person.trainable) == (4, False)
    scrubbing._scrub_people(keys[2:])
    assert not Person.objects.exists()
    session.refresh_from_db()
    assert session.plan["names"] == ["Ana Ivanović"]
