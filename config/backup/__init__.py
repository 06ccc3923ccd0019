"""Backup and restore: database, trust keys and the file store as one set, and what has to happen before a hub opens again."""
