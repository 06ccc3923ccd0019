"""Pages of samples and batches: which pictures are shown to whom, what a batch's funnel counts, filters in the URL, selections
and what is done with them, export, look-alikes.
"""

import orjson
import pytest
from django.urls import reverse

from accounts.models import Event, Organization
from learning.actions import near_duplicates, selection
from learning.models import ImageFingerprint, LearningSample, SavedFilter, Selection
from learning.models.batch import DUPLICATE
from tests import people
from tests.factories import learning as made
from tests.factories import training as rooms
from tests.factories.learning import vehicles
from tests.factories.world import world
from tests.pages import looking, said, shows_an_object, text_of

pytestmark = pytest.mark.django_db


def test_an_image_is_shown_to_hub_staff_and_not_to_a_customer():
    acme = world(people.acme())
    address = reverse("learning:sample", args=[acme.sample.sample_id])
    assert shows_an_object(text_of(looking(people.ada()).get(address)))
    assert not shows_an_object(text_of(looking(people.olga()).get(address)))


def test_a_customer_who_may_view_images_sees_the_own_ones():
    acme = world(people.acme())
    Organization.objects.update(may_view_images=True)
    assert shows_an_object(text_of(looking(people.olga()).get(reverse("learning:sample", args=[acme.sample.sample_id]))))
    assert shows_an_object(text_of(looking(people.olga()).get(reverse("learning:samples"))))


def test_an_image_that_no_worker_has_verified_is_shown_to_nobody():
    sample = rooms.sample(vehicles(), rooms.city(people.ada()), 1, state="received", truth=None, truth_sha256="")
    ada = looking(people.ada())
    assert not shows_an_object(text_of(ada.get(reverse("learning:sample", args=[sample.sample_id]))))
    assert not shows_an_object(text_of(ada.get(reverse("learning:samples"))))


def test_the_boxes_of_the_truth_are_drawn_over_the_image():
    truth = {"boxes": [{"label": "car", "bbox": [2, 3, 10, 11]}]}
    sample = rooms.sample(vehicles(), rooms.city(people.ada()), 1, truth=truth)
    sample.object.width, sample.object.height = 32, 32
    sample.object.save()
    page = text_of(looking(people.ada()).get(reverse("learning:sample", args=[sample.sample_id])))
    assert '<rect x="2" y="3" width="10" height="11"/>' in page


def test_the_grid_is_narrowed_by_what_stands_in_the_address():
    world()
    ada = looking(people.ada())
    samples = ada.get(reverse("learning:samples"), {"state": "pending", "city": "city_hub"}).context["samples"]
    assert [sample.state for sample in samples] == ["pending"]
    assert "No sample is like that" in text_of(ada.get(reverse("learning:samples"), {"state": "disputed"}))


def test_every_sample_is_met_once_when_paging(monkeypatch):
    monkeypatch.setattr("learning.views.sample.PAGE", 3)
    there = world()
    ada, cursor, seen = looking(people.ada()), "", []
    while cursor is not None:
        context = ada.get(reverse("learning:samples"), {"cursor": cursor}).context
        seen += [sample.event_id for sample in context["samples"]]
        cursor = context["page"].next
    assert seen == ["e-3", "e-2", "e-1", "e-0"]
    assert there.sample.event_id in seen


def test_a_batch_shows_its_funnel_and_the_reasons():
    there = world()
    there.batch.rejections.create(event_id="e-8", reason="duplicate", detail="")
    response = looking(people.ada()).get(reverse("learning:batch", args=[there.batch.pk]))
    funnel = response.context["funnel"]
    assert funnel == {"sent": 5, "accepted": 4, "verified": 4, "registered": 0, "settled": 3, "rejected": 1, "duplicate": 1}
    assert "It could not be decoded." in text_of(response)


def test_a_batch_counts_what_was_here_already_apart_from_what_was_rejected():
    there = world()
    there.batch.rejections.create(event_id="e-1", reason=DUPLICATE, detail="The hub has it already.")
    ada = looking(people.ada())
    funnel = ada.get(reverse("learning:batch", args=[there.batch.pk])).context["funnel"]
    assert (funnel["sent"], funnel["accepted"], funnel["duplicate"], funnel["rejected"]) == (5, 4, 1, 1)
    row = ada.get(reverse("learning:batches")).context["rows"][0]
    assert (row["duplicate"], row["rejected"]) == (1, 1)


