"""What a certification set makes of the verdicts: which profiles are certified, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict

from conformance.catalogue import Level, Profile
from conformance.catalogue.sets import CertificationSet, Rule, named
from conformance.verdicts.certificate.facts import Facts
from conformance.verdicts.model import Verdict

_ABSENT: Final = "absent"
_AS_A_WHOLE: Final = "the contract"


class Standing(StrEnum):
    """What a scored check contributes to its profile."""

    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"
    NOT_JUDGED = "not_judged"
    COULD_NOT_RUN = "could_not_run"
    MISSING = "missing"


_SIMPLE: Final = {
    Verdict.PASSED: Standing.PASSED,
    Verdict.FAILED: Standing.FAILED,
    Verdict.WAIVED: Standing.WAIVED,
    Verdict.COULD_NOT_RUN: Standing.COULD_NOT_RUN,
}


class Certified(BaseModel):
    """One profile: whether it is certified, why not, and how its scored checks stand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    certified: bool
    scored: int
    counts: Mapping[Standing, int]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Scoring:
    """`missing`: scored checks without a verdict. `unscored`: verdicts that no profile counts. Both sorted."""

    profiles: Mapping[Profile, Certified]
    missing: tuple[str, ...]
    unscored: tuple[str, ...]


def score(facts: Facts, by: CertificationSet) -> Scoring:
    """Judge every profile of the set.

    A profile is certified where each of its scored checks passed, is not applicable to the server, or is a SHOULD
    that failed and is waived: RFC 2119 wants a reason of who deviates from one, and a waiver is where it stands. A
    MUST that is waived, a check that failed, could not run, is missing or was not judged for how the target was
    reached: each of these is a reason why not. So is an error of the run itself.
    """
    verdicts = dict(facts.verdicts())
    conditions = {name: condition for condition, names in facts.not_applicable.items() for name in names}
    standings = {name: _standing(name, rule, verdicts, conditions, facts, by) for name, rule in by.checks.items()}
    of: dict[Profile, dict[str, Standing]] = {profile: {} for profile in Profile}
    for name, rule in by.checks.items():
        of[rule.profile][name] = standings[name]
    profiles = {profile: _profile(found, facts, by) for profile, found in of.items()}
    return Scoring(
        profiles,
        missing=tuple(sorted(name for name, standing in standings.items() if standing is Standing.MISSING)),
        unscored=tuple(sorted(verdicts.keys() - by.checks.keys())),
    )


def _standing(
    name: str,
    rule: Rule,
    verdicts: Mapping[str, Verdict],
    conditions: Mapping[str, str],
    facts: Facts,
    by: CertificationSet,
) -> Standing:
    verdict = verdicts.get(name)
    if verdict is None:
        # A target without a document of its own is judged by the frozen contract itself: to compare that with itself
        # would say nothing, and the rules that do are not applicable as a whole.
        same = facts.server.contract_sha256 == by.contract_sha256
        whole = conditions.get(named(rule.id, _AS_A_WHOLE)) == _ABSENT and _ABSENT in rule.conditions
        return Standing.NOT_APPLICABLE if same and whole else Standing.MISSING
    if verdict is Verdict.NOT_APPLICABLE:
        return Standing.NOT_APPLICABLE if by.excuses(rule, conditions[name]) else Standing.NOT_JUDGED
    return _SIMPLE[verdict]


def _profile(standings: Mapping[str, Standing], facts: Facts, by: CertificationSet) -> Certified:
    reasons = [f"the run itself is in error: {error}" for error in facts.run.errors]
    if not standings:
        reasons.append("the set scores no check of it")

    def why(found: Sequence[str], what: str) -> None:
        if found:
            reasons.append(f"{len(found)} {'check' if len(found) == 1 else 'checks'} {what}: {_first(found)}")

    def of(standing: Standing) -> list[str]:
        return [name for name, its in standings.items() if its is standing]

    why(of(Standing.FAILED), "failed")
    why([name for name in of(Standing.WAIVED) if by.checks[name].level is Level.MUST], "of a MUST waived")
    why(of(Standing.COULD_NOT_RUN), "could not run")
    why(of(Standing.MISSING), "missing")
    unjudged = set(of(Standing.NOT_JUDGED))
    for condition, names in facts.not_applicable.items():
        why([name for name in names if name in unjudged], f"not judged ({condition})")
    counts = Counter(standings.values())
    return Certified(
        certified=not reasons,
        scored=len(standings),
        counts={standing: counts[standing] for standing in Standing},
        reasons=tuple(reasons),
    )


def _first(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
