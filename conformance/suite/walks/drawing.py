"""Walks as Hypothesis thinks them up: from the household alone, the same ones whatever a server answers."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st

from conformance.oracle import Household
from conformance.suite.fuzz.provider import BACKEND
from conformance.suite.walks.stage import Stage
from conformance.suite.walks.step import Kind, Step, Walk, births, kinds, think

_STEPS = 22
"""Steps of a walk after the first members are born."""

_OFTEN = {"patch": 3, "ask": 2, "force": 2}
"""What changes a member, and what asks for it, is drawn more often than what makes or ends one."""

_OFFERED = 5
"""Steps that are drawn, of which the most telling one is taken."""

_EXAMPLES = 3
"""Times that all walks over a stage are drawn. Hypothesis begins with the simplest of everything."""

_Turn = tuple[str, str]
"""What followed upon what in the life of one member: a defect that needs a history shows in one of these."""


@st.composite
def tours(draw: st.DrawFn, stage: Stage, number: int) -> tuple[Walk, ...]:
    """Some walks over a stage, which together have many turns. Each begins with a member of each collection."""
    known: set[_Turn] = set()
    return tuple(_walk(draw, stage, known) for _ in range(number))


def _walk(draw: st.DrawFn, stage: Stage, known: set[_Turn]) -> Walk:
    household = Household()
    walked: list[Step] = []
    lives: dict[int, list[str]] = {}

    def take(step: Step) -> None:
        known.update(_turns(step, lives))
        for number in {step.number, *step.about}:
            lives.setdefault(number, []).append(_told(step))
        think(household, step)
        walked.append(step)

    for name in (*stage.troupes, list(stage.troupes)[-1]):
        take(births("create", stage.troupes[name], household, walked)[0])
    for _ in range(_STEPS):
        open_ = [kind for kind in kinds(stage, household, walked) for _ in range(_OFTEN.get(kind.does, 1))]
        offered = [_step(draw, stage, draw(st.sampled_from(open_)), household, walked) for _ in range(_OFFERED)]
        take(max(offered, key=lambda step: len(_turns(step, lives) - known)))
    return tuple(walked)


def _step(draw: st.DrawFn, stage: Stage, kind: Kind, household: Household, walked: Sequence[Step]) -> Step:
    does, name = kind
    troupe = stage.troupes[name]
    if does in ("create", "renew"):
        return draw(st.sampled_from(births(does, troupe, household, walked)))
    member = draw(st.sampled_from(household.living(name)))
    return Step(does, name, member.number, what=draw(st.sampled_from(troupe.deeds[does])))


def drawn(stage: Stage, number: int, seeded: int) -> Sequence[Walk]:
    """Some walks over a stage: the same ones whenever they are drawn with the same seed."""
    drafts: list[tuple[Walk, ...]] = []

    @seed(zlib.crc32(f"{seeded} {stage.name}".encode()))
    @settings(
        max_examples=_EXAMPLES,
        database=None,
        backend=BACKEND,
        deadline=None,
        phases=(Phase.generate,),
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(tours(stage, number))
    def keep(walks: tuple[Walk, ...]) -> None:
        drafts.append(walks)

    keep()
    return drafts[-1]


def _told(step: Step) -> str:
    """A step as a life tells it: of what was asked, only whether it was of what the member itself shows."""
    own = step.does == "ask" and step.what[0] == step.collection
    return f"{step.does} {step.collection}{f' {step.what[1]}' if own else ''}"


def _turns(step: Step, lives: Mapping[int, Sequence[str]]) -> set[_Turn]:
    """What the step follows upon in the lives of those that it is about."""
    return {(before, _told(step)) for number in {step.number, *step.about} for before in lives.get(number, ())}
