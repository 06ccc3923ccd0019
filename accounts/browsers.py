"""What a browser calls itself, in two words that a person knows it by."""

BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
SYSTEMS = {"Windows": "Windows", "Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Mac OS": "Mac", "Linux": "Linux"}
"""Each by a word that its user agent has and those before it have not: Chrome calls itself Safari too, Edge both."""


def known_as(user_agent: str) -> str:
    """Answer like "Firefox, Linux"; the beginning of the user agent where it is neither."""
    found = [next((name for mark, name in table.items() if mark in user_agent), "") for table in (BROWSERS, SYSTEMS)]
    return ", ".join(filter(None, found)) or user_agent[:60]
