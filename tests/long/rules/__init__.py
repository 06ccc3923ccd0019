"""The rules of the review queue, as scripts that import nothing of the hub."""
