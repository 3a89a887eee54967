"""Verdicts that are told by their reason: the waived ones, and what is known to differ between databases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from conformance.catalogue import Catalogue
from conformance.verdicts.document import Difference
from conformance.verdicts.model import Verdict
from conformance.verdicts.page.placing import Placed, anchor
from conformance.verdicts.page.text import line

_ADDRESS: Final = re.compile(r"https?://[\x21-\x7e]+")


@dataclass(frozen=True)
class Named:
    """A subject and the anchor of its verdict."""

    subject: str
    anchor: str
    summary: str = ""


@dataclass(frozen=True)
class Reason:
    """A reason, the subjects that it is given for, and where it holds (None: wherever).

    Of a waiver: the address where more is told, and the last day that it holds. What is no http(s) address is text.
    """

    text: str
    subjects: Sequence[Named]
    databases: str | None = None
    link: str | None = None
    expires: date | None = None

    @property
    def leads(self) -> bool:
        """Whether the link may be one."""
        return self.link is not None and bool(_ADDRESS.fullmatch(self.link))


@dataclass(frozen=True)
class Told:
    """A requirement and the reasons that are given for it."""

    requirement: str
    title: str
    level: str
    reasons: Sequence[Reason]

    @property
    def number(self) -> int:
        """How many verdicts they are about."""
        return sum(len(reason.subjects) for reason in self.reasons)


def waived(placed: Iterable[Placed], catalogue: Catalogue) -> list[Told]:
    """The waived verdicts, by requirement and reason, in the order of the catalogue."""
    found: dict[str, dict[tuple[str, str | None, date | None], list[Named]]] = {}
    levels: dict[str, str] = {}
    for one in placed:
        entry = one.entry
        if entry.verdict is not Verdict.WAIVED:
            continue
        levels[entry.requirement] = entry.level
        reasons = found.setdefault(entry.requirement, {})
        named = Named(line(entry.subject), one.anchor, line(entry.summary))
        text = line(entry.waiver or "no reason is noted", 2000)
        link = None if entry.waiver_link is None else line(entry.waiver_link, 2000)
        reasons.setdefault((text, link, entry.waiver_expires), []).append(named)
    return [
        Told(
            requirement,
            _title(requirement, catalogue),
            levels[requirement],
            [Reason(text, at, link=link, expires=last) for (text, link, last), at in reasons.items()],
        )
        for requirement, reasons in found.items()
    ]


def differing(differences: Iterable[Difference], catalogue: Catalogue) -> list[Told]:
    """What differs between databases, by requirement, reason and database."""
    found: dict[str, dict[tuple[str, str], list[Named]]] = {}
    for one in differences:
        named = Named(line(one.subject), anchor(one.requirement, one.subject))
        reasons = found.setdefault(one.requirement, {})
        reasons.setdefault((line(one.reason, 2000), ", ".join(one.databases)), []).append(named)
    return [
        Told(
            requirement,
            _title(requirement, catalogue),
            rule.level.value if (rule := catalogue.get(requirement)) else "",
            [Reason(text, subjects, databases) for (text, databases), subjects in reasons.items()],
        )
        for requirement, reasons in found.items()
    ]


def _title(requirement: str, catalogue: Catalogue) -> str:
    rule = catalogue.get(requirement)
    return rule.title if rule else ""
