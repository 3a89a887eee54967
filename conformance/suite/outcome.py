"""How a check says what it found. Anything else that stops a check means that it could not run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from conformance.contract.formats import is_date_time
from conformance.oracle.operators import instant
from conformance.target import Exchange

_LONGEST = 1200
"""Characters of one value in a failure: it has to fit a screen."""


class Violation(AssertionError):  # noqa: N818 - it is an outcome, not an error
    """The server breaks the rule on this subject.

    `summary` is one line. `expected` and `observed` are the smallest values that show the difference.
    `findings` are the fingerprints of what was found, where a check finds several things of one kind.
    `exchanges` are the ones that show it, where they are not the latest of the check.
    """

    def __init__(
        self,
        summary: str,
        *,
        expected: Any = None,
        observed: Any = None,
        findings: tuple[str, ...] = (),
        exchanges: tuple[Exchange, ...] = (),
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.findings = findings
        self.exchanges = exchanges
        self.details = "\n".join(
            f"{name}: {_shown(value)}"
            for name, value in (("expected", expected), ("observed", observed))
            if value is not None
        )


class NotApplicable(Exception):  # noqa: N818 - it is an outcome, not an error
    """The rule does not concern this subject; `condition` is a key of the requirement's `conditions`."""

    def __init__(self, condition: str) -> None:
        super().__init__(condition)
        self.condition = condition


class CouldNotRun(Exception):  # noqa: N818 - it is an outcome, not an error
    """Something kept the check from deciding: the server was busy, or what it needs can't be had."""


_MOST_PLACES = 4
"""Places that a summary names."""


@dataclass(frozen=True)
class Difference:
    """One place where two JSON values differ."""

    where: str
    expected: Any
    observed: Any

    @property
    def is_addition(self) -> bool:
        """Whether the observed value has a key here that was not expected."""
        return self.expected is _MISSING


def differences(expected: Any, observed: Any, where: str = "") -> list[Difference]:
    """The places, as paths, at which two JSON values differ. Objects are compared key by key."""
    if isinstance(expected, dict) and isinstance(observed, dict):
        return [
            difference
            for key in sorted(expected.keys() | observed.keys())
            for difference in differences(
                expected.get(key, _MISSING), observed.get(key, _MISSING), f"{where}.{key}".lstrip(".")
            )
        ]
    if type(expected) is type(observed) and expected == observed:
        return []
    if isinstance(expected, str) and isinstance(observed, str) and _same_instant(expected, observed):
        return []
    if isinstance(expected, int | float) and isinstance(observed, int | float) and expected == observed:
        return []
    return [Difference(where or "(the whole body)", expected, observed)]


def require_equal(summary: str, expected: Any, observed: Any) -> None:
    """Raise Violation, with the smallest differences, unless two JSON values are equal."""
    if found := differences(expected, observed):
        raise Violation(
            f"{summary}: {', '.join(d.where for d in found[:_MOST_PLACES])}{' …' if len(found) > _MOST_PLACES else ''}",
            expected={d.where: d.expected for d in found},
            observed={d.where: d.observed for d in found},
        )


def _same_instant(one: str, other: str) -> bool:
    """Whether two texts are one instant, written in two ways (`Z` and `+00:00`, with and without microseconds)."""
    return is_date_time(one) and is_date_time(other) and instant(one.upper()) == instant(other.upper())


class _Missing:
    def __repr__(self) -> str:
        return "(absent)"


_MISSING = _Missing()


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
