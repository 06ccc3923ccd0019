"""Which release this is; pyproject.toml says it, and an installed copy knows it from there."""

from importlib.metadata import version

VERSION = version("command-centre")
