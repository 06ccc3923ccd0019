"""What a list of samples is narrowed by: read from a URL, turned into what an index finds and what is looked through.

The page, its export and acts over a whole result read the same query, so that they mean the same samples.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet
from django.db.models.fields import TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.policy import Permission, users_who_may
from core.pages import Filters, RowField
from learning.models import (
    AiModule,
    Camera,
    City,
    HitlLabel,
    ImageFingerprint,
    LabelStatus,
    LearningSample,
    SampleState,
    SampleType,
)

Row = TypeVar("Row", bound=Model)
ANY = [("", _("any"))]
YES_NO = [*ANY, ("yes", _("yes")), ("no", _("no"))]
MAX_TEXT = 64
NO_NUL = RegexValidator(r"\x00", inverse_match=True)
SECRET = frozenset({"text"})
"""Filters that may hold somebody's plate: they are used, and not kept."""


def cities_field() -> "forms.ModelChoiceField[City]":
    """Make a choice of cities, to be filled for a user by `offer_cities`."""
    none = City.objects.none()
    return RowField(label=_("City"), queryset=none, to_field_name="slug", empty_label=_("any"), required=False)


def offer_cities(form: forms.Form, user: User) -> None:
    """Offer the cities that `user` sees."""
    cities = form.fields["city"]
    assert isinstance(cities, forms.ModelChoiceField)
    cities.queryset = City.objects.visible_to(user).order_by("name")


def _words(label: Any, length: int = 200, **attributes: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"size": 14, **attributes})
    return forms.CharField(label=label, required=False, max_length=length, widget=widget, validators=[NO_NUL])


def day_field(label: Any) -> forms.DateField:
    """Make a choice of a day that is not from another age."""
    within = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2100, 1, 1))]
    picker = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=False, widget=picker, validators=within)


def _share(label: Any) -> forms.FloatField:
    step = forms.NumberInput(attrs={"step": "0.05", "min": 0, "max": 1})
    return forms.FloatField(label=label, required=False, min_value=0, max_value=1, widget=step)


class SampleFilters(Filters):
    """All that samples are found by; what makes no sense counts as not chosen."""

    module = RowField(
        label=_("Module"), queryset=AiModule.objects.none(), to_field_name="slug", empty_label=_("any"), required=False
    )
    state = forms.ChoiceField(label=_("State"), choices=[*ANY, *SampleState.choices], required=False)
    label_status = forms.ChoiceField(label=_("Label"), choices=[*ANY, *LabelStatus.choices], required=False)
    city = cities_field()
    text = _words(_("Answer or plate"), MAX_TEXT, placeholder=str(_("all or part of it")))
    camera = _words(_("Camera"), 120)
    since = day_field(_("Captured from"))
    until = day_field(_("Captured to"))
    quality_from = _share(_("Quality from"))
    quality_to = _share(_("Quality to"))
    model = _words(_("Predicted by"), 120)
    version = _words(_("Its version"), 40)
    batch = _words(_("Batch"), 120)
    alike = forms.ChoiceField(label=_("Has look-alikes"), choices=YES_NO, required=False)
    near = _words(_("Looks like sample"))
    by_reference = forms.ChoiceField(label=_("By reference"), choices=YES_NO, required=False)
    sample_type = forms.ChoiceField(label=_("Type"), choices=[*ANY, *SampleType.choices], required=False)
    predicted = _words(_("Predicted as"), 120)
    truth = _words(_("Is in truth"), 120)
    misread = _words(_("Misread"), 3, placeholder="O>0")
    judged_by = RowField(label=_("Judged by"), queryset=User.objects.none(), empty_label=_("any"), required=False)
    judged_since = day_field(_("Judged from"))
    judged_until = day_field(_("Judged to"))
    said = _words(_("Judged as"), 120)
    gold = forms.ChoiceField(label=_("Gold"), choices=YES_NO, required=False)

    FIRST = ("module", "state", "label_status", "city", "text")

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        offer_cities(self, user)
        modules = self.fields["module"]
        assert isinstance(modules, forms.ModelChoiceField)
        modules.queryset = AiModule.objects.visible_to(user).order_by("name")
        self._offer_judges(user)

    def _offer_judges(self, user: User) -> None:
        """Offer who judges; the hub's people, gold and what they said are for its own people."""
        judges = self.fields["judged_by"]
        assert isinstance(judges, forms.ModelChoiceField)
        if user.is_hub_staff:
            judges.queryset = users_who_may(Permission.ANNOTATE).order_by("name", "pk")
            return
        for name in ("judged_by", "judged_since", "judged_until", "said", "gold"):
            del self.fields[name]

    @property
    def first_fields(self) -> list[Any]:
        """Answer the filters that are always shown."""
        return [self[name] for name in self.FIRST]

    @property
    def further_fields(self) -> list[Any]:
        """Answer those that are folded away."""
        return [self[name] for name in self.fields if name not in self.FIRST]

    @property
    def narrows_further(self) -> bool:
        """Tell whether one of those is chosen that are folded away."""
        return any(name not in self.FIRST for name in self.chosen)

    @property
    def query(self) -> dict[str, str]:
        """Answer what was chosen as it stands in a URL."""
        self.is_valid()
        return {name: self.data[name] for name in self.fields if name in self.chosen}


