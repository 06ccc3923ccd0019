"""The city client and the edge agent of Command Centre; it speaks HTTP and imports nothing of the hub."""

__version__ = "0.2.0"
