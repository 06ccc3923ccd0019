"""The acts over many samples that the learning store offers itself."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.policy import Permission
from learning.actions import curating, gold
from learning.acts import Act, ActForm


class ReasonForm(ActForm):
    """Why it is done; kept with the selection."""

    reason = forms.CharField(label=_("Reason"), min_length=3, max_length=60, strip=True)


CURATING = (
    Act(
        name="reopen",
        label=_("Review again"),
        explained=_(
            "Each sample gets another round of review. What people said before stays on record and makes no truth any more; "
            "frozen versions keep what they have."
        ),
        permission=Permission.ADJUDICATE,
        apply=curating.reopen,
        form=ReasonForm,
    ),
    Act(
        name="exclude",
        label=_("Exclude"),
        explained=_(
            "Each sample is judged unsure for this reason and has no truth any more. By the retention rules its image goes like "
            "that of any unsure sample; until then it can be reviewed again."
        ),
        permission=Permission.CURATE_SAMPLES,
        apply=curating.exclude,
        form=ReasonForm,
        is_grave=True,
    ),
    Act(
        name="gold",
        label=_("Make gold"),
        explained=_(
            "Each settled sample on whose answer two people agree is mixed into the work of those who never saw it, to see how "
            "well they judge. It enters no dataset version as long as it is gold."
        ),
        permission=Permission.ADJUDICATE,
        apply=gold.promote_all,
    ),
)
