"""What a revision changes in a label schema, in words; knows the content of schemas, not the database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

ADDED, RENAMED, CHANGED, RETIRED, BACK, GONE = "added", "renamed", "changed", "retired", "back", "gone"
Content = Mapping[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One change: its kind, what it is about, and a sentence; `label` is the id of the label, where it is one's."""

    kind: str
    name: str
    sentence: str
    label: int | None = None


def changes(before: Content, after: Content) -> list[Change]:
    """Answer what `after` does otherwise than `before`, both as LabelSchema.content."""
    found = [*_labels(before["labels"], after["labels"]), *_attributes(before["attributes"], after["attributes"])]
    for name, words in _WHOLE.items():
        if before[name] != after[name]:
            found.append(Change(CHANGED, str(words), _told(before[name], after[name])))
    return found


_WHOLE = {
    "text": gettext_lazy("text"),
    "reasons": gettext_lazy("reasons"),
    "reject_reasons": gettext_lazy("reasons to reject"),
    "guide": gettext_lazy("guide"),
}


def _labels(before: Sequence[Row], after: Sequence[Row]) -> Iterator[Change]:
    old = {label["id"]: label for label in before}
    for label in after:
        yield from _label(old.pop(label["id"], None), label)
    for label in old.values():
        yield Change(GONE, label["name"], _("leaves the schema: nothing was ever said with it"), label["id"])
    kept = [[label["id"] for label in rows] for rows in (before, after)]
    both = set(kept[0]) & set(kept[1])
    if [one for one in kept[0] if one in both] != [one for one in kept[1] if one in both]:
        yield Change(CHANGED, _("order"), _("the labels stand in another order"))


def _label(old: Row | None, new: Row) -> Iterator[Change]:
    name, number = new["name"], new["id"]
    if old is None:
        yield Change(ADDED, name, _("can be chosen from now on"), number)
        return
    if old["name"] != name:
        yield Change(
            RENAMED, name, _("was called %(old)s; what was said as %(old)s goes on meaning it") % {"old": old["name"]}, number
        )
    if new.get("retired") and not old.get("retired"):
        yield Change(RETIRED, name, _("can no longer be chosen; what was said with it stays"), number)
    if old.get("retired") and not new.get("retired"):
        yield Change(BACK, name, _("can be chosen again"), number)
    if old["color"] != new["color"]:
        yield Change(CHANGED, name, _("has the colour %s") % new["color"], number)
    if old["shortcut"] != new["shortcut"]:
        said = _("has the key %s") % new["shortcut"].upper() if new["shortcut"] else _("has no key of its own")
        yield Change(CHANGED, name, said, number)
    if any(old.get(part) != new.get(part) for part in ("guide", "examples")):
        yield Change(CHANGED, name, _("is described otherwise in the guide"), number)


def _attributes(before: Sequence[Row], after: Sequence[Row]) -> Iterator[Change]:
    old = {attribute["id"]: attribute for attribute in before}
    for attribute in after:
        name, known = attribute["name"], old.pop(attribute["id"], None)
        if known is None:
            yield Change(ADDED, name, _("is asked from now on"))
            continue
        if known["name"] != name:
            told = _("was called %(old)s; what was said as %(old)s goes on meaning it") % {"old": known["name"]}
            yield Change(RENAMED, name, told)
            known = {**known, "name": name, "formerly": attribute.get("formerly", [])}
        if attribute.get("retired") and not known.get("retired"):
            yield Change(RETIRED, name, _("is no longer asked; what was said of it stays"))
        elif attribute != known:
            yield Change(CHANGED, name, _attribute_told(known, attribute))
    for attribute in old.values():
        yield Change(GONE, attribute["name"], _("leaves the schema"))


def _attribute_told(old: Row, new: Row) -> str:
    parts = []
    formerly = new.get("values_formerly", {})
    renamed = {former: formerly[former] for former in old["values"] if former in formerly}
    parts += [_("its value %(old)s is called %(new)s") % {"old": former, "new": now} for former, now in renamed.items()]
    if more := [value for value in new["values"] if value not in old["values"] and value not in renamed.values()]:
        parts.append(_("may be %s too") % ", ".join(more))
    if fewer := [value for value in old["values"] if value not in new["values"] and value not in renamed]:
        parts.append(_("may no longer be %s") % ", ".join(fewer))
    if old["required"] != new["required"]:
        parts.append(_("must be said") if new["required"] else _("need not be said"))
    if old["type"] != new["type"]:
        parts.append(_("is a %s now") % new["type"])
    if old["per"] != new["per"]:
        parts.append(_("belongs to the box") if new["per"] == "box" else _("belongs to the sample"))
    if old.get("retired") and not new.get("retired"):
        parts.append(_("is asked again"))
    return "; ".join(parts) or _("its values stand in another order")


def _told(before: Any, after: Any) -> str:
    if isinstance(after, str):
        return _("reads otherwise")
    if isinstance(after, Mapping):
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        return "; ".join(f"{name.replace('_', ' ')}: {after.get(name, '–')}" for name in names)
    more = [name for name in after if name not in before]
    fewer = [name for name in before if name not in after]
    signed = [*(f"+ {name}" for name in more), *(f"− {name}" for name in fewer)]
    return ", ".join(signed) or _("in another order")
