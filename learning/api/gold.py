"""`learning/gold`, `learning/pauses`, `learning/quality`: how well people judge; for reviewers."""

from datetime import date
from typing import Any

from django.db.models import Prefetch
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authorise import speaker
from accounts.models import User
from accounts.policy import Permission, users_who_may
from core.errors import Malformed
from core.pages import found
from core.paging import keyset_page, page_size
from learning import quality_figures as figures
from learning.actions import gold, pause
from learning.api.wire import blind_answers
from learning.dead_ends import dead_ends
from learning.models import AiModule, AnnotatorPause, City, GoldAnswer, HitlLabel, LearningSample, QualityMeasure, SampleState
from learning.models.gold import MAX_REASON
from learning.proportion import Proportion
from learning.quality_forms import QualityFilters

OF_WEEKS = [OpenApiParameter(name) for name in ("ai_module", "since", "until")]
PAGED = [OpenApiParameter("ai_module"), OpenApiParameter("cursor"), OpenApiParameter("page_size")]


class Promoted(serializers.Serializer[Any]):
    """The settled sample that becomes gold."""

    sample_id = serializers.CharField(max_length=200)


class Why(serializers.Serializer[Any]):
    """Why it is done."""

    reason = serializers.CharField(max_length=MAX_REASON)


class Paused(Why):
    """Who is paused in which module, and why."""

    ai_module = serializers.CharField(max_length=64)
    user = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class ReviewerView(APIView):
    """What all views of this room share: who may see how others judge."""

    permission = Permission.ADJUDICATE

    def listed(self, request: Request, rows: Any) -> Any:
        """Answer a page of `rows`, newest first, of one module where it is named."""
        if slug := request.query_params.get("ai_module"):
            rows = rows.filter(module=found(AiModule.objects.all(), slug=slug))
        size = page_size(request.query_params.get("page_size"))
        return keyset_page(rows, order="-id", cursor=request.query_params.get("cursor", ""), size=size)


