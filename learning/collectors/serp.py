"""Images by SerpApi's Google Images (https://serpapi.com/google-images-api): paid by the search, so each one is counted."""

from decimal import Decimal

from django.conf import settings

from learning.collectors.web import NotCollected, Offer, Web

SERVICE = "SerpApi"
LICENCES = "cl"
"""Creative Commons only, as far as the search knows."""


def is_configured() -> bool:
    """Tell whether there is a key."""
    return bool(settings.COLLECTORS["serp_api_key"])


def price() -> Decimal:
    """Answer what one search costs."""
    return Decimal(settings.COLLECTORS["serp_price"])


def search(web: Web, name: str) -> list[Offer]:
    """Offer what one search finds; raises NotCollected, finally where the key is not accepted or used up."""
    params = {"engine": "google_images", "q": f'"{name}" portrait', "licenses": LICENCES, "ijn": 0, "hl": "en"}
    told = web.json(SERVICE, settings.COLLECTORS["serp_url"], params | {"api_key": settings.COLLECTORS["serp_api_key"]})
    rows = told.get("images_results")
    if not isinstance(rows, list):
        error = str(told.get("error") or "")
        if "results" in error:  # "Google hasn't returned any results for this query."
            return []
        raise NotCollected("SerpApi refused the search; its account may be used up.", is_final=True)
    offers = []
    for row in rows:
        url = row.get("original") if isinstance(row, dict) else None
        if isinstance(url, str) and not row.get("is_product"):
            source, title = str(row.get("source") or ""), str(row.get("title") or "")
            offers.append(
                Offer(
                    url=url,
                    source="serp",
                    page=str(row.get("link") or "")[:2_000],
                    licence=str(row.get("license_details_url") or "")[:200],
                    author=source[:2_000],
                    attribution=", ".join(filter(None, [title, source]))[:2_000],
                )
            )
    return offers
