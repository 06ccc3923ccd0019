"""Pages of examples, people and collections: who sees them, what they say, and that their buttons call the verbs."""

import csv
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import Event
from learning.actions import collection as collections
from learning.actions import example as examples
from learning.actions.example_writing import Facts
from learning.models import CollectionSession, Image, Person, TrainingExample
from tests import people
from tests.factories.learning import gestures, npz
from tests.factories.people import faces_module, somebody
from tests.pages import looking, said, shows_an_object, text_of

pytestmark = pytest.mark.django_db


def recorded(number=0, **facts):
    return examples.add(npz(number), by=None, module=gestures(), facts=Facts(**{"user_id": "u/1", "label": "wave", **facts}))[0]


def test_examples_are_shown_with_their_drawings_and_narrowed():
    recorded(0, session_id="morning")
    recorded(1, user_id="u-2", label="point", label_status="confirmed")
    ada = looking(people.ada())
    page = ada.get(reverse("learning:examples"))
    assert shows_an_object(text_of(page))
    assert [row["user_id"] for row in page.context["users"]] == ["u-2", "u/1"]
    shown = ada.get(reverse("learning:examples"), {"label_status": "confirmed", "modality": "gestures"}).context["tiles"]
    assert [tile["example"].label for tile in shown] == ["point"]
    assert "No example is like that" in text_of(ada.get(reverse("learning:examples"), {"user_id": "nobody"}))
    assert "No example yet" in text_of(looking(people.olga()).get(reverse("learning:examples")))
    assert ada.get(reverse("learning:examples"), {"user_id": "a\0b"}).status_code == 200


def test_the_sample_of_an_example_shows_its_drawing_and_not_its_numbers():
    example = recorded()
    page = text_of(looking(people.ada()).get(reverse("learning:sample", args=[example.sample.sample_id])))
    assert example.sample.object.thumbnail.name in page
    assert example.sample.object.name not in page


def test_one_users_page_counts_labels_and_sessions_and_notes_consent():
    recorded(0, session_id="morning", label_status="confirmed")
    recorded(1, session_id="morning", label="point")
    recorded(2, session_id="evening")
    recorded(3, user_id="u-2")
    ada, here = looking(people.ada()), reverse("learning:example-user", args=["u/1"])
    page = ada.get(here)
    assert {(row["label"], row["examples"], row["confirmed"]) for row in page.context["labels"]} == {
        ("wave", 2, 1),
        ("point", 1, 0),
    }
    assert {row["session_id"]: row["examples"] for row in page.context["sessions"]} == {"morning": 2, "evening": 1}
    noted = ada.post(reverse("learning:example-consent", args=["u/1"]), {"given": "1"}, follow=True)
    assert said(noted) == ["Consent was noted. 3 examples changed."]
    assert TrainingExample.objects.filter(consent_given=True).count() == 3
    ada.post(reverse("learning:example-consent", args=["u/1"]), {"given": "0"})
    assert not TrainingExample.objects.filter(consent_given=True).exists()
    assert ada.get(reverse("learning:example-user", args=["nobody"])).status_code == 404
    refused = looking(people.rhea()).post(reverse("learning:example-consent", args=["u/1"]), {"given": "1"}, follow=True)
    assert "may not" in said(refused)[0]


def test_people_are_listed_and_narrowed():
    somebody(images_of=5, status="in_training")
    somebody("Ana Ivanović", domain="other")
    ada = looking(people.ada())
    for query, names in (
        ({}, ["Ana Ivanović", "Novak Djokovic"]),
        ({"status": "in_training"}, ["Novak Djokovic"]),
        ({"domain": "other"}, ["Ana Ivanović"]),
        ({"trainable": "1"}, ["Novak Djokovic"]),
        ({"trainable": "0"}, ["Ana Ivanović"]),
        ({"consent": "1"}, []),
        ({"needs_more": "1"}, ["Novak Djokovic"]),
    ):
        page = ada.get(reverse("learning:people"), query)
        assert [person.full_name for person in page.context["page"].results] == names, query
    assert "Too few images (0), minimum is 5" in text_of(ada.get(reverse("learning:people")))


def test_one_persons_gallery_shows_terms_and_reasons_and_consent_is_a_verb():
    novak = somebody(images_of=2)
    Image.objects.filter(filename="0.jpg").update(
        licence="CC BY 4.0", is_validated=False, validation_error="No face was found."
    )
    ada, here = looking(people.ada()), reverse("learning:person", args=[novak.pk])
    page = text_of(ada.get(here))
    assert shows_an_object(page)
    for words in ("CC BY 4.0", "No face was found.", "folder", "no consent", "Too few images (2), minimum is 5"):
        assert words in page, words
    consent = reverse("learning:person-consent", args=[novak.pk])
    assert said(ada.post(consent, {"given": "1"}, follow=True)) == ["Consent was noted."]
    assert Person.objects.get().consent
    assert Event.objects.filter(verb="consent", object_type="learning.person").exists()
    ada.post(consent, {"given": "0"})
    assert not Person.objects.get().consent
    rhea = looking(people.rhea())
    assert "Note consent" not in text_of(rhea.get(here))
    assert "may not" in said(rhea.post(consent, {"given": "1"}, follow=True))[0]
    assert ada.get(reverse("learning:person", args=[2**63])).status_code == 404


