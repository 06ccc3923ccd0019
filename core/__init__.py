"""The mechanisms every app stands on: lifecycle, errors, queue, hooks, object storage, paging. No tables, no domain."""