@dataclass(frozen=True)
class Found:
    """Samples: `rows` is what an index finds, `narrow` what is tested on each of them."""

    rows: QuerySet[LearningSample]
    narrow: Q

    @property
    def samples(self) -> QuerySet[LearningSample]:
        """Answer them without a bound; for sets known to be small."""
        return self.rows.filter(self.narrow)


def find(form: SampleFilters, user: User) -> Found:
    """Answer what of a user's samples was asked for."""
    chosen = form.chosen
    rows: QuerySet[LearningSample] = LearningSample.objects.visible_to(user)
    indexed = _by_person(chosen) or _indexed(chosen, user)
    narrow = Q()
    for name, value in chosen.items():
        if name in NARROWS and name not in indexed:
            narrow &= NARROWS[name](value)
    for condition in indexed.values():
        rows = rows.filter(condition)
    narrow &= _captured(chosen)
    return Found(_with_text(rows, chosen), narrow)


def find_by(query: Mapping[str, str], user: User) -> Found:
    """Answer the same of a query that was kept."""
    return find(SampleFilters(dict(query), user=user), user)


def _indexed(chosen: Mapping[str, Any], user: User) -> dict[str, Q]:
    """Answer the filters by which an index walks the samples in the order of their keys."""
    if near := chosen.get("near"):
        return {"near": _near(near, user)}
    if batch := chosen.get("batch"):
        return {"batch": Q(batch=batch)}
    if camera := chosen.get("camera"):
        cameras = Camera.objects.filter(city__in=City.objects.visible_to(user), camera_id=camera)
        return {"camera": Q(camera__in=list(cameras.values_list("pk", flat=True)))}
    if "city" in chosen:
        return {"city": Q(city=chosen["city"])}
    if "module" in chosen and "state" in chosen:
        return {"module": Q(module=chosen["module"]), "state": Q(state=chosen["state"])}
    return {}


def _by_person(chosen: Mapping[str, Any]) -> dict[str, Q]:
    """Answer the filters that standing judgements by somebody are found by, in days of UTC; nothing where nobody is chosen."""
    if "judged_by" not in chosen:
        return {}
    judged = HitlLabel.objects.standing().filter(annotator=chosen["judged_by"])
    if "judged_since" in chosen:
        judged = judged.filter(labeled_at__gte=datetime.combine(chosen["judged_since"], time(), UTC))
    if "judged_until" in chosen:
        judged = judged.filter(labeled_at__lte=datetime.combine(chosen["judged_until"], time.max, UTC))
    told: QuerySet[HitlLabel] = _saying(judged, chosen["said"]) if "said" in chosen else judged
    return {"judged_by": Q(pk__in=told.values("sample")), "said": Q()}


def _saying(labels: QuerySet[HitlLabel], label: str) -> QuerySet[HitlLabel]:
    kept = Q(label_status=LabelStatus.CORRECT) & _has_label("prediction", label)
    return _spelled(labels, "prediction", "correction").filter(kept | _has_label("correction", label))


