"""The form of a review policy, in words; shares are percent here, and what makes sense is the verb's to judge."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from learning.models import Adjudicators, CityLabels, ReviewPolicy
from learning.models.policy import WEIGHTS


def _percent(label: Any, help_text: Any = "", most: int = 100) -> forms.FloatField:
    widget = forms.NumberInput(attrs={"step": "any", "min": 0, "max": most})
    return forms.FloatField(label=label, help_text=help_text, min_value=0, max_value=most, widget=widget)


def _whole(label: Any, least: int, most: int, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(label=label, help_text=help_text, min_value=least, max_value=most)


class PolicyForm(forms.Form):
    """All terms, in the order in which a sample meets them."""

    city_labels = forms.ChoiceField(
        label=_("Labels that cities send along"),
        choices=[
            (CityLabels.TRUST, _("are taken as they are")),
            (CityLabels.CHECK, _("are taken, and a share is judged all the same")),
            (CityLabels.REVIEW, _("are all judged by people")),
        ],
    )
    check_share = _percent(_("That share, %"))
    overlap = _whole(_("People who judge each sample"), 1, 9)
    double_share = _percent(
        _("Second judgement, %"),
        _("Where one person judges: of so many samples a second one, who does not see the first answer."),
    )
    iou = _percent(_("Boxes are the same from, % overlap"))
    adjudicators = forms.ChoiceField(
        label=_("Disputes are settled by"),
        choices=[(Adjudicators.OTHERS, _("a reviewer who did not judge the sample")), (Adjudicators.ANY, _("any reviewer"))],
    )
    hide_prediction = forms.BooleanField(label=_("People judge without seeing the prediction"), required=False)
    first_judgements = _whole(_("A person's first judgements"), 0, 100_000)
    first_check_share = _percent(_("Of these a reviewer checks, %"))
    later_check_share = _percent(_("Of later ones, %"))
    grid_full_share = _percent(_("Of the grid judged in full, %"))
    gold_share = _percent(_("Gold among the work, %"), _("Samples whose answer is known."), 50)
    gold_retire_after = _whole(_("Showings until one retires"), 1, 10_000)
    gold_threshold = _percent(_("Paused below, % right"))
    gold_min = _whole(_("Counted from, gold answers"), 1, 10_000)
    random_share = _percent(_("By lot, %"), _("Taken in no order, so that figures are honest."))
    weight_base = forms.FloatField(label=_("Weight of the base"), min_value=0, max_value=1_000)
    weight_uncertainty = forms.FloatField(label=_("Weight of uncertainty"), min_value=0, max_value=1_000)
    weight_rare_class = forms.FloatField(label=_("Weight of rare classes"), min_value=0, max_value=1_000)
    weight_age = forms.FloatField(label=_("Weight of age"), min_value=0, max_value=1_000)
    weight_city_quota = forms.FloatField(label=_("Weight of a city's quota"), min_value=0, max_value=1_000)
    reason = forms.CharField(label=_("Why"), max_length=300, required=False, help_text=_("Stands in the history."))
    based_on = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    GROUPS = (
        (_("What cities send"), ("city_labels", "check_share")),
        (_("Judgements"), ("overlap", "double_share", "iou", "adjudicators", "hide_prediction")),
        (_("Checks by reviewers"), ("first_judgements", "first_check_share", "later_check_share", "grid_full_share")),
        (_("Gold"), ("gold_share", "gold_retire_after", "gold_threshold", "gold_min")),
        (_("Order of the queue"), ("random_share", *(f"weight_{name}" for name in WEIGHTS))),
    )
    SHARES = (
        "check_share",
        "double_share",
        "iou",
        "first_check_share",
        "later_check_share",
        "grid_full_share",
        "gold_share",
        "gold_threshold",
        "random_share",
    )

    @classmethod
    def of(cls, policy: ReviewPolicy, version: int) -> "PolicyForm":
        """Answer the form filled with a policy."""
        shares = {name: f"{100 * getattr(policy, name):.6g}" for name in cls.SHARES}
        weights = {f"weight_{name}": f"{weight:g}" for name, weight in policy.weights.items()}
        return cls(initial={**policy.terms, **shares, **weights, "based_on": version})

    @property
    def terms(self) -> dict[str, Any]:
        """Answer the terms as the verb takes them."""
        given = {name: value for name, value in self.cleaned_data.items() if name not in {"reason", "based_on"}}
        weights = {name: given.pop(f"weight_{name}") for name in WEIGHTS}
        return {**given, **{name: round(given[name] / 100, 8) for name in self.SHARES}, "weights": weights}

    @property
    def groups(self) -> list[tuple[Any, list[Any]]]:
        """Answer the fields under their headings."""
        return [(title, [self[name] for name in names]) for title, names in self.GROUPS]
