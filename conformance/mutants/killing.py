"""One mutant after another: the checks that reach it are run with it in force, until one of them fails."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from itertools import groupby

from conformance.mutants.judging import Judging, seen
from conformance.mutants.outcomes import Fate, Outcome
from conformance.mutants.points import Mutant
from conformance.mutants.recording import Recorded
from conformance.run.plan import TOGETHER, Key, together
from conformance.verdicts.model import Judgement, Verdict

_OVERHEAD = 0.02
"""Seconds that even the quickest check takes."""

_PATIENCE = 60.0
"""Seconds that checks which could not be decided take in all, after which no further one is run.

Not their number: where what a check needs is refused at once, the next one may be the one that judges just that.
"""


class Killing:
    """Tries mutants on the checks that reach them, as was recorded."""

    def __init__(self, judging: Judging, recorded: Sequence[Recorded], mutants: Mapping[str, Mutant]) -> None:
        self._judging = judging
        self._mutants = mutants
        names = list(mutants)
        self._before = {check.key: check.verdict for check in recorded}
        self._reaching: dict[str, list[Recorded]] = {}
        for check in recorded:
            # Of one that is not decided on the server itself, nothing follows.
            if check.verdict in (Verdict.PASSED, Verdict.WAIVED):
                for place in check.reached:
                    self._reaching.setdefault(names[place], []).append(check)

    def reaching(self, mutant: str) -> list[Key]:
        """The checks whose requests come by the mutant, in the order in which they are tried.

        Of each rule first the one whose subject has most of the names that stand where the mutant does, and among
        those the one that is quick and comes by little else; then the second of each, and so on: what many rules look
        at is told by few subjects of each. What generates its requests comes with the second: a failure is searched
        there for what makes it, which takes long.
        """
        words = self._mutants[mutant].words

        def place(check: Recorded) -> tuple[int, float, Key]:
            named = len(words.intersection(re.split(r"\W+", check.subject.lower())))
            return (-named, (check.seconds + _OVERHEAD) * len(check.reached), check.key)

        found = sorted(self._reaching.get(mutant, ()), key=lambda check: (check.requirement, place(check)))
        ranked: list[tuple[int, tuple[int, float, Key]]] = []
        for requirement, checks in groupby(found, key=lambda check: check.requirement):
            chapter = requirement.partition(".")[0]
            ranked += [(rank, place(check)) for rank, check in enumerate(checks, int(chapter in TOGETHER))]
        groups = dict.fromkeys(together(key) for _, (_, _, key) in sorted(ranked))
        members: dict[Key, list[Key]] = {}
        for check in found:
            members.setdefault(together(check.key), []).append(check.key)
        return [key for group in groups for key in members[group]]

    def try_(self, mutant: str, skipping: int, most: int) -> Outcome:
        """Run the checks that reach a mutant up to the `most`th, but for those that were run before: `skipping`."""
        began = time.perf_counter()
        keys = self.reaching(mutant)
        ran, stopped = skipping, list[str]()
        unsteady: list[str] = []
        waited = 0.0
        reached = skipping > 0
        if keys:
            self._judging.turn()
            self._judging.server.take()
        for key in keys[skipping:most]:
            found = self._judge(key, mutant)
            ran += 1
            if seen(self._before[key], found.verdict):
                if self._holds(key):
                    return _outcome(mutant, Fate.KILLED, keys, ran, began, key, found.summary, unsteady)
                unsteady.append(" ".join(key))
            elif found.verdict is Verdict.COULD_NOT_RUN:
                stopped.append(f"{key[0]} {key[1]}: {found.summary}")
                waited += found.seconds
                if waited > _PATIENCE:
                    return _outcome(mutant, Fate.STOPPED, keys, ran, began, key, found.summary, unsteady)
        if keys and not (stopped or unsteady or reached):
            reached = mutant in self._judging.server.take()
        fate = Fate.STOPPED if stopped else Fate.SURVIVED if reached or unsteady else Fate.UNREACHED
        return _outcome(mutant, fate, keys, ran, began, ("", ""), "; ".join(stopped[:1]), unsteady)

    def _judge(self, key: Key, mutant: str) -> Judgement:
        """What the check finds with the mutant in force; one that can't decide is run again on a server as it was.

        The checks before it, and those of other rules too, have left behind on the server what may stand in its way.
        """
        found = self._judging.judge(key, mutant)
        if found.verdict is not Verdict.COULD_NOT_RUN:
            return found
        self._judging.turn()
        again = self._judging.judge(key, mutant)
        return again.model_copy(update={"seconds": found.seconds + again.seconds})

    def _holds(self, key: Key) -> bool:
        """Whether the check finds without the mutant what it found before, on a server that is as it was."""
        self._judging.turn()
        holds = not seen(self._before[key], self._judging.judge(key).verdict)
        self._judging.turn()
        return holds


def _outcome(
    mutant: str, fate: Fate, keys: Sequence[Key], ran: int, began: float, key: Key, summary: str, unsteady: list[str]
) -> Outcome:
    return Outcome(
        id=mutant,
        fate=fate,
        reaching=len(keys),
        ran=ran,
        seconds=round(time.perf_counter() - began, 1),
        requirement=key[0],
        subject=key[1],
        summary=summary[:300],
        unsteady=tuple(unsteady),
    )
