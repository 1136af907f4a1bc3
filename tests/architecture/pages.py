"""The documentation's pages, and what they name."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Decisions tell of the day they were taken: what they name may have changed since.
DECISIONS = sorted(ROOT.glob("docs/decisions/*.md"))
#: Pages that say how things are now.
PRESENT = sorted(
    page
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    if page not in DECISIONS and ".venv" not in page.parts
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ROW = re.compile(r"^\|(?! ?-{3})(.+)\|$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"<\w+>")


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of a language."""
    return [text for name, text in _FENCE.findall(page.read_text()) if name == language]


def prose(page: Path) -> str:
    """Everything else."""
    return _FENCE.sub("", page.read_text())


def code(page: Path) -> list[str]:
    """What stands in backticks in the prose."""
    return _CODE.findall(prose(page))


def links(page: Path) -> list[str]:
    """Targets of links that stay in the tree."""
    return [target for target in _LINK.findall(prose(page)) if "://" not in target]


def anchors(page: Path) -> set[str]:
    """Of its headings, as they are made on the web."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(text: str) -> list[list[str]]:
    """Cells of every table, headings included."""
    return [[cell.strip() for cell in row.split("|")] for row in _ROW.findall(text)]


def exists(path: str) -> bool:
    """Whether the tree has it; <x>, * and … stand for anything."""
    pattern = _PLACEHOLDER.sub("*", path.removeprefix("./")).rstrip("/")
    return any(ROOT.glob(pattern))


def commands(page: Path) -> Iterator[list[str]]:
    """Words after ./landscape, in blocks and in the prose."""
    joined = page.read_text().replace("\\\n", " ")
    for line in re.findall(r"\./landscape ([a-z][^`\n#|]*)", joined):
        yield line.split()
