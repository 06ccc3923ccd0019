"""What lists of training are narrowed by, and the forms of its verbs; rules stand in the verbs, not here."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.pages import Filters, RowField, RowsField
from learning.models import AiModule, City, LabelStatus
from training import gate
from training.folds import FOLDS
from training.gathered import Narrowing
from training.models import (
    DatasetStatus,
    DatasetVersion,
    Environment,
    JobKind,
    JobStatus,
    ModelStatus,
    ModelVersion,
    Split,
    TrainingJob,
)
from training.trainers.hyperparameters import describe
from training.trainers.registry import trainers

ANY = [("", _("any"))]
MOST_CLASSES = 200


def _modules() -> "forms.ModelChoiceField[AiModule]":
    return RowField(
        label=_("Module"),
        queryset=AiModule.objects.order_by("name"),
        to_field_name="slug",
        empty_label=_("any"),
        required=False,
    )


class DatasetFilters(Filters):
    """Module and status."""

    module = _modules()
    status = forms.ChoiceField(label=_("Status"), choices=[*ANY, *DatasetStatus.choices], required=False)


class PlaceFilters(Filters):
    """Labeled, verified, class, city and split: classes and cities are those that were counted."""

    labeled = forms.ChoiceField(label=_("Labeled"), choices=[*ANY, ("yes", _("yes")), ("no", _("no"))], required=False)
    verified = forms.ChoiceField(label=_("Verified"), choices=[*ANY, ("yes", _("yes")), ("no", _("no"))], required=False)
    label = forms.ChoiceField(label=_("Class"), choices=ANY, required=False)
    city = RowField(label=_("City"), queryset=City.objects.none(), to_field_name="slug", empty_label=_("any"), required=False)
    split = forms.ChoiceField(
        label=_("Split"), choices=[*ANY, *Split.choices, ("none", _("not in the newest version"))], required=False
    )

    def __init__(self, data: Any = None, *, cells: Sequence[Sequence[Any]] = ()) -> None:
        super().__init__(data)
        labels = sorted({cell[0] for cell in cells if cell[0]})
        self.fields["label"].choices = [*ANY, *((name, name) for name in labels[:MOST_CLASSES])]  # type: ignore[attr-defined]
        cities = City.objects.filter(slug__in={cell[1] for cell in cells}).order_by("name")
        self.fields["city"].queryset = cities  # type: ignore[attr-defined]

    def narrowing(self, version: DatasetVersion | None) -> Narrowing:
        """Answer what was chosen; splits are of `version`."""
        chosen, switch = self.chosen, {"yes": True, "no": False}
        labeled, verified = (switch.get(chosen.get(name, "")) for name in ("labeled", "verified"))
        facts: dict[str, Any] = {name: chosen[name] for name in ("label", "city", "split") if name in chosen}
        return Narrowing(is_labeled=labeled, is_verified=verified, version=version, **facts)


class JobFilters(Filters):
    """Module, status and kind."""

    module = _modules()
    status = forms.ChoiceField(label=_("Status"), choices=[*ANY, *JobStatus.choices], required=False)
    kind = forms.ChoiceField(label=_("Kind"), choices=[*ANY, *JobKind.choices], required=False)


class ModelFilters(Filters):
    """Module and status."""

    module = _modules()
    status = forms.ChoiceField(label=_("Status"), choices=[*ANY, *ModelStatus.choices], required=False)


class DatasetForm(forms.Form):
    """A new dataset and its rule."""

    name = forms.CharField(label=_("Name"), max_length=120)
    module = RowField(label=_("Module"), queryset=AiModule.objects.order_by("name"), to_field_name="slug", empty_label=None)
    description = forms.CharField(label=_("What it is for"), max_length=10_000, required=False)
    environment = forms.ChoiceField(label=_("Environment"), choices=Environment.choices)
    label_status = forms.MultipleChoiceField(
        label=_("Samples whose label is"),
        choices=[(status.value, status.label) for status in (LabelStatus.CORRECT, LabelStatus.CHANGED)],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("None chosen: both."),
    )
    cities = RowsField(
        label=_("From cities"),
        queryset=City.objects.none(),
        to_field_name="slug",
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("None chosen: all."),
    )
    min_quality = forms.FloatField(label=_("Least image quality"), min_value=0, max_value=1, required=False)

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        self.fields["cities"].queryset = City.objects.visible_to(user).order_by("name")  # type: ignore[attr-defined]

    @property
    def rule(self) -> dict[str, Any]:
        """Answer the rule as dataset.add takes it."""
        chosen = self.cleaned_data
        rule = {
            "label_status": chosen["label_status"],
            "cities": [city.slug for city in chosen["cities"]],
            "min_quality": chosen["min_quality"],
        }
        return {key: value for key, value in rule.items() if value not in (None, [])}


class FreezeForm(forms.Form):
    """A new version of a dataset; shares in percent."""

    version = forms.CharField(label=_("Version"), max_length=40)
    seed = forms.IntegerField(label=_("Seed"), initial=0)
    train = forms.IntegerField(label=_("Train %"), initial=80, min_value=0, max_value=100)
    validation = forms.IntegerField(label=_("Validation %"), initial=10, min_value=0, max_value=100)
    test = forms.IntegerField(label=_("Test %"), initial=10, min_value=0, max_value=100)
    release_notes = forms.CharField(label=_("Notes"), max_length=10_000, required=False)

    @property
    def split(self) -> dict[str, float]:
        """Answer the shares as version.create takes them."""
        return {name: self.cleaned_data[name] / 100 for name in ("train", "validation", "test")}


class ReasonForm(forms.Form):
    """A sentence that goes with an act on a model version."""

    text = forms.CharField(label=_("Notes"), max_length=4_000, required=False)


class GateRuleForm(forms.Form):
    """One rule of a release gate; without a measure it is none."""

    measure = forms.ChoiceField(
        label=_("Measure"), choices=[("", "–"), *((name, name.replace("_", " ")) for name in gate.MEASURES)], required=False
    )
    kind = forms.ChoiceField(
        label=_("Rule"),
        choices=[
            ("at_least", _("at least")),
            ("at_most", _("at most")),
            ("each_class_at_least", _("of each class at least")),
            ("not_worse", _("worse than the active version by at most")),
        ],
        required=False,
    )
    value = forms.FloatField(label=_("Value"), min_value=0, required=False)

    @property
    def rule(self) -> dict[str, Any] | None:
        """Answer the rule, None for a row without one."""
        told = self.cleaned_data
        if not told.get("measure"):
            return None
        return {"measure": told["measure"], "kind": told["kind"] or "at_least", "value": told.get("value") or 0.0}


class TrainForm(forms.Form):
    """A training job on a frozen version; each trainer's hyperparameters are fields `<trainer>.<name>`."""

    name = forms.CharField(label=_("Name"), max_length=120)
    trainer = forms.ChoiceField(label=_("Trainer"))
    base_model_version = RowField(
        label=_("Fine-tune from"), queryset=ModelVersion.objects.none(), empty_label=_("nothing: train anew"), required=False
    )
    seed = forms.IntegerField(label=_("Seed"), initial=0, required=False)
    score_folds = forms.TypedChoiceField(
        label=_("Look for wrong labels"),
        help_text=_("Scores each train sample by a network that never saw it, which takes as many trainings more."),
        choices=[("", _("no")), *((number, _("in %(n)d folds") % {"n": number}) for number in FOLDS)],
        coerce=int,
        empty_value=None,
        required=False,
    )
    grid = forms.CharField(
        label=_("Try several"),
        help_text=_("learning_rate = 0.001, 0.01; hidden_units = 32, 64 makes four jobs, to be compared"),
        max_length=500,
        required=False,
    )

    def __init__(self, data: Any = None, *, version: DatasetVersion, user: User, like: TrainingJob | None = None) -> None:
        super().__init__(data, initial=_initial_of(like) if like else {"name": f"{version.dataset.name} {version.version}"})
        self._like = like
        module = version.dataset.module
        self._offered = {name: trainer for name, trainer in trainers().items() if module.task in trainer.tasks}
        self.fields["trainer"].choices = [(name, trainer.title) for name, trainer in self._offered.items()]  # type: ignore[attr-defined]
        own = ModelVersion.objects.visible_to(user).filter(module=module).exclude(status=ModelStatus.DEPRECATED)
        self.fields["base_model_version"].queryset = own.only("name", "version").order_by("-created_at")  # type: ignore[attr-defined]
        for name, trainer in self._offered.items():
            for facts in describe(trainer.hyperparameters):
                self.fields[f"{name}.{facts['name']}"] = _field_of(facts)

    @property
    def plain(self) -> list[forms.BoundField]:
        """Answer the fields that every trainer shares."""
        return [field for field in self if "." not in field.name]

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField], bool]]:
        """Answer the hyperparameters of each trainer, under its title, and whether they are what an earlier job ran with."""
        of_earlier = self._like.trainer if self._like else ""
        return [
            (trainer.title, [field for field in self if field.name.startswith(f"{name}.")], name == of_earlier)
            for name, trainer in self._offered.items()
        ]

    @property
    def asked(self) -> dict[str, Any]:
        """Answer what job.create takes from this form."""
        chosen = self.cleaned_data
        prefix = f"{chosen['trainer']}."
        given = {name.removeprefix(prefix): value for name, value in chosen.items() if name.startswith(prefix)}
        return {
            **{name: chosen[name] for name in ("name", "trainer", "base_model_version")},
            "hyperparameters": {name: value for name, value in given.items() if value not in (None, "")},
            "training_config": {"score_folds": chosen["score_folds"]} if chosen["score_folds"] else {},
            "seed": chosen["seed"] or 0,
        }


def _initial_of(job: TrainingJob) -> dict[str, Any]:
    """Answer what an earlier job was asked with, as this form's initial values."""
    return {
        "name": job.name,
        "trainer": job.trainer,
        "base_model_version": job.base_model_version_id,
        "seed": job.seed,
        "score_folds": job.training_config.get("score_folds") or "",
        **{f"{job.trainer}.{name}": value for name, value in job.hyperparameters.items()},
    }


def _field_of(facts: Mapping[str, Any]) -> forms.Field:
    """Make the field of one hyperparameter as `describe` tells it."""
    shared = {"label": facts["title"], "initial": facts["default"], "required": False}
    if facts["type"] == "string":
        return forms.ChoiceField(choices=[(word, word) for word in facts["choices"]], **shared)
    kind = forms.IntegerField if facts["type"] == "integer" else forms.FloatField
    return kind(min_value=facts.get("minimum"), max_value=facts.get("maximum"), **shared)
