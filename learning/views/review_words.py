"""What the script of the review page says, in the reader's language; {names} are filled in by the script."""

from django.utils.translation import gettext_lazy as _

WORDS = {
    # values, and what was decided
    "prediction": _("Prediction"),
    "predicted": _("predicted: {said}"),
    "none": _("no prediction"),
    "hidden": _("Judge for yourself"),
    "hiddenBy": _("This module's policy hides the prediction."),
    "oneBox": _("1 box"),
    "boxes": _("{n} boxes"),
    "nothing": _("nothing"),
    "unsure": _("unsure"),
    "skip": _("skipped"),
    "reject": _("rejected"),
    "return": _("returned"),
    "required": _("required"),
    # what keeps a decision back
    "noPrediction": _("There is no prediction to agree with: choose a label."),
    "noText": _("Type what it says, or say that there is nothing."),
    "noBoxes": _("There is no prediction to agree with: draw a box, or say that there is nothing."),
    "badForm": _("Not of the form that this module asks for."),
    "missing": _("{name} is required."),
    "missingOfBox": _("{name} of this box is required."),
    # reasons
    "whyUnsure": _("Why unsure?"),
    "whyReject": _("Why reject it?"),
    "whyReturn": _("Why return it?"),
    "noReason": _("no particular reason"),
    # boxes
    "boxOf": _("Box {n} of {of}"),
    "boxNew": _("New box: {label}. Arrow keys move it, with Ctrl they resize it."),
    "boxGone": _("Box deleted; {of} left."),
    "stepBack": _("Step undone."),
    "stepOn": _("Step done again."),
    "noStep": _("There is no such step."),
    "noLabels": _("The module's schema has no labels for boxes."),
    # the connection, and what the hub refuses
    "noImage": _("The image could not be loaded; skip it, and tell a reviewer if it stays so."),
    "offline": _(
        "There is no connection to the hub. Your decision is kept in this browser and goes out when the connection is back; "
        "Enter tries at once."
    ),
    "offlineAsk": _("There is no connection to the hub. Enter tries again."),
    "offlineOn": _("No connection: {n} decided and kept in this browser. They go out by themselves; go on."),
    "online": _("The connection is back, and all decisions are with the hub."),
    "loggedOut": _(
        "You are logged out. Your decision is kept in this browser: log in again in another tab, come back, and press Enter."
    ),
    "refused": _("{sentence} What you entered is still here: change it and press Enter, or take another sample."),
    "refusedLater": _("not taken: {sentence}"),
    "lost": _("This sample was given to somebody else meanwhile. Decide all the same: your answer counts beside theirs."),
    "kept": _("kept here, not sent yet"),
    "letGo": _("Let go"),
    "undone": _("Undone; you had said: {told}"),
    "nothingToUndo": _("There is nothing of yours to undo."),
    "undoLater": _("What is not sent yet can be undone when the connection is back."),
    "returnedBecause": _("Returned to you: {reason}. You had said: {said}."),
}