def test_the_four_questions_are_a_page_and_files():
    somebody(images_of=1, status="in_training", wikidata_id="Q1")
    somebody("=Ana", domain="other", wikidata_id="Q1", images_from_wikimedia=3, images_from_serp=1, status="in_training")
    CollectionSession.objects.create(domain="d", module=faces_module(), estimated_serp_cost=Decimal("1.50"), searches=100)
    ada = looking(people.ada())
    page = text_of(ada.get(reverse("learning:person-figures")))
    for words in ("75.0", "Q1", "1.50", "serbia/novak_djokovic other/ana"):
        assert words in page, words
    files = {}
    for table in ("sources", "needing-more", "cost", "duplicates"):
        answer = ada.get(reverse("learning:person-figures-csv", args=[table]))
        assert answer["Content-Type"].startswith("text/csv")
        files[table] = list(csv.DictReader(b"".join(answer.streaming_content).decode().splitlines()))
    assert [row["full_name"] for row in files["needing-more"]] == ["'=Ana", "Novak Djokovic"]
    assert files["cost"][0]["searches_made"] == "100"
    assert files["duplicates"] == [{"wikidata_id": "Q1", "people": "2", "names": "serbia/novak_djokovic other/ana"}]
    assert ada.get(reverse("learning:person-figures-csv", args=["none"])).status_code == 404


def test_a_collection_is_begun_followed_cancelled_and_gone_on_with_from_pages():
    faces_module()
    ada = looking(people.ada())
    form = {"domain": "serbia", "module": "people", "names": "Q5812\nAna Ivanović\n\n", "people": 5, "images_per_person": 10}
    begun = ada.post(reverse("learning:collection-new"), form)
    session = CollectionSession.objects.get()
    assert begun.url == reverse("learning:collection", args=[session.session_id])
    assert session.plan == {"names": ["Q5812", "Ana Ivanović"], "people": 5, "images_per_person": 10, "use_serp": False}
    page = ada.get(begun.url)
    assert 'hx-trigger="every 2s"' in text_of(page)
    part = text_of(ada.get(begun.url, headers={"HX-Request": "true"}))
    assert part.strip().startswith("<div")
    assert "Finding out who is meant." in part
    ada.post(reverse("learning:collection-cancel", args=[session.session_id]))
    assert 'hx-trigger="every 2s"' not in text_of(ada.get(begun.url))
    ada.post(reverse("learning:collection-resume", args=[session.session_id]))
    session.refresh_from_db()
    assert session.status == "processing"
    assert session.session_id in text_of(ada.get(reverse("learning:collections"), {"status": "processing"}))
    refused = ada.post(reverse("learning:collection-new"), {**form, "names": ""})
    assert "name an occupation, a country, or people" in text_of(refused)
    rhea = looking(people.rhea())
    assert rhea.get(reverse("learning:collection-new")).status_code == 403
    assert "Cancel the collection" not in text_of(rhea.get(begun.url))


def test_a_failed_collection_says_why_and_how_it_goes_on():
    session = collections.start(by=people.ada(), domain="d", module=faces_module(), occupation="actor")
    CollectionSession.objects.update(status="failed", error_message="Wikidata answered with status 503.")
    page = text_of(looking(people.ada()).get(reverse("learning:collection", args=[session.session_id])))
    assert "Wikidata answered with status 503." in page
    assert "Go on" in page


@pytest.mark.parametrize("name", ["people", "person-figures", "collections", "collection-new"])
def test_pages_of_people_are_for_the_hubs_own(name):
    assert looking(people.olga()).get(reverse(f"learning:{name}")).status_code == 403
    assert looking(people.ann()).get(reverse(f"learning:{name}")).status_code == 403


def test_lists_take_few_statements(django_assert_max_num_queries):
    somebody(images_of=3)
    somebody("Ana", domain="d")
    recorded(0)
    recorded(1)
    ada = looking(people.ada())
    person = Person.objects.get(domain="serbia")
    for address in (reverse("learning:people"), reverse("learning:person", args=[person.pk]), reverse("learning:examples")):
        with django_assert_max_num_queries(10):
            assert ada.get(address).status_code == 200
