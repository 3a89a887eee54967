"""The verdicts as data in the page: what a cell opens to is built from it when it is opened."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from conformance.catalogue import Catalogue
from conformance.verdicts.document import Entry
from conformance.verdicts.model import Verdict
from conformance.verdicts.page.faces import SYMBOLS, WORDS
from conformance.verdicts.page.placing import Placed
from conformance.verdicts.page.screens import MOST_SCREENS, Screen, screen
from conformance.verdicts.page.text import LINE, Shown, line, shown

_ROOM: Final = 4_000_000
"""Characters of details in the block; of what comes after, the page says that it is in `verdicts.json`."""

_COMMAND: Final = 2000
"""Characters of a command line that is offered for copying."""

# What would end the element that the data stands in, or begin a comment there.
_ESCAPES: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def block(placed: Sequence[Placed], resources: Sequence[str], catalogue: Catalogue, command: str) -> str:
    """The data of the page as JSON that may stand in a `script` element.

    Texts that many verdicts share stand in lists, and a verdict names their places there. A row is
    `[anchor, requirement, subject, verdict, summary, waiver, details]`, without the nulls at its end.
    """
    texts = _Places()
    requirements = _Places()
    subjects = _Places()
    verdicts = list(SYMBOLS)
    columns = {resource: number for number, resource in enumerate(resources)}
    shown_whole = _shown_whole(placed)
    room = _ROOM
    rows: list[list[Any]] = []
    details: list[dict[str, tuple[str, int, int]] | None] = []
    for one in placed:
        entry = one.entry
        row: list[Any] = [
            one.anchor,
            requirements.of(entry.requirement, entry),
            subjects.of(entry.subject, columns[one.resource]),
            verdicts.index(entry.verdict),
            texts.of(line(entry.summary), None),
            None if entry.waiver is None else texts.of(_waiver(entry), None),
        ]
        if entry.details and one.anchor not in shown_whole:
            told = _screen(screen(entry.details)) if room > 0 else None
            room -= sum(len(part[0]) for part in told.values()) if told else 0
            row.append(len(details))
            details.append(told)
        while row[-1] is None:
            row.pop()
        rows.append(row)
    content = {
        "verdicts": [[verdict, SYMBOLS[verdict], WORDS[verdict]] for verdict in verdicts],
        "resources": resources,
        "requirements": [_requirement(entry, catalogue) for entry in requirements.about],
        # What can't be shown as it is can't be named on a command line either.
        "subjects": [
            [line(subject), column, int(shown(subject, LINE).exact)]
            for subject, column in zip(subjects.every, subjects.about, strict=True)
        ],
        "texts": texts.every,
        "details": details,
        "rows": rows,
        "command": command if shown(command, _COMMAND).exact else None,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


class _Places:
    """A list in which each text stands once; `about` has what was said of it first."""

    def __init__(self) -> None:
        self.every: list[str] = []
        self.about: list[Any] = []
        self._places: dict[str, int] = {}

    def of(self, text: str, about: Any) -> int:
        """Where it stands."""
        place = self._places.get(text)
        if place is None:
            place = self._places[text] = len(self.every)
            self.every.append(text)
            self.about.append(about)
        return place


def _shown_whole(placed: Iterable[Placed]) -> set[str]:
    """The anchors of the failures that stand on the page already."""
    failed = [one.anchor for one in placed if one.entry.verdict is Verdict.FAILED]
    return set(failed[:MOST_SCREENS])


def _waiver(entry: Entry) -> str:
    """The reason of a waiver and its terms."""
    until = f"until {entry.waiver_expires}" if entry.waiver_expires else ""
    at = line(entry.waiver_link, 2000) if entry.waiver_link else ""
    terms = ", ".join(filter(None, (until, at)))
    return f"{line(entry.waiver or '', 2000)}{f' ({terms})' if terms else ''}"


def _requirement(entry: Entry, catalogue: Catalogue) -> list[str]:
    rule = catalogue.get(entry.requirement)
    told = [rule.title, rule.text, rule.source] if rule else ["", "", ""]
    return [entry.requirement, entry.level, entry.profile, *told]


def _screen(found: Screen) -> dict[str, tuple[str, int, int]]:
    """The parts that there are: the text, the characters left out, and whether it is all there as it is."""
    parts: dict[str, Shown | None] = {
        "expected": found.expected,
        "observed": found.observed,
        "plain": found.plain,
        "replay": found.replay,
    }
    return {name: (part.text, part.left_out, int(part.exact)) for name, part in parts.items() if part}
