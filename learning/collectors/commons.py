"""Images of Wikimedia Commons with their licences: Wikidata's own image of a person, then the files of their category."""

import html
import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings

from learning.collectors.web import IMAGE_TYPES, NotCollected, Offer, Web

SERVICE = "Wikimedia Commons"
PAGE = 50
MOST_PAGES = 10
WIDTH = 1_280
"""Images are asked for no wider than this."""
TAG = re.compile(r"<[^>]{0,2000}>")
INFO = {"action": "query", "format": "json", "formatversion": "2", "prop": "imageinfo"}
INFO |= {"iiprop": "url|mime|size|extmetadata", "iiurlwidth": str(WIDTH)}


def own_image(web: Web, filename: str) -> Iterator[Offer]:
    """Offer the file that Wikidata names (P18); raises NotCollected."""
    if filename:
        yield from _offers(web.json(SERVICE, settings.COLLECTORS["commons_url"], INFO | {"titles": f"File:{filename}"}), "p18")


def in_category(web: Web, category: str) -> Iterator[Offer]:
    """Offer the images of a category, a page at a time; raises NotCollected."""
    if not category:
        return
    listed = {"generator": "categorymembers", "gcmtitle": f"Category:{category}", "gcmtype": "file", "gcmlimit": str(PAGE)}
    follow: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        told = web.json(SERVICE, settings.COLLECTORS["commons_url"], INFO | listed | follow)
        yield from _offers(told, "category")
        more = told.get("continue")
        if not isinstance(more, dict):
            return
        follow = {str(name): str(value) for name, value in more.items()}


def _offers(told: dict[str, Any], how: str) -> Iterator[Offer]:
    query = told.get("query")
    pages = query.get("pages") if isinstance(query, dict) else None
    if "error" in told:
        raise NotCollected("Wikimedia Commons refused the question.")
    for page in pages if isinstance(pages, list) else []:
        infos = page.get("imageinfo") if isinstance(page, dict) else None
        info = infos[0] if isinstance(infos, list) and infos and isinstance(infos[0], dict) else {}
        url = info.get("thumburl") or info.get("url")
        if isinstance(url, str) and info.get("mime") in IMAGE_TYPES:
            yield _offer(info, url, f"wikimedia_{how}")


def _offer(info: dict[str, Any], url: str, source: str) -> Offer:
    meta = info.get("extmetadata")
    said = meta if isinstance(meta, dict) else {}
    author = _plain(said, "Artist") or _plain(said, "Credit")
    licence = _plain(said, "LicenseShortName") or _plain(said, "UsageTerms")
    link = _plain(said, "LicenseUrl")
    own = _plain(said, "Attribution")
    return Offer(
        url=url,
        source=source,
        page=str(info.get("descriptionurl") or "")[:2_000],
        licence=f"{licence} {link}".strip()[:200],
        author=author[:2_000],
        attribution=(own or ", ".join(filter(None, [author, licence, "via Wikimedia Commons"])))[:2_000],
    )


def _plain(said: dict[str, Any], name: str) -> str:
    """Answer a value without its HTML."""
    cell = said.get(name)
    value = cell.get("value") if isinstance(cell, dict) else None
    return " ".join(html.unescape(TAG.sub(" ", value)).replace("\0", "").split()) if isinstance(value, str) else ""
