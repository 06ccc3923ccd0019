"""The pages of docs/: what they link to is there, every role has its page, and what they call by name is called so."""

import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from accounts.models import Role

ROOT = settings.BASE_DIR
PAGES = sorted([ROOT / "README.md", ROOT / "edge" / "README.md", *(ROOT / "docs").rglob("*.md")])
HOW_TO = ROOT / "docs" / "how-to"
STEPS = sorted(page for page in HOW_TO.glob("*.md") if page.name != "README.md")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|^    .*?$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
SAID = re.compile(
    r"""translate\s+"([^"]+)"|blocktranslate[^%]*%\}([^{%]+)|plural\s*%\}([^{%]+)|_\(\s*"([^"]+)"|=\s*"[\w-]+",\s*"([^"]+)"|>([^<>{}]+)<"""
)
OURS = ("accounts", "config", "core", "deployments", "learning", "training")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def said() -> frozenset[str]:
    """Answer every text that a page may show: of templates, forms and choices, without what is filled in."""
    files = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static" / "js").glob("*.js")]
    files += [path for app in OURS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
    texts = (text for path in files for found in SAID.findall(path.read_text()) for text in found if text)
    return frozenset(text.strip(" …\n").split("%(")[0].strip() for text in texts)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for link in LINK.findall(CODE.sub("", page.read_text())):
        path, _, anchor = link.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name_of(page)}: {link}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, link


def test_every_page_is_found_from_the_readme():
    found, new = set(), {ROOT / "README.md"}
    while new:
        found |= new
        links = ((page, link.partition("#")[0]) for page in new for link in LINK.findall(page.read_text()) if ":" not in link)
        leads = {(page.parent / path).resolve() for page, path in links if path}
        folders = {page for folder in leads if folder.is_dir() for page in folder.glob("*.md")}
        new = ({page for page in leads if page.suffix == ".md" and page.exists()} | folders) - found
    assert {name_of(page) for page in set(PAGES) - found} <= {"edge/README.md"}


def test_every_role_has_its_page():
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", (HOW_TO / "README.md").read_text(), re.MULTILINE))
    assert set(rows) == set(Role.values)
    assert {role for role, row in rows.items() if "](" not in row} == {Role.MEMBER}


@pytest.mark.parametrize("page", STEPS, ids=name_of)
def test_what_it_calls_by_name_is_called_so(page):
    text = page.read_text()
    named = {name.replace("\n", " ") for name in re.findall(r"\*\*([^*]+)\*\*", text)}
    assert named
    assert {name for name in named if name not in said()} == set()
    assert set(re.findall(r"manage\.py (\w+)", text)) <= set(get_commands())
    known = set(re.findall(r'add_parser\(\s*"(\w+)"', (ROOT / "edge" / "cc_edge" / "cli.py").read_text()))
    assert {first or second for first, second in re.findall(r"`cc-edge (\w+)|^    cc-edge (\w+)", text, re.MULTILINE)} <= known
