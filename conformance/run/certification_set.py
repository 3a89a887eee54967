"""Makes a certification set: `python -m conformance.run.certification_set prefect-3.9.1/1`, for a maintainer.

It writes the file into `conformance/catalogue/sets/` and prints the entry for `published.toml`, which a person adds:
from then on, the set stays as it is. No server is asked: what is planned follows from the contract in
`fixtures/contracts`, read as a server of that release would serve it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from conformance import catalogue
from conformance.catalogue import Catalogue, Level, sets
from conformance.catalogue.conditions import load_conditions
from conformance.catalogue.sets import Unscored
from conformance.contract import Contract, Reading, frozen
from conformance.run import plan
from conformance.settings import Settings
from conformance.suite.check import ABSENT

CIRCUMSTANCES: Final = (
    "certificate",
    "headers",
    "read-only",
    "remote-target",
    "shared-server",
    "unguarded",
    "unprotected",
)
"""Conditions that another way to reach the target would lift: credentials, `--exclusive`, a run beside the target.

`hidden` is not among them: that a gateway keeps the administration of the server to itself is a choice of the product.
"""

_OPTIONAL: Final = "The rule is a MAY: to leave out what is optional costs nothing."
_NOTHING: Final = "The contract of this release has nothing that the rule is about."


def contract(release: str) -> Contract:
    """The frozen contract of a release, read as a server of that release would serve it."""
    reading = Reading(base="/api", version=release, served=True)
    return Contract.parse(frozen.path(release).read_bytes(), reading)


def planned(release: str) -> tuple[Contract, Mapping[str, Sequence[str]]]:
    """The frozen contract of a release, and requirement -> subjects that a whole run of it plans."""
    known = contract(release)
    found: dict[str, list[str]] = {}
    for requirement, subject in plan.planned(known, catalogue.load(), Settings()):
        found.setdefault(requirement, []).append(subject)
    return known, found


def make(id_: str) -> str:
    """The text of a set. Raises UnknownSetError for an id that is none, or of a release without a frozen contract."""
    release = str(sets.number(id_)[0])
    if release not in frozen.versions():
        raise sets.UnknownSetError(f"there is no frozen contract of {release}: fixtures/contracts has one a release")
    known, checks = planned(release)
    requirements = catalogue.load()
    unscored = _unscored(checks, requirements)
    left_out = {(entry.requirement, subject) for entry in unscored for subject in entry.subjects}
    groups: dict[tuple[str, ...], list[str]] = {}
    for requirement, subjects in checks.items():
        if scored := tuple(subject for subject in subjects if (requirement, subject) not in left_out):
            groups.setdefault(scored, []).append(requirement)
    # A group stands at its first rule, and the rules in the order of the catalogue: a diff shows what moved.
    lines = [
        f"# Certification set {id_}: made by `python -m conformance.run.certification_set {id_}`.",
        "# It is published, or about to be: never edit it. What is to change goes into a set with the next number.",
        "",
        f"id = {_text(id_)}",
        f"generation = {_text(release)}",
        f"contract_sha256 = {_text(known.sha256)}",
        f"anywhere = {_list(sorted(load_conditions()))}",
        f"circumstances = {_list(CIRCUMSTANCES)}",
    ]
    for subjects, rules in groups.items():
        lines += ["", "[[group]]", "requirements = [", *(f"    {_rule(requirements, rule)}," for rule in rules), "]"]
        lines += ["subjects = [", *(f"    {_text(subject)}," for subject in subjects), "]"]
    for entry in unscored:
        lines += ["", "[[unscored]]", f"requirement = {_text(entry.requirement)}", f"reason = {_text(entry.reason)}"]
        lines += ["subjects = [", *(f"    {_text(subject)}," for subject in entry.subjects), "]"]
    return "\n".join(lines) + "\n"


def _unscored(checks: Mapping[str, Sequence[str]], requirements: Catalogue) -> list[Unscored]:
    """What of the plan is not scored, by requirement and subject; each for the first reason that there is."""
    exceptions = {entry.requirement: entry for entry in sets.exceptions()}
    found = []
    for requirement, subjects in checks.items():
        exception = exceptions.get(requirement)
        if requirements[requirement].level is Level.MAY:
            reason, left_out = _OPTIONAL, subjects
        elif subjects == [ABSENT] and "absent" in requirements[requirement].conditions:
            # A later release of the generation may have it: then it is a new check, and no missing one.
            reason, left_out = _NOTHING, subjects
        elif exception is not None:
            wanted = exception.subjects or subjects
            reason, left_out = exception.reason, [subject for subject in subjects if subject in wanted]
        else:
            continue
        if left_out:
            found.append(Unscored(requirement=requirement, reason=reason, subjects=tuple(left_out)))
    return found


def _rule(requirements: Catalogue, id_: str) -> str:
    rule = requirements[id_]
    own = [key for key in rule.conditions if key not in load_conditions()]
    conditions = f", conditions = {_list(own)}" if own else ""
    return f"{{ id = {_text(id_)}, level = {_text(rule.level)}, profile = {_text(rule.profile)}{conditions} }}"


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _text(value: str) -> str:
    # JSON's strings are TOML's, but for one character, which no name has.
    return json.dumps(str(value), ensure_ascii=False)


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        text = make(wanted)
        Path(sets.__file__).with_name(sets.file_name(wanted)).write_text(text, "utf-8")
        sys.stdout.write(f'[[set]]\nid = "{wanted}"\nsha256 = "{sets.digest(text.encode())}"\n\n')
