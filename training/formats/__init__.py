"""The formats that data sets come and go in: a file per format, one shape each. No database is known here."""

from training.formats import class_folders, coco, csv_boxes, cvat, jsonl, labelstudio, voc, yolo
from training.formats.base import Bad, ExportMember, FolderSource, Format, Notes, Record, Sink, Source

FORMATS: dict[str, Format] = {
    module.FORMAT.slug: module.FORMAT for module in (jsonl, coco, labelstudio, cvat, voc, yolo, csv_boxes, class_folders)
}
"""By slug, in the order in which a source is tried where nobody says what it is."""


def detected(source: Source) -> list[Format]:
    """Answer the formats that a source may be of, the likeliest first."""
    return [found for found in FORMATS.values() if found.detect(source)]


__all__ = ["FORMATS", "Bad", "ExportMember", "FolderSource", "Format", "Notes", "Record", "Sink", "Source", "detected"]
