"""Finding people and their images on the web: Wikidata, Wikimedia Commons, one image search. Knows HTTP, not the database."""
