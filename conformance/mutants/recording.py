"""What each check finds with no mutant in force, and which mutants its requests reach."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from conformance.mutants.judging import Judging
from conformance.mutants.outcomes import add, lines
from conformance.mutants.points import Mutant
from conformance.run.plan import Key, together
from conformance.verdicts.model import Verdict

_EVERY = 100
"""Checks after which the server is put back to what it was: what they leave behind makes it slow."""


class About(BaseModel):
    """What a recording is of: its first line. `digest`: of all mutants, which may have other numbers some day."""

    model_config = ConfigDict(frozen=True)

    release: str
    mutants: int
    digest: str


class Recorded(BaseModel):
    """One check: its verdict, how long it took, and what it reached, as places in the order of all mutants."""

    model_config = ConfigDict(frozen=True)

    requirement: str
    subject: str
    verdict: Verdict
    seconds: float
    reached: tuple[int, ...]
    summary: str = ""

    @property
    def key(self) -> Key:
        """Requirement and subject."""
        return (self.requirement, self.subject)


def about(release: str, mutants: Mapping[str, Mutant]) -> About:
    """What a recording made now would be of."""
    text = "".join(f"{name} {mutant.point}\n" for name, mutant in mutants.items())
    return About(release=release, mutants=len(mutants), digest=hashlib.sha256(text.encode()).hexdigest())


def record(
    judging: Judging, what: About, mutants: Sequence[str], path: Path, progress: Callable[[str], None]
) -> list[Recorded]:
    """Run every check once, in the order of the catalogue; those that the file at `path` has are not run again.

    Checks that judge the same requests are run one after another, and each of them reaches what all of them reach.
    """
    found = read(path, what)
    if not found:
        path.write_text(f"{what.model_dump_json()}\n", "utf-8")
    known = {check.key for check in found}
    place = {name: number for number, name in enumerate(mutants)}
    order = {group: number for number, group in enumerate(dict.fromkeys(map(together, judging.keys)))}
    keys = sorted((key for key in judging.keys if key not in known), key=lambda key: order[together(key)])
    began, done = time.perf_counter(), 0
    for _, members in groupby(keys, key=together):
        group = list(members)
        if done // _EVERY < (done + len(group)) // _EVERY or not done:
            judging.turn()
            progress(f"recorded {done} of {len(keys)} checks in {time.perf_counter() - began:.0f} s")
        done += len(group)
        judging.forget()
        judging.server.take()
        judgements = [judging.judge(key) for key in group]
        reached = tuple(sorted(place[name] for name in judging.server.take()))
        for judgement in judgements:
            check = Recorded(
                requirement=judgement.requirement,
                subject=judgement.subject,
                verdict=judgement.verdict,
                seconds=judgement.seconds,
                reached=reached,
                summary=judgement.summary[:300],
            )
            add(path, check)
            found.append(check)
    return found


def read(path: Path, what: About) -> list[Recorded]:
    """What the file has, nothing where it is of another source."""
    first, *rest = [*lines(path), ""]
    if first.strip() != what.model_dump_json():
        return []
    return [Recorded.model_validate_json(line) for line in rest if line]
