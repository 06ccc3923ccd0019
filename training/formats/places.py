"""Where in a source the image of an annotation lies, by the places where the tools put them; nothing is opened."""

from collections.abc import Callable, Sequence

from training.formats.base import SPLITS, Notes, Source, is_image, stem_of

FOLDERS = ("images", "JPEGImages", "Images", "img")


class Places:
    """The names of a source, asked for the image that a file of annotations speaks of."""

    def __init__(self, source: Source) -> None:
        self.images = [name for name in source.names() if is_image(name)]
        self.names = frozenset(self.images)
        self._stems: dict[str, str] | None = None
        self._folders = {"": [], **{split: _folders_of(split) for split in SPLITS.values()}}

    def find(self, file: str, name: str, split: str = "") -> str | None:
        """Answer where `name` lies beside `file` or in the folder of images that goes with it; None where it is not there."""
        if not self.names:
            return None
        folder = file.rpartition("/")[0]
        above = folder.rpartition("/")[0]
        for base in dict.fromkeys((folder, above)):
            for within in ("", *FOLDERS, *self._folders[split]):
                path = "/".join(part for part in (base, within, name) if part)
                if path in self.names:
                    return path
        return None

    def of_stem(self, stem: str) -> str | None:
        """Answer the image of this path without its suffix."""
        if self._stems is None:
            self._stems = {stem_of(name): name for name in reversed(self.images)}
        return self._stems.get(stem)


def recognised(source: Source, names: Sequence[str], test: Callable[[Source, str], object], notes: Notes) -> Sequence[str]:
    """Answer the files that look like a format, and count the others; all where none does, so that reading says what is wrong."""
    found = [name for name in names if test(source, name)]
    if found and len(found) < len(names):
        notes["file_ignored"] += len(names) - len(found)
    return found or names


def _folders_of(split: str) -> list[str]:
    words = [word for word, meant in SPLITS.items() if meant == split]
    return words + [f"{images}/{word}" for images in FOLDERS for word in words] + [f"{word}/images" for word in words]
