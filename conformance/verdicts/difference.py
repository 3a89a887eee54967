"""What has changed between two runs or contracts, for a terminal, for a program, and as Markdown for a CI's page."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from rich.console import Console

from conformance.contract.changes import ContractChange
from conformance.verdicts import terminal
from conformance.verdicts.comparison import Change, Changed
from conformance.verdicts.console import say
from conformance.verdicts.model import one_line
from conformance.verdicts.printable import printable

_MOST: Final = 50
"""Breaking changes that are named; of the others, `MOST_NAMES`. JSON has all of them."""


class Format(StrEnum):
    """How the differences are written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class FailOn(StrEnum):
    """What ends `diff` with 1: a regression, or also a breaking change of the contract."""

    REGRESSION = "regression"
    BREAKING = "breaking"


@dataclass(frozen=True)
class Differences:
    """What has changed from `before` to `after`. `verdicts` and `contract` are None where they were not compared.

    `notes` says why not, a line each.
    """

    before: str
    after: str
    verdicts: Sequence[Changed] | None
    contract: Sequence[ContractChange] | None
    notes: Sequence[str] = ()

    @property
    def regressed(self) -> bool:
        """Whether a check that was in order no longer is."""
        return any(changed.change is Change.REGRESSED for changed in self.verdicts or ())

    @property
    def breaking(self) -> Sequence[ContractChange]:
        """The changes of the contract that break a client."""
        return [change for change in self.contract or () if change.breaking]


def show(console: Console, found: Differences) -> None:
    """Print them: the verdicts, the contract, and how many of each."""
    if found.verdicts is not None:
        terminal.comparison(console, found.verdicts)
    if found.contract is not None:
        breaking = found.breaking
        others = [change for change in found.contract if not change.breaking]
        for head, some, most, style in (
            ("breaking changes of the contract", breaking, _MOST, "red"),
            ("other changes of the contract", others, terminal.MOST_NAMES, "cyan"),
        ):
            if some:
                say(console, f"{head} ({len(some)}):", style)
                for line in _bounded(some, most):
                    say(console, f"  {line}")
        told = f"{len(breaking)} breaking, {len(others)} other changes" if found.contract else "no change"
        say(console, f"contract: {told}", "bold red" if breaking else "bold green")
    for note in found.notes:
        say(console, note, "yellow")


def as_json(found: Differences) -> str:
    """Everything, as one JSON object; what was not compared is null."""
    content: dict[str, Any] = {"before": found.before, "after": found.after, "notes": list(found.notes)}
    content["verdicts"] = content["contract"] = None
    if found.verdicts is not None:
        counts = Counter(changed.change for changed in found.verdicts)
        content["verdicts"] = {
            "counts": {change.value: counts[change] for change in Change},
            "changes": [_changed(changed) for changed in found.verdicts],
        }
    if found.contract is not None:
        content["contract"] = {
            "breaking": len(found.breaking),
            "changes": [asdict(change) for change in found.contract],
        }
    return json.dumps(content, indent=2)


def _changed(changed: Changed) -> dict[str, Any]:
    before, after = changed.before, changed.after
    return {
        "change": changed.change.value,
        "requirement": changed.requirement,
        "subject": changed.subject,
        "before": before.verdict.value if before else None,
        "after": after.verdict.value if after else None,
        "summary": after.summary if after else "",
    }


def as_markdown(found: Differences) -> str:
    """A page in GitHub's Markdown. All that a server named is text in it."""
    return "\n".join(_markdown(found)) + "\n"


def _markdown(found: Differences) -> Iterator[str]:
    yield f"### From {_text(found.before)} to {_text(found.after)}"
    if found.verdicts is not None:
        counts = Counter(changed.change for changed in found.verdicts)
        yield from ("", f"Checks: {', '.join(f'{counts[change]} {change.value}' for change in Change)}.")
        if found.verdicts:
            yield from ("", "| | requirement | subject | before | after |", "|---|---|---|---|---|")
            for changed in found.verdicts[:_MOST]:
                was, is_ = (entry.verdict.value if entry else "" for entry in (changed.before, changed.after))
                why = f": {changed.after.summary}" if changed.after and changed.after.summary else ""
                cells = (changed.change.value, changed.requirement, changed.subject, was, f"{is_}{why}")
                yield f"| {' | '.join(map(_text, cells))} |"
        if len(found.verdicts) > _MOST:
            yield from ("", f"and {len(found.verdicts) - _MOST} more")
    if found.contract is not None:
        others = len(found.contract) - len(found.breaking)
        yield from ("", f"Contract: {len(found.breaking)} breaking, {others} other changes.", "")
        for change in found.contract[:_MOST]:
            yield f"- {'**breaking** ' if change.breaking else ''}{_text(f'{change.operation}: {change.what}')}"
        if len(found.contract) > _MOST:
            yield f"- and {len(found.contract) - _MOST} more"
    for note in found.notes:
        yield from ("", _text(note))


_SPECIAL: Final = re.compile(r"[^\w\s,.;/()'\"%+=^$-]|_|^[-+=#]|(?<=\d|w)\.", re.ASCII)


def _text(text: str) -> str:
    """Text on one line in which Markdown and HTML see nothing of theirs: no markup, link, mention or cell."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", one_line(printable(text)))


def _bounded(some: Sequence[ContractChange], most: int) -> Iterator[str]:
    yield from (one_line(f"{change.operation}: {change.what}") for change in some[:most])
    if len(some) > most:
        yield f"and {len(some) - most} more: --format json has them"
