"""The components of templates/components/ as tags, and the filters that turn stored values into words."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django import template
from django.apps import apps
from django.contrib.humanize.templatetags.humanize import intcomma, naturaltime
from django.template import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from config.charts import Points, line_chart

register = template.Library()

WAITING, RUNNING, GOOD, BAD, OVER = "waiting", "running", "good", "bad", "over"

LOOKS: dict[str, tuple[str, Any]] = {
    "open": (WAITING, _("open")),
    "sealed": (RUNNING, _("sealed")),
    "received": (WAITING, _("received")),
    "pending": (WAITING, _("pending")),
    "held": (WAITING, _("held")),
    "disputed": (WAITING, _("disputed")),
    "unsure": (WAITING, _("unsure")),
    "queued": (WAITING, _("queued")),
    "scheduled": (WAITING, _("scheduled")),
    "paused": (WAITING, _("paused")),
    "testing": (WAITING, _("testing")),
    "drift": (WAITING, _("drift")),
    "changing": (RUNNING, _("changing")),
    "empty": (OVER, _("no model")),
    "unconfirmed": (WAITING, _("unconfirmed")),
    "processing": (RUNNING, _("processing")),
    "in_training": (RUNNING, _("in training")),
    "leased": (RUNNING, _("leased")),
    "freezing": (RUNNING, _("freezing")),
    "checking": (RUNNING, _("checking")),
    "checked": (WAITING, _("to be confirmed")),
    "importing": (RUNNING, _("importing")),
    "claimed": (RUNNING, _("claimed")),
    "confirmed": (RUNNING, _("confirmed")),
    "running": (RUNNING, _("running")),
    "downloading": (RUNNING, _("downloading")),
    "installing": (RUNNING, _("installing")),
    "assembling": (RUNNING, _("putting together")),
    "verified": (GOOD, _("verified")),
    "labeled": (RUNNING, _("labeled")),
    "stored": (GOOD, _("stored")),
    "rolling_back": (RUNNING, _("rolling back")),
    "label_confirmed": (GOOD, _("confirmed")),
    "deployed": (GOOD, _("deployed")),
    "settled": (GOOD, _("settled")),
    "proven": (GOOD, _("yes")),
    "registered": (GOOD, _("registered")),
    "correct": (GOOD, _("correct")),
    "done": (GOOD, _("done")),
    "in_order": (GOOD, _("in order")),
    "note": (WAITING, _("note")),
    "wrong": (BAD, _("wrong")),
    "active": (GOOD, _("active")),
    "frozen": (GOOD, _("frozen")),
    "completed": (GOOD, _("completed")),
    "succeeded": (GOOD, _("succeeded")),
    "approved": (GOOD, _("approved")),
    "released": (GOOD, _("released")),
    "green": (GOOD, _("green")),
    "red": (BAD, _("red")),
    "in_force": (GOOD, _("in force")),
    "published": (GOOD, _("in force")),
    "in_step": (GOOD, _("in step")),
    "seen": (GOOD, _("seen")),
    "rejected": (BAD, _("rejected")),
    "failed": (BAD, _("failed")),
    "lost": (BAD, _("lost")),
    "aborted": (BAD, _("aborted")),
    "silent": (BAD, _("silent")),
    "expired_now": (BAD, _("expired")),
    "overdue": (BAD, _("overdue")),
    "shut_out": (BAD, _("shut out")),
    "set_up": (GOOD, _("set up")),
    "used": (OVER, _("used")),
    "revoked": (OVER, _("revoked")),
    "draft": (OVER, _("draft")),
    "excluded": (OVER, _("excluded")),
    "corrected": (OVER, _("corrected")),
    "changed": (OVER, _("changed")),
    "expired": (OVER, _("expired")),
    "archived": (OVER, _("archived")),
    "cancelled": (OVER, _("cancelled")),
    "superseded": (OVER, _("superseded")),
    "rolled_back": (OVER, _("rolled back")),
    "deprecated": (OVER, _("deprecated")),
    "void": (OVER, _("void")),
    "retired": (OVER, _("retired")),
    "new": (OVER, _("not enrolled")),
}
"""State → tone and word; the tone's shape is the icon of the same name, so colour never stands alone."""


@register.simple_tag
def status(state: str) -> SafeString:
    """Show a state as a word with its shape and colour."""
    tone, word = LOOKS.get(state, (OVER, state.replace("_", " ")))
    return format_html('<span class="badge {}">{} {}</span>', tone, icon(tone), word)