class Gold(ReviewerView):
    """The gold samples."""

    @extend_schema(operation_id="learning_gold_list", parameters=PAGED, responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page of those that are in use or were, newest first."""
        page = self.listed(request, GoldAnswer.objects.select_related("sample", "module"))
        return Response({"results": [gold_document(row) for row in page.results], "next": page.next})

    @extend_schema(request=Promoted, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Make a settled sample gold, on whose answer two people agree; twice is the first one."""
        samples = LearningSample.objects.visible_to(speaker(request))
        sample = found(samples, sample_id=_read(Promoted, request)["sample_id"])
        return Response(gold_document(gold.promote(sample, by=speaker(request))), status=201)


class Retire(ReviewerView):
    """Taking gold out of use."""

    @extend_schema(request=Why, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Show a gold sample no more; twice is success."""
        answer = found(GoldAnswer.objects.all(), pk=int(pk))
        return Response(gold_document(gold.retire(answer, by=speaker(request), **_read(Why, request))))


class Pauses(ReviewerView):
    """Who is paused."""

    @extend_schema(operation_id="learning_pauses_list", parameters=PAGED, responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page of pauses, lifted ones too, newest first."""
        page = self.listed(request, AnnotatorPause.objects.select_related("module"))
        return Response({"results": [pause_document(row) for row in page.results], "next": page.next})

    @extend_schema(request=Paused, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Keep somebody from judging in a module; twice is the first one."""
        asked = _read(Paused, request)
        module: AiModule = found(AiModule.objects.all(), slug=asked["ai_module"])
        person: User = found(users_who_may(Permission.ANNOTATE), pk=asked["user"])
        score = gold.score(module.pk, person.pk)
        row = pause.pause(module, person, by=speaker(request), why=asked["reason"], score=score)
        return Response(pause_document(row), status=201)


class Lift(ReviewerView):
    """Letting somebody judge again."""

    @extend_schema(request=Why, responses=dict)
    def post(self, request: Request, pk: str) -> Response:
        """Lift a pause; twice is success."""
        row = found(AnnotatorPause.objects.select_related("module"), pk=int(pk))
        return Response(pause_document(pause.lift(row, by=speaker(request), why=_read(Why, request)["reason"])))


class Quality(ReviewerView):
    """The figures of quality."""

    @extend_schema(parameters=OF_WEEKS, responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a module's figures of some weeks: people, agreement, confusion, corrections; each share with its interval."""
        module, since, until = _weeks(request)
        rows = figures.counts(module, since, until)
        return Response({"ai_module": module.slug, "since": since, "until": until, **quality_document(rows, module)})


class Agreement(ReviewerView):
    """How far people agree."""

    @extend_schema(parameters=OF_WEEKS, responses=dict)
    def get(self, request: Request) -> Response:
        """Answer the agreement in a module over some weeks: of pairs with its interval, alpha, kappa, overlap of boxes."""
        module, since, until = _weeks(request)
        whole = figures.agreement_of(figures.counts(module, since, until))
        return Response({"ai_module": module.slug, "since": since, "until": until, **agreement_document(whole)})


class Disputes(ReviewerView):
    """What people could not agree on."""

    @extend_schema(parameters=PAGED, responses=dict)
    def get(self, request: Request) -> Response:
        """Answer a page of disputed samples with their answers, without who gave them; they are settled at `review/next`."""
        samples = LearningSample.objects.visible_to(speaker(request)).filter(state=SampleState.DISPUTED)
        said = Prefetch("labels", HitlLabel.objects.disputed(), to_attr="disputed")
        page = self.listed(request, samples.select_related("module", "city").prefetch_related(said))
        return Response({"results": [dispute_document(row) for row in page.results], "next": page.next})


def gold_document(answer: GoldAnswer) -> dict[str, Any]:
    """Answer a gold sample, for reviewers."""
    return {
        "id": answer.pk,
        "sample_id": answer.sample.sample_id,
        "version": answer.version,
        "truth": answer.truth,
        "category": answer.category,
        "right": share_document(Proportion(answer.right_answers, answer.showings)),
        "promoted_at": answer.promoted_at,
        "retired_at": answer.retired_at,
        "retired_because": answer.retired_because,
    }


def pause_document(row: AnnotatorPause) -> dict[str, Any]:
    """Answer a pause; `by` is null where the score did it."""
    return {
        "id": row.pk,
        "ai_module": row.module.slug,
        "user": row.user_id,
        "why": row.why,
        "score": row.score,
        "answers": row.answers,
        "since": row.since,
        "by": row.by_id,
        "lifted_at": row.lifted_at,
        "lifted_by": row.lifted_by_id,
        "lifted_because": row.lifted_because,
    }


def share_document(rate: Proportion) -> dict[str, Any]:
    """Answer a share with its 95 % interval."""
    return {"hits": rate.hits, "n": rate.n, "low": rate.low, "high": rate.interval[1]}


def agreement_document(whole: figures.Agreement) -> dict[str, Any]:
    """Answer how far people agree; alpha, kappa and iou are null where there is too little, or none by its nature."""
    return {"pairs": share_document(whole.pairs), "alpha": whole.alpha, "kappa": whole.kappa, "iou": whole.overlap}


def dispute_document(sample: Any) -> dict[str, Any]:
    """Answer a sample, with its labels as `disputed`, as who settles it may see it before."""
    named = {"sample_id": sample.sample_id, "ai_module": sample.module.slug, "city": sample.city.slug}
    return {**named, "captured_at": sample.captured_at, "answers": blind_answers(sample.disputed)}


def quality_document(rows: Any, module: AiModule) -> dict[str, Any]:
    """Answer the figures in counts of quality, and what waits in the module for nobody."""
    corrected = figures.corrections(rows)
    cities = City.objects.in_bulk({row.city for row in corrected})
    return {
        "people": [
            {
                "user": week.person,
                "week": week.week,
                "judged": week.judged,
                "seconds": week.seconds,
                "gold": share_document(week.gold),
                "checks_failed": share_document(week.checked),
                "returned": week.returned,
                "agreement": share_document(week.agreement),
                "like_the_truth": share_document(week.right),
            }
            for week in figures.by_person(rows)
        ],
        "agreement": agreement_document(figures.agreement_of(rows)),
        "confusion": [
            {"said": said, "meant": meant, "n": n} for said, meant, n in figures.confused(rows, QualityMeasure.PREDICTED)
        ],
        "corrections": [
            {
                "city": cities[row.city].slug,
                "model": row.model,
                "version": row.version,
                "changed": share_document(row.rate),
            }
            for row in corrected
        ],
        "dead_ends": [
            {"queue": each.queue, "samples": each.samples, "sentence": each.sentence, "remedies": list(each.remedies)}
            for each in dead_ends([module])
        ],
    }


def _weeks(request: Request) -> tuple[AiModule, date, date]:
    """Read which module and which weeks are asked for; raises Malformed, Missing."""
    module = found(AiModule.objects.all(), slug=request.query_params.get("ai_module", ""))
    form = QualityFilters({name: request.query_params.get(name, "") for name in ("since", "until")})
    if not form.is_valid():
        raise Malformed("since and until are days, like 2026-11-20.")
    return module, *form.period


def _read(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)
