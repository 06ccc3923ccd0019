"""Acts over many samples: chosen, counted, carried out in chunks exactly once, stopped, and refused where they must be."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from core.lifecycle import IllegalMove
from learning import sample_filters, tasks
from learning.actions import review, selection
from learning.models import HitlLabel, LearningSample, ReviewSlot, Selection
from tests import people
from tests.factories import learning as made
from tests.factories import training as rooms
from tests.pages import looking

pytestmark = pytest.mark.django_db


@pytest.fixture
def samples():
    made.vehicles()
    return made.delivered(made.pune(), 6)


def chosen(act="reopen", by=None, **asked) -> Selection:
    return selection.choose(act, by=by or people.rhea(), **asked)


def done(made_of: Selection, **facts) -> Selection:
    selection.begin(made_of, by=made_of.owner, facts=facts)
    selection.run(made_of.pk)
    made_of.refresh_from_db()
    return made_of


def states() -> list[str]:
    return list(LearningSample.objects.order_by("id").values_list("state", flat=True))


def test_reopened_samples_wait_for_another_round_and_their_labels_make_no_truth(samples, heard):
    module = samples[0].module
    ReviewSlot.opened(samples[0]).save()
    LearningSample.objects.filter(pk=samples[0].pk).update(state="pending")
    ann = people.ann()
    lease = review.lease_next(module, by=ann)
    review.decide(
        lease.slot, by=ann, lease_token=lease.token, client_uuid="00000000-0000-4000-8000-000000000001", decision="correct"
    )
    over = done(chosen(query={"state": "settled"}), reason="The guide was wrong.")
    assert (over.state, over.changed, over.seen, over.skipped) == ("done", 6, 6, {})
    assert states() == ["pending"] * 6
    assert not LearningSample.objects.exclude(truth_sha256="").exists()
    label = HitlLabel.objects.get(annotator=ann)
    assert label.withdrawn_at
    assert HitlLabel.objects.by_cities().filter(withdrawn_at=None).count() == 6
    assert ReviewSlot.objects.filter(state="open").count() == 6
    assert {change.new_state for change in heard} >= {"pending"}
    again = review.lease_next(module, by=ann)
    assert again.sample.pk == samples[0].pk or ReviewSlot.objects.filter(sample=samples[0], state="open").exists()


def test_who_judged_before_may_judge_again_in_the_new_round(samples):
    sample, ann = samples[0], people.ann()
    LearningSample.objects.exclude(pk=sample.pk).update(state="excluded")
    done(chosen(ticked=[sample.sample_id]), reason="Once more.")
    for number in (1, 2):
        lease = review.lease_next(sample.module, by=ann)
        assert lease.sample.pk == sample.pk
        uuid = f"00000000-0000-4000-8000-00000000000{number}"
        review.decide(lease.slot, by=ann, lease_token=lease.token, client_uuid=uuid, decision="correct")
        sample.refresh_from_db()
        assert sample.state == "settled"
        done(chosen(ticked=[sample.sample_id]), reason="Once more.")
    with pytest.raises(Conflict):
        review.undo(lease.slot, by=ann)


def test_a_sample_that_waits_already_is_let_be(samples):
    done(chosen(ticked=[samples[0].sample_id]), reason="Once more.")
    over = done(chosen(query={}), reason="Once more.")
    assert (over.changed, over.skipped) == (5, {"waiting for review already": 1})
    assert ReviewSlot.objects.filter(state="open").count() == 6


def test_excluded_samples_keep_the_reason_and_have_no_truth(samples, heard):
    LearningSample.objects.filter(pk=samples[5].pk).update(state="received")
    over = done(chosen("exclude", by=people.ada(), query={}), reason="two plates")
    assert (over.changed, over.skipped) == (5, {"not verified yet": 1})
    assert states() == ["excluded"] * 5 + ["received"]
    label = HitlLabel.objects.filter(sample=samples[0]).latest("id")
    assert (label.decision, label.reason, label.annotator) == ("reject", "two plates", people.ada())
    assert len(heard) == 5
    over = done(chosen("reopen", query={"state": "excluded"}), reason="It was right.")
    assert (over.changed, states()[:5]) == (5, ["pending"] * 5)


def test_settled_samples_go_into_a_dataset_and_the_others_are_let_be():
    ada = people.ada()
    rows = rooms.samples(ada, 4)
    dataset = rooms.dataset_of(ada, rule={"label_status": ["changed"]})
    LearningSample.objects.filter(pk=rows[0].pk).update(state="pending")
    over = done(chosen("add_to_dataset", by=ada, query={}), dataset=str(dataset.pk))
    assert (over.changed, over.skipped) == (3, {"not settled, of another module, or not to be trained on": 1})
    over = done(chosen("add_to_dataset", by=ada, ticked=[rows[1].sample_id]), dataset=str(dataset.pk))
    assert (over.changed, over.skipped) == (0, {"in the dataset already": 1})
    dataset.refresh_from_db()
    assert dataset.status == "active"


def test_an_act_that_is_refused_midway_fails_with_its_sentence():
    ada = people.ada()
    rooms.samples(ada, 2)
    dataset = rooms.dataset_of(ada)
    type(dataset).objects.filter(pk=dataset.pk).update(status="archived")
    over = done(chosen("add_to_dataset", by=ada, query={}), dataset=str(dataset.pk))
    assert over.state == "failed"
    assert "archived" in over.error


class Faulty:
    """An act that breaks off as long as there is a fault in it."""

    def __init__(self, monkeypatch, after=0):
        self.broken, self.calls, self.after, real = True, 0, after, selection.act_named

        def act_named(slug):
            return replace(real(slug), apply=lambda *facts: self.apply(real(slug).apply, *facts))

        monkeypatch.setattr(selection, "act_named", act_named)

    def apply(self, real, *facts):
        self.calls += 1
        if self.broken and self.calls > self.after:
            raise ZeroDivisionError("a fault of ours, about MH12AB1234")
        return real(*facts)


def test_a_fault_of_ours_is_tried_five_times_and_told(samples, monkeypatch):
    fault = Faulty(monkeypatch)
    running = selection.begin(chosen(query={"text": "car"}), by=Selection.objects.get().owner, facts={"reason": "x"})
    for _ in range(4):
        selection.run(running.pk)
        running.refresh_from_db()
        assert (running.state, running.error) == ("running", "")
    selection.run(running.pk)
    running.refresh_from_db()
    assert (running.state, running.faults, running.changed) == ("failed", 5, 0)
    assert running.error.startswith("A fault of the hub stopped this 5 times (ZeroDivisionError)")
    assert "MH12AB1234" not in running.error
    selection.run(running.pk)
    assert fault.calls == 5
    assert Event.objects.filter(verb="finish").get().facts["state"] == "failed"


def test_what_failed_goes_on_behind_the_last_chunk_when_its_person_starts_it_again(samples, monkeypatch):
    monkeypatch.setattr(selection, "CHUNK", 2)
    fault = Faulty(monkeypatch, after=1)
    failed = done(chosen(query={"text": "car"}), reason="x")
    for _ in range(4):
        selection.run(failed.pk)
    failed.refresh_from_db()
    assert (failed.state, failed.changed, failed.query) == ("failed", 2, {"text": "car"})
    with pytest.raises(Conflict, match="Somebody else"):
        selection.resume(failed, by=people.bo())
    with pytest.raises(Conflict, match="start it again"):
        selection.begin(failed, by=failed.owner, facts={"reason": "x"})
    fault.broken = False
    selection.resume(failed, by=failed.owner)
    selection.run(failed.pk)
    failed.refresh_from_db()
    assert (failed.state, failed.seen, failed.changed, failed.error) == ("done", 6, 6, "")
    assert failed.query == {"text": "…"}
    assert states() == ["pending"] * 6
    with pytest.raises(Conflict, match="Only what failed"):
        selection.resume(failed, by=failed.owner)


def test_a_chunk_that_is_done_makes_faults_forgotten(samples, monkeypatch):
    monkeypatch.setattr(selection, "CHUNK", 2)
    fault = Faulty(monkeypatch)
    moving = done(chosen(query={}), reason="x")
    assert moving.faults == 1
    fault.broken = False
    selection.run(moving.pk)
    moving.refresh_from_db()
    assert (moving.state, moving.faults) == ("done", 0)


def test_one_that_breaks_off_does_not_keep_the_others_waiting(samples, monkeypatch):
    first, second = chosen(query={}), chosen(act="exclude", by=people.ada(), ticked=[samples[0].sample_id])
    for row in (first, second):
        selection.begin(row, by=row.owner, facts={"reason": "x"})
    monkeypatch.setattr("learning.actions.curating.PENDING", None, raising=False)
    monkeypatch.setattr("learning.actions.curating.settling.PENDING", None)
    tasks.sweep_selections()
    first.refresh_from_db(), second.refresh_from_db()
    assert (first.state, first.faults, second.state) == ("running", 1, "done")


def test_what_was_searched_is_forgotten_when_it_is_too_late_to_start_again(samples, monkeypatch):
    Faulty(monkeypatch)
    failed = done(chosen(query={"text": "car"}), reason="x")
    for _ in range(4):
        selection.run(failed.pk)
    Selection.objects.filter(pk=failed.pk).update(finished_at=timezone.now() - timedelta(days=8))
    selection.forget_drafts()
    failed.refresh_from_db()
    assert (failed.query, failed.is_resumable) == ({"text": "…"}, False)
    with pytest.raises(Conflict, match="too long ago"):
        selection.resume(failed, by=failed.owner)


def test_the_page_shows_why_and_starts_it_again(samples, monkeypatch):
    fault = Faulty(monkeypatch)
    failed = done(chosen(query={}), reason="x")
    for _ in range(4):
        selection.run(failed.pk)
    fault.broken = False
    page = looking(failed.owner)
    there = reverse("learning:selection", args=[failed.pk])
    shown = page.get(there).content.decode()
    assert "A fault of the hub stopped this 5 times" in shown
    assert reverse("learning:selection-resume", args=[failed.pk]) in shown
    assert page.post(reverse("learning:selection-resume", args=[failed.pk])).status_code == 302
    failed.refresh_from_db()
    assert failed.state == "running"
    assert looking(people.bo()).post(reverse("learning:selection-resume", args=[failed.pk])).status_code == 404


def test_it_works_in_chunks_and_a_second_worker_does_nothing_twice(samples, monkeypatch):
    monkeypatch.setattr(selection, "CHUNK", 2)
    running = selection.begin(chosen(query={}), by=people.rhea(), facts={"reason": "x"})
    monkeypatch.setattr("core.paging.SCAN", 3)
    assert selection._step(running.pk) is True
    running.refresh_from_db()
    assert (running.seen, running.changed) == (2, 2)
    selection.run(running.pk)
    selection.run(running.pk)
    running.refresh_from_db()
    assert (running.state, running.seen, running.changed) == ("done", 6, 6)
    assert ReviewSlot.objects.filter(state="open").count() == 6


def test_what_comes_later_is_not_meant(samples):
    draft = chosen(query={"state": "settled"})
    made.delivered(samples[0].city, 2, first=100)
    assert done(draft, reason="Once more.").changed == 6


def test_a_large_result_is_counted_by_a_task_before_it_can_begin(samples, monkeypatch):
    monkeypatch.setattr(selection, "COUNT_LIMIT", 4)
    monkeypatch.setattr("core.paging.SCAN", 2)
    draft = chosen(query={"state": "settled"})
    assert draft.total is None
    with pytest.raises(Conflict, match="being counted"):
        selection.begin(draft, by=draft.owner, facts={})
    assert selection.count(draft.pk) == 6
    assert selection.count(draft.pk) is None
    draft.refresh_from_db()
    assert draft.total == 6


def test_a_stopped_act_leaves_the_rest_as_it_was(samples, monkeypatch):
    monkeypatch.setattr(selection, "CHUNK", 2)
    running = selection.begin(chosen(query={}), by=people.rhea(), facts={"reason": "x"})
    selection._step(running.pk)
    running.refresh_from_db()
    selection.cancel(running, by=people.rhea())
    selection.run(running.pk)
    assert states() == ["pending"] * 2 + ["settled"] * 4
    with pytest.raises(IllegalMove):
        selection.cancel(running, by=people.rhea())


def test_who_may_not_is_refused_and_nothing_is_chosen_in_vain(samples):
    with pytest.raises(Refused):
        chosen(by=people.ann(), query={})
    with pytest.raises(Refused):
        chosen("exclude", by=people.rhea(), query={})
    with pytest.raises(Invalid, match="Tick at least one"):
        chosen(ticked=["nothing-like-this\0"])
    with pytest.raises(Invalid, match="narrow the filters"):
        chosen(ticked=[str(number) for number in range(501)])
    with pytest.raises(Invalid, match="makes no sense: City"):
        chosen(query={"city": "city_atlantis"})
    with pytest.raises(Invalid, match="nothing to do"):
        selection.begin(chosen(query={"state": "disputed"}), by=people.rhea(), facts={})
    with pytest.raises(Conflict):
        selection.begin(chosen(query={}), by=people.ada(), facts={})


def test_a_filter_that_lost_its_meaning_stops_the_act_instead_of_widening_it(samples):
    draft = chosen(query={"module": "vehicles"})
    Selection.objects.filter(pk=draft.pk).update(query={"module": "gone"})
    draft.refresh_from_db()
    over = done(draft, reason="x")
    assert (over.state, over.changed) == ("failed", 0)
    assert states() == ["settled"] * 6


def test_a_searched_plate_is_forgotten_and_never_in_the_audit(samples):
    LearningSample.objects.filter(pk=samples[0].pk).update(prediction={"text": "MH12AB1234"})
    draft = chosen(query={"text": "MH 12 ab"})
    assert draft.total == 1
    over = done(draft, reason="Whose plate MH12AB?")
    assert over.query == {"text": "…"}
    said = str(list(Event.objects.values_list("facts", flat=True)))
    assert "MH" not in said
    assert {"begin", "finish"} <= set(Event.objects.about("learning.selection", over.pk).values_list("verb", flat=True))


@pytest.mark.parametrize("text", ["mh12ab1234", "MH-12-AB 1234", "12AB", "bus"])
def test_an_answer_is_found_by_any_part_of_it(samples, text):
    LearningSample.objects.filter(pk=samples[2].pk).update(
        truth={"label": "bus", "boxes": [{"label": "plate", "bbox": [0, 0, 4, 4], "text": "MH 12 AB 1234"}]}
    )
    found = sample_filters.find_by({"text": text}, people.ada())
    assert [row.pk for row in found.samples] == [samples[2].pk]


@pytest.mark.parametrize("text", ["(((", "bbox", "'; --", ".*", '"', "\\"])
def test_what_is_no_part_of_an_answer_finds_nothing(samples, text):
    assert not sample_filters.find_by({"text": text}, people.ada()).samples.exists()