@register.filter
def tone(state: str) -> str:
    """Answer the tone of a state: waiting, running, good, bad or over."""
    return LOOKS.get(state, (OVER, ""))[0]


@register.filter
def pairs(mapping: Any) -> list[tuple[Any, Any]]:
    """Answer names and values: `mapping.items` in a template is the value of that name, where a mapping holds one called items."""
    return list(mapping.items()) if isinstance(mapping, Mapping) else []


@register.filter
def plainly(value: Any) -> str:
    """Say a value of a note or an event without the signs of a program: lists by commas, names before what they hold."""
    if isinstance(value, Mapping):
        return ", ".join(f"{spaced(name)} {plainly(held)}" for name, held in value.items()) or gettext("nothing")
    if isinstance(value, list | tuple):
        return ", ".join(plainly(held) for held in value) or gettext("nothing")
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return "–" if value is None else str(value)


@register.filter
def word(state: str) -> Any:
    """Answer the word of a state."""
    return LOOKS[state][1] if state in LOOKS else state.replace("_", " ")


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw a symbol of static/img/icons.svg; it says nothing to a screen reader."""
    return _drawn(name)


@lru_cache(maxsize=200)
def _drawn(name: str) -> SafeString:
    """Draw a symbol once for all pages: a list has hundreds, and each asks the static files for the same address."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("img/icons.svg"), name)


@register.simple_tag
def moment(value: datetime | None, zone: Any = None) -> SafeString:
    """Show a time relative to now, with the exact one on hover (in `zone`, where given, else UTC)."""
    if not value:  # None, or what a template has of something that is not there: an edge runs what no deployment brought
        return NEVER
    local = timezone.localtime(value, zone) if zone else value
    exact, iso = local.strftime("%Y-%m-%d %H:%M:%S %Z"), timezone.localtime(value).isoformat()
    return format_html('<time datetime="{}" title="{}">{}</time>', iso, exact, naturaltime(value))


NEVER = format_html('<span class="faint">{}</span>', "–")


@register.simple_tag
def delivery(city: Any, cell: Any, there: str) -> SafeString:
    """Show one day of a city (learning.calendar.Cell) as a cell of a table, which leads to its batches in the list at `there`."""
    look, (short, long) = cell.look, _day(cell.day, get_language())
    shown = f"look {look.tone} {look.name}", f"{short}: {look.word}", icon(look.tone)
    if not cell.batches:
        return format_html(QUIET_DAY, *shown, look.word)
    batches = ngettext("%(n)s batch", "%(n)s batches", cell.batches) % {"n": cell.batches}
    url = f"{there}?city={city.slug}&since={cell.day}&until={cell.day}"
    return format_html(DAY, *shown, url, f"{city}, {long}: {look.word}, {batches}")


QUIET_DAY = '<td class="{}"><span class="cell" title="{}">{}<span class="visually-hidden">{}</span></span></td>'
DAY = '<td class="{0}"><a class="cell" title="{1}" href="{3}" aria-label="{4}">{2}</a></td>'


@lru_cache(maxsize=500)
def _day(day: date, _language: str | None) -> tuple[str, str]:
    """Spell a day shortly and fully: a calendar says each of its days a hundred times."""
    return date_format(day, "j M"), date_format(day, "j F")


@register.simple_tag
def progress(percent: int, state: str = "running", label: str = "") -> SafeString:
    """Show how far something is, in the tone of its state; written here, for a list has a hundred."""
    return format_html(PROGRESS, tone(state), percent, label or gettext("Progress"))


PROGRESS = '<div class="progress {0}"><progress max="100" value="{1}" aria-label="{2}"></progress><span>{1} %</span></div>'


@register.simple_tag
def rate(value: Any) -> SafeString:
    """Show a share (learning.proportion.Proportion) with its interval and n; grey where there are too few to say."""
    return _rate(value, get_language()) if value and value.n else NEVER


@lru_cache(maxsize=5_000)
def _rate(value: Any, _language: str | None) -> SafeString:
    """Spell a share once for all pages: a table of quality has a thousand, and the same small ones again and again."""
    low, high = percent(value.low), percent(value.high)
    interval = gettext("95 %% interval: %(low)s to %(high)s") % {"low": low, "high": high}
    shown = f"{low}–{high}, n {intcomma(value.n)}"
    if value.is_enough:
        return format_html(RATE, "rate", interval, format_html("<strong>{}</strong>", percent(value.share)), shown)
    return format_html(
        RATE, "rate faint", f"{interval}. {gettext('Too few to say: fewer than 30.')}", percent(value.share), shown
    )