def _has_label(column: str, label: str) -> Q:
    """Select what has this label, as a whole or in one of its boxes; databases spell letters that are not ASCII differently."""
    names = "|".join({re.escape(label), re.escape(json.dumps(label)[1:-1])})
    return Q(**{f"{column}_spelled__regex": f'"label": ?"({names})"'})


def _misread(pair: str) -> Q:
    """Select texts that were corrected, with the first character in the prediction and the second in the truth ("O>0")."""
    read, _sign, meant = pair.partition(">")
    wrong = Q(label_status=LabelStatus.CHANGED)
    return wrong & Q(prediction__text__icontains=read) & Q(truth__text__icontains=meant)


def _near(sample_id: str, user: User) -> Q:
    """Select what looks like a sample, itself included; nothing where it is out of reach."""
    sample = LearningSample.objects.visible_to(user).filter(sample_id=sample_id).first()
    if sample is None:
        return Q(pk__in=[])
    root = ImageFingerprint.objects.filter(object=sample.object_id).values_list("root", flat=True).first()
    return Q(object__fingerprint__root=root) if root else Q(pk=sample.pk)


def _alike(value: str) -> Q:
    same = ImageFingerprint.objects.filter(root=OuterRef("object__fingerprint__root")).exclude(object=OuterRef("object"))
    return Q(Exists(same)) if value == "yes" else ~Q(Exists(same))


def _is(text: str) -> bool:
    return text == "yes"


def _captured(chosen: Mapping[str, Any]) -> Q:
    """Select by the day of capture: the city's own where one is chosen, else UTC's."""
    zone = chosen["city"].zone if "city" in chosen else UTC
    begun = Q(captured_at__gte=datetime.combine(chosen["since"], time(), zone)) if "since" in chosen else Q()
    over = Q(captured_at__lte=datetime.combine(chosen["until"], time.max, zone)) if "until" in chosen else Q()
    return begun & over


def _with_text(rows: QuerySet[LearningSample], chosen: Mapping[str, Any]) -> QuerySet[LearningSample]:
    return _spelled(rows, "prediction", "truth") if chosen.keys() & {"text", "predicted", "truth"} else rows


def _spelled(rows: QuerySet[Row], *columns: str) -> QuerySet[Row]:
    """Let columns of JSON be compared as texts."""
    spelled: QuerySet[Row] = rows.alias(**{f"{name}_spelled": Cast(F(name), TextField()) for name in columns})
    return spelled


def _says(text: str) -> Q:
    """Select samples whose prediction or truth has `text` in a label, text or attribute; blanks, dots and dashes do not count."""
    letters = [re.escape(letter) for letter in text if letter.isalnum()]
    if not letters:
        return Q(pk__in=[])
    pattern = r'": ?"[^"]*' + "[ .-]?".join(letters)
    return Q(prediction_spelled__iregex=pattern) | Q(truth_spelled__iregex=pattern)


NARROWS: dict[str, Callable[[Any], Q]] = {
    "module": lambda value: Q(module=value),
    "state": lambda value: Q(state=value),
    "label_status": lambda value: Q(label_status=value),
    "city": lambda value: Q(city=value),
    "text": _says,
    "camera": lambda value: Q(camera__camera_id=value),
    "quality_from": lambda value: Q(image_quality_score__gte=value),
    "quality_to": lambda value: Q(image_quality_score__lte=value),
    "model": lambda value: Q(predicted_by__model=value),
    "version": lambda value: Q(predicted_by__version=value),
    "batch": lambda value: Q(batch=value),
    "alike": _alike,
    "by_reference": lambda value: Q(by_reference=_is(value)),
    "sample_type": lambda value: Q(sample_type=value),
    "predicted": lambda value: _has_label("prediction", value),
    "truth": lambda value: _has_label("truth", value),
    "misread": _misread,
    "said": lambda value: Q(Exists(_saying(HitlLabel.objects.standing().filter(sample=OuterRef("pk")).by_people(), value))),
    "gold": lambda value: Q(is_gold=_is(value)),
}
