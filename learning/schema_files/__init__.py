"""Schemas out of the files of other tools: COCO, CVAT, YOLO and Label Studio, told apart by what is in them.

Reading changes nothing: a Draft is what a module could begin with, and notes say what was left out. Knows files, not the database.
"""

from learning.schema_files.draft import Draft
from learning.schema_files.reading import MAX_BYTES, read

__all__ = ["MAX_BYTES", "Draft", "read"]
