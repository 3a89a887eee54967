"""A page for each requirement: what the catalogue, the checks, the faults, the contracts and the waivers know of it.

    python -m conformance.run.requirement_pages

writes them anew. They are in the repository so that they can be read and linked without the suite, and a test compares
them with what is rendered.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from conformance import data
from conformance.catalogue import Catalogue, Requirement, load
from conformance.contract import Contract, Reading, frozen
from conformance.faults import FAULTS, Fault
from conformance.run.requirement_text import code, fenced, prose
from conformance.suite.check import ABSENT, Subjects, declaration, functions
from conformance.verdicts import waivers
from conformance.verdicts.waivers import Waiver

INDEX: Final = "README.md"

_MOST_SUBJECTS: Final = 5
"""Subjects that a page names; `run --list` prints all."""


@dataclass(frozen=True)
class Known:
    """What all pages are made of. `subjects`: release -> requirement -> names, oldest release first."""

    catalogue: Catalogue
    checks: Mapping[str, Callable[..., None]]
    subjects: Mapping[str, Mapping[str, Sequence[str]]]
    faults: Sequence[Fault]
    waivers: Sequence[Waiver]


def gather() -> Known:
    """Read everything; takes seconds. Raises ConformanceError for a file of this suite that is wrong."""
    checks = functions()
    subjects = {}
    for version in frozen.versions():
        contract = Contract.parse(frozen.path(version).read_bytes(), Reading(version=version))
        declared = {name: declaration(check) for name, check in checks.items()}
        subjects[version] = {name: found.names(contract) for name, found in declared.items() if found is not None}
    catalogue = load()
    accepted = [waiver for waiver, _ in waivers.read(waivers.shipped(), catalogue)]
    return Known(catalogue, checks, subjects, FAULTS, accepted)


def render(requirement: Requirement, known: Known) -> str:
    """The page of one requirement, as Markdown."""
    chapter = known.catalogue.chapters[requirement.chapter]
    parts = [
        f"# {requirement.id}",
        prose(requirement.title) + ".",
        f"{requirement.level}, profile *{requirement.profile}*, chapter *{chapter}*.",
        f"## Rule\n\n{prose(requirement.text)}",
        f"## Source\n\n{prose(requirement.source)}",
    ]
    if requirement.rationale:
        parts.append(f"## How it is read\n\n{prose(requirement.rationale)}")
    parts += [
        "\n".join(["## Generations", "", *_generations(requirement, known)]),
        "\n".join(["## How it is checked", "", *_checked(requirement, known)]),
        "\n".join(["## What a failure looks like", "", *_failure(requirement, known)]),
        "\n".join(["## Faults that it catches", "", *_faults(requirement, known)]),
        "\n".join(["## Which releases of Prefect deviate", "", *_deviations(requirement, known)]),
    ]
    return "\n\n".join(parts) + "\n"


def index(known: Known) -> str:
    """The list of all pages, by chapters."""
    deviating = {waiver.requirement for waiver in known.waivers}
    lines = [
        "# The requirements",
        "",
        "A page each, written by `python -m conformance.run.requirement_pages`; `prefect-conformance catalogue ID`",
        "prints the same. A star marks those that a supported release of Prefect deviates from.",
    ]
    for chapter, title in known.catalogue.chapters.items():
        lines += ["", f"## {title}", "", "| requirement | level | profile | |", "|---|---|---|---|"]
        for rule in known.catalogue.values():
            if rule.chapter == chapter:
                star = " ★" if rule.id in deviating else ""
                title_ = prose(rule.title).replace("|", "\\|")
                lines.append(f"| [{rule.id}]({rule.id}.md){star} | {rule.level} | {rule.profile} | {title_} |")
    return "\n".join(lines) + "\n"


def pages(known: Known) -> dict[str, str]:
    """All files by their names."""
    rendered = {f"{rule.id}.md": render(rule, known) for rule in known.catalogue.values()}
    return {INDEX: index(known), **rendered}


def write(folder: Path) -> None:
    """Write all pages to `folder`, and remove those of requirements that are gone. Raises OSError."""
    wanted = pages(gather())
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, "utf-8")


def _generations(requirement: Requirement, known: Known) -> Iterator[str]:
    yield "| Prefect | subjects |"
    yield "|---|---|"
    for version, subjects in known.subjects.items():
        names = subjects[requirement.id]
        told = "not applicable" if list(names) == [ABSENT] and _may_be_absent(requirement) else str(len(names))
        yield f"| {version} | {told} |"
    stated = {key: text for key, text in requirement.conditions.items() if key not in ("hidden", "read-only")}
    if stated:
        yield ""
        yield "Not applicable where:"
        yield ""
        yield from (f"- {prose(text)}" for text in stated.values())


def _may_be_absent(requirement: Requirement) -> bool:
    return "absent" in requirement.conditions


def _checked(requirement: Requirement, known: Known) -> Iterator[str]:
    check = known.checks[requirement.id]
    name = check.__name__
    module = f"{check.__module__.replace('.', '/')}.py"
    yield f"{name.removeprefix('test_').replace('_', ' ').capitalize()}: `{name}` in `{module}`."
    if check.__doc__:
        yield ""
        yield prose(inspect.cleandoc(check.__doc__))
    declared = declaration(check)
    if declared is not None and (on := _described(declared.subjects)):
        yield ""
        yield f"On: {prose(on)}"
    *_, newest = known.subjects
    names = known.subjects[newest][requirement.id]
    if list(names) != [ABSENT]:
        yield ""
        more = f", and {len(names) - _MOST_SUBJECTS} more" if len(names) > _MOST_SUBJECTS else ""
        yield f"In {newest}: {', '.join(map(code, names[:_MOST_SUBJECTS]))}{more}."
    yield ""
    yield from fenced(f"$ prefect-conformance run --select {requirement.id}", "console")


def _described(subjects: Subjects) -> str | None:
    """What the subjects are, in the words of the function that finds them, or of the one that made that function."""
    if subjects.__doc__:
        return inspect.cleandoc(subjects.__doc__).partition("\n\n")[0]
    outer = subjects.__qualname__.partition(".")[0]
    maker: Any = getattr(sys.modules[subjects.__module__], outer, None)
    return inspect.cleandoc(maker.__doc__).partition("\n\n")[0] if getattr(maker, "__doc__", None) else None


def _failure(requirement: Requirement, known: Known) -> Iterator[str]:
    """A deviation that is known, the one that takes least to show; else the first fault, which is none of a release."""
    real = [waiver for waiver in known.waivers if waiver.requirement == requirement.id]
    if real:
        shown = min(real, key=lambda waiver: (len(waiver.replay), waiver.subject))
        yield f"On {code(shown.subject)}, {_where(shown)}: {prose(shown.reason)}"
        yield ""
        yield from fenced(shown.replay, "sh")
        return
    fault = next(fault for fault in known.faults if fault.requirement == requirement.id)
    yield f"No supported release shows one. With the fault {code(fault.id)} before a server, the verdict on"
    yield f"{code(fault.subject)} is *failed*: {prose(fault.title)}."


def _faults(requirement: Requirement, known: Known) -> Iterator[str]:
    for fault in known.faults:
        if fault.requirement == requirement.id:
            yield f"- {code(fault.id)}, on {code(fault.subject)}: {prose(fault.title)}"


def _deviations(requirement: Requirement, known: Known) -> Iterator[str]:
    real = [waiver for waiver in known.waivers if waiver.requirement == requirement.id]
    if not real:
        yield "None of the supported ones."
        return

    def said(waiver: Waiver) -> tuple[str, str, str]:
        return waiver.reason, _where(waiver), waiver.link or ""

    for (reason, where, link), alike in groupby(sorted(real, key=lambda w: (*said(w), w.subject)), key=said):
        subjects = ", ".join(code(waiver.subject) for waiver in alike)
        yield f"- {where}, on {subjects}: {prose(reason)}{f' <{link}>' if link else ''}"


def _where(waiver: Waiver) -> str:
    """The releases, and the databases where it is not all of them."""
    on = f" on {' and '.join(waiver.databases)}" if waiver.databases else ""
    return f"{', '.join(waiver.versions) or 'every release'}{on}"


if __name__ == "__main__":
    write(data.requirements())
