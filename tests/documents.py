"""What the Markdown files of this repository are made of: blocks, commands, tables, links, headings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parent.parent
_FOUND = ("benchmark.md", "kill-matrix.md", "mutants.md", "mutants-beside-schemathesis.md")
WRITTEN = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(path for path in sorted((ROOT / "docs").glob("*.md")) if path.name not in _FOUND),
)
"""Those that people write; the pages of the requirements and those of what was found are generated."""

_MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Command:
    """A line that a user types, continued lines joined, and where it stands."""

    text: str
    file: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


def tokens(path: Path) -> list[Token]:
    return _MARKDOWN.parse(path.read_text("utf-8"))


def blocks(path: Path, language: str) -> list[str]:
    """The contents of the fenced blocks of that language."""
    return [token.content for token in tokens(path) if token.type == "fence" and token.info == language]


def languages(path: Path) -> set[str]:
    return {token.info for token in tokens(path) if token.type == "fence"}


def commands(path: Path) -> Iterator[Command]:
    """What stands after a prompt in the blocks of a console."""
    for block in blocks(path, "console"):
        for line in re.sub(r" *\\\n *", " ", block).splitlines():
            assert line.startswith("$ "), f"{path.name}: no prompt before {line!r}"
            yield Command(line.removeprefix("$ "), path.name)


def mentioned(path: Path) -> Iterator[Command]:
    """The commands in the running text; what has an ellipsis in it is none that a user types."""
    for text in inline(path):
        if text.startswith(("prefect-conformance ", "pytest ", "python -m ", "tox ")) and "…" not in text:
            yield Command(text, path.name)


def inline(path: Path) -> Iterator[str]:
    """What stands as code in the running text, on one line."""
    for code in _inline(path, "code_inline"):
        yield " ".join(code.content.split())


def links(path: Path) -> Iterator[str]:
    yield from (str(token.attrs["href"]) for token in _inline(path, "link_open"))
    yield from (str(token.attrs["src"]) for token in _inline(path, "image"))


def anchors(path: Path) -> set[str]:
    """What a link can name in a page: its headings, as GitHub writes them."""
    found = tokens(path)
    heads = [found[number + 1].content for number, token in enumerate(found) if token.type == "heading_open"]
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def table(path: Path, head: str) -> list[Sequence[str]]:
    """The rows of the one table whose first column has that head; cells as they are written."""
    [rows] = [rows for rows in _tables(path) if rows[0][0] == head]
    return rows


def codes(cell: str) -> list[str]:
    """What stands as code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def _tables(path: Path) -> Iterator[list[Sequence[str]]]:
    rows: list[Sequence[str]] = []
    cells: list[str] = []
    found = tokens(path)
    for number, token in enumerate(found):
        match token.type:
            case "table_open":
                rows = []
            case "tr_open":
                cells = []
            case "th_open" | "td_open":
                cells.append(found[number + 1].content)
            case "tr_close":
                rows.append(cells)
            case "table_close":
                yield rows


def _inline(path: Path, kind: str) -> Iterator[Token]:
    for token in tokens(path):
        yield from (child for child in token.children or () if child.type == kind)
