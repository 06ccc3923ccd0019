"""Finding people in Wikidata: by occupation and country, the best known first, or by name and id."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from django.conf import settings

from learning.collectors.web import NotCollected, Web

QID = re.compile(r"Q[1-9][0-9]{0,11}")
SERVICE = "Wikidata"
SPARE = 4
"""A person with several images has several rows."""
CHUNK = 50
QUERY = """SELECT ?person ?personLabel ?personDescription ?image ?category ?sitelinks ?occupationLabel ?countryLabel WHERE {
  %s
  ?person wikibase:sitelinks ?sitelinks .
  OPTIONAL { ?person wdt:P18 ?image . }
  OPTIONAL { ?person wdt:P373 ?category . }
  SERVICE wikibase:label { bd:serviceParam wikibase:language "en,mul" . }
} ORDER BY DESC(?sitelinks) LIMIT %d"""


@dataclass(frozen=True)
class Candidate:
    """A person of Wikidata; `image_url` is P18's, `category` the name of the Commons category."""

    wikidata_id: str
    full_name: str
    description: str = ""
    image_url: str = ""
    category: str = ""
    sitelinks: int = 0
    occupation: str = ""
    country: str = ""


def file_of(image_url: str) -> str:
    """Answer the file name on Commons that an image's address of Wikidata ends in, or ""."""
    return unquote(image_url.rpartition("/")[2])[:255]


def by_occupation(web: Web, occupation: str, country: str, count: int) -> list[Candidate]:
    """Find the `count` best known people of an occupation and a country (either may be empty); raises NotCollected."""
    wanted = [("P106", occupation), ("P27", country)]
    clauses = [f"?person wdt:{relation} wd:{_id_of(web, text)} ." for relation, text in wanted if text]
    if not clauses:
        raise NotCollected("Neither an occupation nor a country is asked for.", is_final=True)
    selector = "\n  ".join(["?person wdt:P31 wd:Q5 .", *clauses, "?person wdt:P18 [] ."])
    return _ask(web, selector, count)


def by_names(web: Web, names: Sequence[str]) -> tuple[list[Candidate], list[str]]:
    """Find people by name or Wikidata id, and answer those found and the names of which nothing is known."""
    ids: dict[str, str] = {}
    unknown = []
    for name in names:
        try:
            ids.setdefault(_id_of(web, name), name)
        except NotCollected as reason:
            if reason.is_final:
                raise
            unknown.append(name)
    found: list[Candidate] = []
    every = list(ids)
    for start in range(0, len(every), CHUNK):
        chunk = every[start : start + CHUNK]
        values = " ".join(f"wd:{one}" for one in chunk)
        details = "OPTIONAL { ?person wdt:P106 ?occupation . }\n  OPTIONAL { ?person wdt:P27 ?country . }"
        found += _ask(web, f"VALUES ?person {{ {values} }}\n  ?person wdt:P31 wd:Q5 .\n  {details}", len(chunk))
    seen = {one.wikidata_id for one in found}
    return found, unknown + [name for one, name in ids.items() if one not in seen]


def _id_of(web: Web, text: str) -> str:
    """Answer the id of what is called `text`: what Wikidata's own search names first."""
    plain = text.strip().replace("_", " ")
    if QID.fullmatch(plain):
        return plain
    params = {"action": "wbsearchentities", "search": plain, "language": "en", "type": "item", "limit": 1, "format": "json"}
    rows = web.json(SERVICE, settings.COLLECTORS["wikidata_url"], params).get("search")
    found = rows[0].get("id", "") if isinstance(rows, list) and rows and isinstance(rows[0], dict) else ""
    if not isinstance(found, str) or not QID.fullmatch(found):
        raise NotCollected(f"Wikidata knows nothing called {plain[:100]!r}.")
    return found


def _ask(web: Web, selector: str, count: int) -> list[Candidate]:
    params = {"query": QUERY % (selector, count * SPARE), "format": "json"}
    told = web.json(SERVICE, settings.COLLECTORS["wikidata_query_url"], params)
    results = told.get("results")
    rows = results.get("bindings") if isinstance(results, dict) else None
    if not isinstance(rows, list):
        raise NotCollected("Wikidata answered in a shape that is not known.")
    found: dict[str, Candidate] = {}
    for row in rows:
        one = _candidate(row) if isinstance(row, dict) else None
        if one is not None:
            found.setdefault(one.wikidata_id, one)
    return list(found.values())[:count]


def _candidate(row: dict[str, Any]) -> Candidate | None:
    """Read a row; None for one without an id or a name."""
    told = {name: cell["value"] for name, cell in row.items() if isinstance(cell, dict) and isinstance(cell.get("value"), str)}
    wikidata_id = told.get("person", "").rpartition("/")[2]
    name = " ".join(told.get("personLabel", "").split())
    if not QID.fullmatch(wikidata_id) or not name or QID.fullmatch(name) or not name.isprintable():
        return None
    links = told.get("sitelinks", "0")
    return Candidate(
        wikidata_id=wikidata_id,
        full_name=name[:255],
        description=told.get("personDescription", "")[:2_000],
        image_url=told.get("image", "")[:2_000],
        category=told.get("category", "")[:255],
        sitelinks=int(links) if links.isascii() and links.isdigit() and len(links) < 9 else 0,
        occupation=told.get("occupationLabel", "")[:100],
        country=told.get("countryLabel", "")[:50],
    )
