"""Datasets, training jobs, and the registry of model versions."""
