"""Networks of the extra `torch`, and how they are fitted. Imported in a run's own process only: torch takes seconds to load."""
