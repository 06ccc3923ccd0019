"""Trainers: a folder in, JSON lines out; they know no database."""
