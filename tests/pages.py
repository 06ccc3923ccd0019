"""A browser without a screen: who looks at a page, and what it costs."""

from django.test import Client


def looking(person) -> Client:
    """Answer a client in which `person` is logged in."""
    client = Client()
    client.force_login(person)
    return client


def text_of(response) -> str:
    return response.content.decode()


def said(response) -> list[str]:
    """Answer the messages of the page that a form led on to."""
    return [str(message) for message in response.context["messages"]]


def shows_an_object(html: str) -> bool:
    """Tell whether a page holds a signed address of the store: the hub's own, or S3's."""
    return "/store/" in html or "X-Amz-Signature=" in html
