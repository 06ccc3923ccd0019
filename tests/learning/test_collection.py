"""Collections: people and images from a web that is asked politely, terms and cost kept, cancelled at once, gone on with."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from learning.actions import collecting
from learning.actions import collection as collections
from learning.collectors.web import NotCollected, Web
from learning.models import CollectionSession, Image, LearningSample, Person, SessionStatus
from tests import people
from tests.factories.learning import gestures
from tests.factories.people import faces_module
from tests.learning.recorded_web import recorded_web, served_by

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(settings):
    """The recorded web, as the only one that is known."""
    with recorded_web() as recorded:
        settings.COLLECTORS = served_by(recorded, settings.COLLECTORS)
        yield recorded


def begun(**asked):
    facts = {"domain": "serbia", "occupation": "tennis player", "country": "serbia", **asked}
    return collections.start(by=people.ada(), module=faces_module(), **facts)


def done(session):
    collecting.run(session.pk)
    session.refresh_from_db()
    return session


def test_people_and_free_images_come_with_their_terms(web):
    session = done(begun(people=2))
    assert (session.status, session.error_message) == ("completed", "")
    assert (session.total_people, session.people_completed, session.people_failed, session.percent) == (2, 2, 0, 100)
    assert (session.total_images_downloaded, session.images_from_wikimedia, session.images_from_serp) == (8, 8, 0)
    assert (session.estimated_serp_cost, session.searches, session.token) == (0, 0, "")
    assert session.images_refused == 6
    novak = Person.objects.get(wikidata_id="Q5812")
    assert (novak.full_name, novak.normalized_name, novak.sitelinks) == ("Novak Djokovic", "novak_djokovic", 152)
    assert (novak.occupation, novak.country, novak.description) == ("tennis player", "serbia", "Serbian tennis player")
    assert (novak.total_images, novak.images_from_wikimedia, novak.trainable, novak.consent) == (4, 4, False, False)
    first, *others = novak.images.order_by("id")
    assert (first.source, first.licence.split(" http")[0], first.author) == ("wikimedia_p18", "Public domain", "Rita & Co")
    assert first.attribution == "Rita & Co, Public domain, via Wikimedia Commons"
    assert first.filename == f"novak_djokovic_{timezone.now():%Y%m%d}_1.jpg"
    assert {image.source for image in others} == {"wikimedia_category"}
    assert all(image.is_validated and image.sample.prediction == {"label": "novak_djokovic"} for image in novak.images.all())
    assert not LearningSample.objects.may_be_trained_on().exists()
    assert list(Event.objects.filter(object_type="learning.collectionsession").values_list("verb", flat=True)) == [
        "start",
        "complete",
    ]


def test_the_same_collection_again_fetches_nothing_it_has(web):
    done(begun())
    fetched = web.asked["/img/0.jpg"]
    again = done(begun())
    assert (again.total_images_downloaded, Person.objects.count(), Image.objects.count()) == (0, 2, 8)
    assert web.asked["/img/0.jpg"] == fetched


def test_names_and_ids_are_found_and_who_is_not_known_is_told(web):
    session = done(begun(occupation="", country="", names=["Q5812", "ana ivanović", "Nobody Atall", "Q5812"]))
    assert session.status == "completed"
    assert set(Person.objects.values_list("full_name", flat=True)) == {"Novak Djokovic", "Ana Ivanović"}
    assert (session.total_people, session.people_completed, session.people_failed) == (3, 2, 1)
    assert session.error_message == "Not known: Nobody Atall."


def test_what_free_sources_lack_is_bought_and_counted(web):
    session = done(begun(people=1, images_per_person=6, use_serp=True))
    novak = Person.objects.get()
    assert (novak.total_images, novak.images_from_wikimedia, novak.images_from_serp, novak.trainable) == (6, 4, 2, True)
    assert (session.searches, session.estimated_serp_cost, session.images_from_serp) == (1, Decimal("0.02"), 2)
    bought = novak.images.filter(source="serp").first()
    assert bought.licence == "https://creativecommons.org/licenses/by/4.0/"
    [question] = [query for path, query in web.questions if path == "/serp"]
    assert (question["engine"], question["licenses"], question["q"]) == ("google_images", "cl", '"Novak Djokovic" portrait')


def test_enough_is_enough(web):
    done(begun(people=1, images_per_person=2, use_serp=True))
    assert Person.objects.get().total_images == 2
    assert web.asked["/serp"] == 0


def test_a_key_that_is_used_up_fails_the_collection_and_it_goes_on_later(web, settings):
    settings.COLLECTORS = {**settings.COLLECTORS, "serp_api_key": "wrong"}
    session = done(begun(people=1, images_per_person=6, use_serp=True))
    assert session.status == "failed"
    assert session.error_message == "SerpApi refused the search; its account may be used up."
    settings.COLLECTORS = {**settings.COLLECTORS, "serp_api_key": "right"}
    session = done(collections.resume(session, by=people.ada()))
    assert (session.status, session.people_completed, session.error_message) == ("completed", 1, "")
    assert (session.searches, session.estimated_serp_cost) == (2, Decimal("0.03"))
    assert Person.objects.get().total_images == 6


def test_a_service_that_asks_to_wait_is_asked_again(web):
    web.trouble["/sparql"] = [(503, {}), (429, {"Retry-After": "0"})]
    web.trouble["/img/0.jpg"] = [(500, {})]
    assert done(begun(people=1)).people_completed == 1
    assert web.asked["/sparql"] == 3
    assert web.asked["/img/0.jpg"] == 2


def test_a_service_that_is_down_fails_the_collection(web):
    web.trouble["/sparql"] = [(503, {})] * 4
    session = done(begun())
    assert (session.status, session.error_message) == ("failed", "Wikidata answered with status 503.")
    assert session.completed_at


def test_one_person_without_images_fails_alone(web):
    web.trouble["/commons"] = [(500, {})] * 4
    session = done(begun(people=2))
    assert (session.status, session.people_completed, session.people_failed) == ("completed", 1, 1)
    failed = Person.objects.exclude(collection_error="").get()
    assert failed.collection_error == "Wikimedia Commons answered with status 500."


def test_a_cancelled_collection_stops_before_the_next_image(web, monkeypatch):
    session = begun(people=2)
    original = collecting._take

    def cancelling(held, person, offer, asked):
        original(held, person, offer, asked)
        collections.cancel(CollectionSession.objects.get(pk=held.pk), by=people.ada())

    monkeypatch.setattr(collecting, "_take", cancelling)
    collecting.run(session.pk)
    monkeypatch.setattr(collecting, "_take", original)
    session.refresh_from_db()
    assert (session.status, session.total_images_downloaded) == ("cancelled", 1)
    assert collections.cancel(session, by=people.ada()).status == "cancelled"
    session = done(collections.resume(session, by=people.ada()))
    assert (session.status, session.total_images_downloaded, session.people_completed) == ("completed", 8, 2)


class Died(BaseException):
    """The worker's process is gone."""


