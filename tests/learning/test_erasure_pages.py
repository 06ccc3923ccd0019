"""Pages on which data leaves: the draft with its thumbnails, the decisions, the confirmation, the receipt; rules and holds."""

import pytest
from django.urls import reverse

from core.storage import store
from learning.actions import access_export, erasing, erasure
from learning.models import AccessExport, Erasure, ErasureState, LegalHold
from tests import people
from tests.factories import training as rooms
from tests.factories.training_models import ModelVersionFactory
from tests.pages import looking, said, shows_an_object, text_of
from training.actions import erasure as training_erasure

pytestmark = pytest.mark.django_db


def page(name, *args):
    return reverse(f"learning:{name}", args=args)


def test_the_whole_way_by_hand():
    who = people.ada()
    ada = looking(who)
    rows = rooms.samples(who, 3)
    version = rooms.frozen(who)
    model = ModelVersionFactory(module=version.dataset.module, dataset_version=version, status="draft")
    ids = "\n".join(row.sample_id for row in rows)
    assert "Nobody has asked to be erased" in text_of(ada.get(page("erasures")))
    answer = ada.post(page("erasure-ask"), {"kind": "samples", "value": ids, "reference": "R-1"})
    made = Erasure.objects.get()
    assert answer.headers["Location"] == page("erasure", made.pk)
    assert "A worker looks for what is meant" in text_of(ada.get(page("erasure", made.pk)))
    erasure.gather(made.pk)
    shown = text_of(ada.get(page("erasure", made.pk)))
    assert shows_an_object(shown)
    assert str(version) in shown
    assert 'data-type-word="erase 3"' in shown
    chosen = {
        "shown": [row.sample_id for row in rows],
        "chosen": [rows[0].sample_id, rows[1].sample_id],
        "then": "https://elsewhere",
    }
    assert ada.post(page("erasure-choose", made.pk), chosen).headers["Location"] == page("erasure", made.pk)
    refused = ada.post(page("erasure-confirm", made.pk), {"confirmation": "erase 2"}, follow=True)
    assert "Decide first" in said(refused)[-1]
    ada.post(page("erasure-decide", made.pk), {"model": str(model.pk), "decision": "keep", "why": "It is never released"})
    done = ada.post(page("erasure-confirm", made.pk), {"confirmation": "erase 2"}, follow=True)
    assert "Confirmed" in said(done)[-1]
    erasing.run(made.pk)
    assert "still to be written" in text_of(ada.get(page("erasure", made.pk)))
    training_erasure.rewrite(version.pk)
    erasing.run(made.pk)
    shown = text_of(ada.get(page("erasure", made.pk)))
    assert "Download the receipt" in shown
    assert rows[0].sample_id not in shown
    assert ada.get(page("erasure-receipt", made.pk)).status_code == 302
    assert "members erased" in text_of(ada.get(reverse("training:version", args=[version.pk])))
    assert "This sample was erased" in text_of(ada.get(page("sample", rows[0].sample_id)))


def test_a_draft_is_given_up_and_an_export_made_of_it():
    who = people.ada()
    ada = looking(who)
    rows = rooms.samples(who, 1)
    ada.post(page("erasure-ask"), {"kind": "samples", "value": rows[0].sample_id})
    made = Erasure.objects.get()
    erasure.gather(made.pk)
    ada.post(page("erasure-export", made.pk))
    built = access_export.build(AccessExport.objects.get().pk)
    assert built.samples == 1
    assert "Download" in text_of(ada.get(page("erasures")))
    assert ada.post(page("access-export-link", built.pk)).status_code == 302
    ada.post(page("erasure-discard", made.pk))
    assert not Erasure.objects.exists()
    store().remove(built.object.name)


@pytest.mark.parametrize(
    "given",
    [{}, {"kind": "x"}, {"kind": "plate", "value": ""}, {"kind": "camera", "camera_id": "c"}, {"kind": "person", "value": "x"}],
)
def test_a_request_that_makes_no_sense_is_a_sentence(given):
    ada = looking(people.ada())
    for extra in ({}, {"export": "1"}):
        answer = ada.post(page("erasure-ask"), {**given, **extra}, follow=True)
        assert said(answer)
        assert not Erasure.objects.exists()


def test_rules_and_holds():
    who = people.ada()
    ada = looking(who)
    [row] = rooms.samples(who, 1)
    shown = text_of(ada.get(page("retention")))
    assert "No run yet" in shown
    slug = row.module.slug
    ada.post(page("retention-rules", slug), {f"{slug}-unsure_days": "7", f"{slug}-archive_days": ""})
    row.module.refresh_from_db()
    assert (row.module.retention["unsure_days"], row.module.retention["archive_days"]) == (7, None)
    wrong = ada.post(page("retention-rules", slug), {f"{slug}-unsure_days": "-7"}, follow=True)
    assert said(wrong)
    ada.post(page("hold-put"), {"city": row.city.slug, "samples": row.sample_id, "reason": "Case 17"})
    ada.post(page("hold-put"), {"city": row.city.slug, "camera_id": "cam-1", "reason": "Case 18"})
    nobody = ada.post(page("hold-put"), {"city": row.city.slug, "camera_id": "cam-9", "reason": "Case 19"}, follow=True)
    assert "no such camera" in said(nobody)[-1]
    assert "Case 18" in text_of(ada.get(page("retention")))
    first = LegalHold.objects.standing().first()
    ada.post(page("hold-lift", first.pk), {"reason": "Case closed"})
    assert LegalHold.objects.standing().count() == 1


def test_home_says_how_many_days_are_left():
    who = people.ada()
    rows = rooms.samples(who, 1)
    erasure.draft("samples", {"samples": [rows[0].sample_id]}, by=who)
    assert "6 days left" in text_of(looking(who).get("/"))
    Erasure.objects.update(state=ErasureState.DONE)
    assert "days left" not in text_of(looking(who).get("/"))


def test_nobody_else_sees_these_pages():
    for who in (people.rhea(), people.ann(), people.olga()):
        assert looking(who).get(page("erasures")).status_code == 403
        assert looking(who).get(page("retention")).status_code == 403