@pytest.fixture
def samples():
    """Six of Pune, two of London: the first of Pune is pending, unlike, of another camera and model."""
    made.vehicles()
    pune, london = made.pune(timezone="Asia/Kolkata"), made.pune("city_london")
    rows = [*made.delivered(pune, 6), *made.delivered(london, 2, first=50)]
    rows[0].camera = pune.cameras.create(camera_id="cam-9")
    rows[0].state, rows[0].image_quality_score, rows[0].by_reference = "pending", 0.05, True
    rows[0].predicted_by, rows[0].prediction = {"model": "plates", "version": "1.2.0"}, {"text": "MH12AB1234"}
    rows[0].captured_at = made.NOON.replace(day=19, hour=20)
    rows[0].sample_type = "manual"
    rows[0].save()
    return rows


def found(**asked) -> set[str]:
    context = looking(people.ada()).get(reverse("learning:samples"), asked).context
    return {sample.sample_id for sample in context["samples"]}


ONE = [
    {"state": "pending"},
    {"camera": "cam-9"},
    {"model": "plates"},
    {"version": "1.2.0"},
    {"text": "mh 12 ab"},
    {"quality_to": "0.06"},
    {"by_reference": "yes"},
    {"sample_type": "manual"},
    {"until": "2026-11-19"},
    {"since": "2026-11-20", "until": "2026-11-20", "city": "city_pune", "state": "pending"},
    {"module": "vehicles", "state": "pending"},
]


@pytest.mark.parametrize("asked", ONE, ids="&".join)
def test_each_filter_finds_what_it_says(samples, asked):
    assert found(**asked) == {samples[0].sample_id}


def test_filters_narrow_together_and_nonsense_does_not(samples):
    assert len(found(city="city_london")) == 2
    assert len(found(batch=samples[0].batch_id)) == 6
    assert len(found(city="city_pune", state="settled")) == 5
    assert found(city="city_london", state="pending") == set()
    nonsense = {
        "since": "yesterday",
        "quality_from": "x",
        "city": "none",
        "batch": "\0",
        "until": "9999-12-31",
        "near": "x" * 500,
    }
    assert len(found(**nonsense)) == 8
    page = text_of(looking(people.ada()).get(reverse("learning:samples"), nonsense))
    assert "Left out, because it makes no sense" in page


def test_a_page_looks_through_ten_thousand_and_then_leads_on(samples, monkeypatch):
    monkeypatch.setattr("core.paging.SCAN", 3)
    ada, there = looking(people.ada()), reverse("learning:samples")
    seen, cursor, pages = [], "", 0
    while True:
        context = ada.get(there, {"state": "pending", "cursor": cursor}).context
        seen += [sample.sample_id for sample in context["samples"]]
        pages += 1
        if context["page"].next is None:
            break
        cursor = context["page"].next
    assert seen == [samples[0].sample_id]
    assert pages == 3
    first = ada.get(there, {"state": "pending"})
    assert first.context["count"] == "0+"
    assert "the next page looks on" in text_of(first)


def test_look_alikes_are_shown_and_found(samples):
    root = ImageFingerprint.objects.filter(object=samples[1].object_id).values_list("root", flat=True).get()
    ImageFingerprint.objects.filter(object=samples[2].object_id).update(root=root)
    assert near_duplicates.alike(samples[1]) == [samples[2].sample_id]
    page = text_of(looking(people.ada()).get(reverse("learning:sample", args=[samples[1].sample_id])))
    assert "Looks like" in page
    assert f"near={samples[1].sample_id}" in page
    pair = {samples[1].sample_id, samples[2].sample_id}
    assert found(near=samples[1].sample_id) == pair
    assert found(alike="yes") == pair
    assert found(near="nothing") == set()


def test_ticked_samples_are_reviewed_again_from_the_page(samples):
    rhea = looking(people.rhea())
    ticked = [samples[1].sample_id, samples[2].sample_id]
    response = rhea.post(
        reverse("learning:selection-choose"), {"act": "reopen", "scope": "ticked", "sample": ticked}, follow=True
    )
    page = text_of(response)
    assert "<strong>2</strong>" in page
    made_of = Selection.objects.get()
    there = reverse("learning:selection-begin", args=[made_of.pk])
    assert "errorlist" in text_of(rhea.post(there, {"reason": ""}))
    rhea.post(there, {"reason": "The guide was wrong."})
    selection.run(made_of.pk)
    page = text_of(rhea.get(reverse("learning:selection", args=[made_of.pk])))
    assert "2 of 2 looked at, 2 changed" in page
    assert "The guide was wrong." in page
    assert set(LearningSample.objects.filter(sample_id__in=ticked).values_list("state", flat=True)) == {"pending"}
    assert looking(people.ada()).get(reverse("learning:selection", args=[made_of.pk])).status_code == 404
    assert "Review again" in text_of(rhea.get(reverse("learning:selections")))