def test_a_worker_that_died_is_followed_by_another_which_goes_on(web, monkeypatch):
    session, taken = begun(people=2), []
    original = collecting._take

    def dying(held, person, offer, asked):
        if len(taken) == 5:
            raise Died
        taken.append(offer)
        original(held, person, offer, asked)

    monkeypatch.setattr(collecting, "_take", dying)
    with pytest.raises(Died):
        collecting.run(session.pk)
    monkeypatch.setattr(collecting, "_take", original)
    collecting.run(session.pk)
    session.refresh_from_db()
    assert session.status == "processing", "the dead worker's hold is not over yet"
    assert collecting.sweep() == []
    CollectionSession.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert collecting.sweep() == [session.pk]
    session = done(session)
    assert (session.status, session.total_images_downloaded, session.people_completed) == ("completed", 8, 2)
    assert Image.objects.count() == 8


def test_only_public_addresses_are_fetched(web, settings):
    settings.COLLECTORS = {**settings.COLLECTORS, "nets": []}
    with pytest.raises(NotCollected, match="may not call"):
        Web().image(f"{web.address}/img/0.jpg")
    settings.COLLECTORS = {**settings.COLLECTORS, "nets": ["127.0.0.0/8"]}
    with pytest.raises(NotCollected, match="may not call"):
        Web().image(f"{web.address}/img/metadata.jpg")
    with pytest.raises(NotCollected, match="text/html"):
        Web().image(f"{web.address}/img/page.jpg")
    with pytest.raises(NotCollected, match="status 404"):
        Web().image(f"{web.address}/img/gone.jpg")
    settings.UPLOAD_MAX_BYTES = 2_000
    with pytest.raises(NotCollected, match="more than 2,000 bytes"):
        Web().image(f"{web.address}/img/0.jpg")
    for address in ("file:///etc/passwd", "http://user:secret@127.0.0.1/", "http://127.0.0.1:0/"):
        with pytest.raises(NotCollected, match="no address"):
            Web().image(address)


@pytest.mark.parametrize(
    "asked",
    [
        {"domain": ""},
        {"domain": "x" * 101},
        {"occupation": "", "country": " "},
        {"occupation": "a\nb"},
        {"people": 0},
        {"people": 501},
        {"people": True},
        {"images_per_person": 201},
        {"names": ["x" * 256]},
        {"names": [str(n) for n in range(501)]},
    ],
)
def test_what_cannot_be_collected_is_said(asked):
    with pytest.raises(Invalid, match=next(iter(asked))):
        begun(**asked)


def test_who_may_collect_and_with_what(settings):
    with pytest.raises(Refused):
        collections.start(by=people.rhea(), domain="d", module=faces_module(), occupation="x")
    with pytest.raises(Invalid, match="features"):
        collections.start(by=people.ada(), domain="d", module=gestures(), occupation="x")
    settings.COLLECTORS = {**settings.COLLECTORS, "serp_api_key": ""}
    with pytest.raises(Conflict, match="SERP_API_KEY"):
        begun(use_serp=True)
    session = begun()
    CollectionSession.objects.update(status=SessionStatus.COMPLETED)
    session.refresh_from_db()
    for verb in (collections.cancel, collections.resume):
        with pytest.raises(Conflict):
            verb(session, by=people.ada())


def test_a_collection_is_begun_from_the_command_line(web, tmp_path, capsys):
    faces_module()
    names = tmp_path / "names.txt"
    names.write_text("Ana Ivanović\n")
    asked = ["--domain", "serbia", "--name", "Q5812", "--names", str(names), "--images", "1", "--here", "--json"]
    call_command("collect", *asked)
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["people_completed"], told["total_images_downloaded"]) == ("completed", 2, 2)
