"""What the script of the grid says, in the reader's language; {names} are filled in by the script."""

from django.utils.translation import gettext_lazy as _

from learning.views.review_words import WORDS as SINGLE

TOLD_ALIKE = ("unsure", "skip", "reject", "return", "nothingToUndo", "undoLater", "letGo", "kept", "refusedLater")
"""Words of the list of the last decisions, which the single page has too."""
WORDS = {
    **{name: SINGLE[name] for name in TOLD_ALIKE},
    "undo": _("Undo"),
    "undone": _("Undone: {told}. It waits for you where samples are judged one by one."),
    "none": _("no prediction"),
    "nothing": _("nothing"),
    "oneBox": _("1 box"),
    "boxes": _("{n} boxes"),
    "noImage": _("no image"),
    "tile": _("{n} of {of}: {said}"),
    "isMarked": _("marked as wrong"),
    "isChanged": _("changed from {was}"),
    "edit": _("Edit {said}"),
    "counted": _("{approved} to approve, {changed} changed, {marked} marked as wrong"),
    "all": _("All texts"),
    "badForm": _("Not of the form that this module asks for."),
    "emptyText": _("Where nothing is written, mark it as wrong: it is judged in full."),
    "done": _("{approved} approved, {changed} changed, {marked} marked."),
    "late": _("{n} had been given to somebody else meanwhile: your answers count beside theirs."),
    "refused": _("{n} not taken: {sentence} They are shown again."),
    "lost": _("{n} of these were given to somebody else meanwhile. Go on: your answers count beside theirs."),
    "offline": _(
        "There is no connection to the hub. This page's decisions are kept in this browser and go out when the connection is back."
    ),
    "offlineAsk": _("There is no connection to the hub. Look again in a moment."),
    "online": _("The connection is back, and all decisions are with the hub."),
    "loggedOut": _("You are logged out. What you decided is kept in this browser: log in again in another tab and come back."),
}