def test_the_whole_result_is_what_the_filters_find(samples):
    ada = looking(people.ada())
    asked = {"act": "exclude", "scope": "whole", "query": "city=city_london&cursor=abc", "sample": [samples[0].sample_id]}
    ada.post(reverse("learning:selection-choose"), asked)
    made_of = Selection.objects.get()
    assert (made_of.total, made_of.query, made_of.keys) == (2, {"city": "city_london"}, None)
    ada.post(reverse("learning:selection-begin", args=[made_of.pk]), {"reason": "duplicates"})
    selection.run(made_of.pk)
    assert LearningSample.objects.filter(state="excluded").count() == 2


def test_what_cannot_be_chosen_says_why_and_stays_on_the_page(samples):
    rhea = looking(people.rhea())
    response = rhea.post(reverse("learning:selection-choose"), {"act": "reopen", "scope": "ticked", "query": "state=settled"})
    assert response.url == reverse("learning:samples") + "?state=settled"
    assert "Tick at least one sample" in said(rhea.get(response.url))[0]
    for act in ("nothing", "exclude"):
        assert rhea.post(reverse("learning:selection-choose"), {"act": act, "scope": "whole"}).status_code == 302
    assert not Selection.objects.exists()


def test_a_result_is_counted_before_it_can_begin(samples, monkeypatch):
    monkeypatch.setattr(selection, "COUNT_LIMIT", 3)
    ada = looking(people.ada())
    ada.post(reverse("learning:selection-choose"), {"act": "exclude", "scope": "whole", "query": ""})
    made_of = Selection.objects.get()
    there = reverse("learning:selection", args=[made_of.pk])
    page = text_of(ada.get(there))
    assert "being counted" in page
    assert 'hx-trigger="every 1s"' in page
    selection.count(made_of.pk)
    part = text_of(ada.get(there, headers={"HX-Request": "true"}))
    assert "<strong>8</strong>" in part
    assert "<html" not in part


def test_filters_are_saved_shared_and_removed_on_the_page(samples):
    ada, rhea = looking(people.ada()), looking(people.rhea())
    ada.post(
        reverse("learning:filter-save"), {"name": "Waiting in Pune", "shared": "on", "query": "city=city_pune&state=pending"}
    )
    saved = SavedFilter.objects.get()
    assert saved.query in {"state=pending&city=city_pune", "city=city_pune&state=pending"}
    assert "Waiting in Pune" in text_of(rhea.get(reverse("learning:samples")))
    there = reverse("learning:filter-remove", args=[saved.pk])
    assert said(rhea.post(there, follow=True)) == ["Only who saved a filter removes it."]
    ada.post(there)
    assert not SavedFilter.objects.exists()
    refused = ada.post(reverse("learning:filter-save"), {"name": "Plate", "query": "text=MH12"}, follow=True)
    assert "not kept" in said(refused)[-1]


def sent(response) -> list[str]:
    return b"".join(response.streaming_content).decode().splitlines()


def test_what_the_filters_find_is_exported_whole(samples, monkeypatch):
    monkeypatch.setattr("learning.exporting.CHUNK", 2)
    ada = looking(people.ada())
    ids = sent(ada.get(reverse("learning:export", args=["ids"]), {"city": "city_pune"}))
    assert [line.split(",")[0] for line in ids[1:]] == [sample.sample_id for sample in samples[:6]]
    table = sent(ada.get(reverse("learning:export", args=["csv"]), {"text": "MH12"}))
    assert table[0].startswith("sample_id,event_id,module,city,camera,batch_id,captured_at")
    assert len(table) == 2
    lines = [orjson.loads(line) for line in sent(ada.get(reverse("learning:export", args=["jsonl"])))]
    assert len(lines) == 8
    assert lines[0]["prediction"] == {"text": "MH12AB1234"}
    assert lines[0]["camera"] == "cam-9"
    assert ada.get(reverse("learning:export", args=["xml"])).status_code == 404
    said_of = Event.objects.filter(verb="export_samples").values_list("facts", flat=True)
    assert {"spelling": "csv", "filters": ["text"]}.items() <= said_of[1].items()
    assert "MH12" not in str(list(said_of))


def test_who_only_looks_is_offered_no_act(samples):
    olga = people.olga()
    city = samples[0].city
    city.organization = olga.organization
    city.save()
    page = text_of(looking(olga).get(reverse("learning:samples")))
    assert "data-selecting" not in page
    choose = looking(olga).post(reverse("learning:selection-choose"), {"act": "exclude", "scope": "whole"}, follow=True)
    assert "You may not do this" in said(choose)[0]
    assert not Selection.objects.exists()