RATE = '<span class="{}" title="{}">{} <span class="small faint">{}</span></span>'


@register.inclusion_tag("components/chart.html")
def chart(series: Mapping[str, Points], caption: str, across: str = "") -> dict[str, Any]:
    """Draw lines over steps (or what `across` calls them), with the numbers as a table beneath."""
    return {"chart": line_chart(series), "caption": caption, "names": list(series), "across": across or gettext("Step")}


@register.inclusion_tag("components/picture.html")
def picture(url: str, value: Mapping[str, Any] | None, width: int | None, height: int | None) -> dict[str, Any]:
    """Show an image with the boxes of an annotation value over it; without `url` a place-holder of the same size."""
    boxes = [_box(box) for box in (value or {}).get("boxes", ())] if url and width and height else []
    return {"url": url, "boxes": boxes, "width": width, "height": height, "font": max(10, (height or 0) // 24)}


def _box(box: Mapping[str, Any]) -> dict[str, Any]:
    x, y, width, height = box["bbox"]
    return {"x": x, "y": y, "width": width, "height": height, "label": box.get("text") or box.get("label", "")}


@register.simple_block_tag(takes_context=True)
def panel(context: Context, content: str, title: str, *, flush: bool = False, count: str = "") -> SafeString:
    """Frame a part of a page; `flush` lets a table or a log reach the frame."""
    return render_to_string("components/panel.html", {"content": content, "title": title, "flush": flush, "count": count})


@register.simple_block_tag(takes_context=True)
def table(context: Context, content: str, caption: str) -> SafeString:
    """Frame rows: `content` is thead and tbody, `caption` is read to those who do not see the page."""
    return render_to_string("components/table.html", {"content": content, "caption": caption})


@register.simple_block_tag(takes_context=True)
def confirm(context: Context, content: str, action: str, *, button: str, title: str, type_word: str = "") -> SafeString:
    """Put a destructive act behind a dialog: `content` explains and may hold fields, `type_word` must be typed."""
    facts = {"content": content, "action": action, "button": button, "title": title, "type_word": type_word}
    known = {"dialog_id": slugify(f"confirm {button} {action}"), "csrf_token": context.get("csrf_token")}
    return render_to_string("components/dialog.html", {**facts, **known})


@register.filter
def answer(value: Mapping[str, Any] | None) -> str:
    """Say an annotation value in a few words: its label, its text, or how many boxes."""
    if value is None:
        return "–"
    boxes = value.get("boxes") or []
    if said := value.get("label") or value.get("text"):
        return str(said)
    if boxes:
        return ngettext("%d box", "%d boxes", len(boxes)) % len(boxes)
    return gettext("nothing")


@register.filter
def percent(share: Any) -> str:
    """Say a share from 0 to 1 as "97.5 %", and what is none (also what a template does not find) as a dash."""
    return "–" if not is_number(share) else f"{share * 100:.1f} %".replace(".0 %", " %")


@register.filter
def span(seconds: float) -> str:
    """Say how long something takes: 40 s, 3 min, 1 h 20 min."""
    if seconds < 90:
        return gettext("%(n)d s") % {"n": max(1, round(seconds))}
    minutes = round(seconds / 60)
    if minutes < 90:
        return gettext("%(n)d min") % {"n": minutes}
    return gettext("%(h)d h %(n)d min") % {"h": minutes // 60, "n": minutes % 60}


@register.filter
def spaced(text: str) -> str:
    """Say a stored word (`too_small`) as people write it."""
    return str(text).replace("_", " ")


@register.filter
def item(mapping: Mapping[Any, Any], key: Any) -> Any:
    """Answer what `mapping` holds under `key`, or None."""
    return mapping.get(key)


@register.filter
def is_number(value: Any) -> bool:
    """Tell whether a value can be shown as a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


@register.filter
def noun(object_type: str) -> str:
    """Say an event's object type (`training.modelversion`) in the words people use."""
    try:
        return str(apps.get_model(object_type)._meta.verbose_name)
    except (LookupError, ValueError):
        return object_type
