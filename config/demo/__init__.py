"""The whole loop on real data, told step by step: what `make demo` runs."""
