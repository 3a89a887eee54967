"""How a check is declared: the requirement that it decides, and the subjects that it decides it on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final, TypeVar

from conformance.contract import Contract

Function = TypeVar("Function", bound=Callable[..., None])

Subjects = Callable[[Contract], Mapping[str, Any]]
"""What a rule is checked on: the contract's subjects by their names."""

ABSENT: Final = "the contract"
"""The subject where a contract has none: the rule as a whole is not applicable then, and says why."""

POPULATED: Final = frozenset({"filter", "composition", "paging", "sort", "aggregates", "events"})
"""The chapters that are judged on the world's population; the others make what they need."""

_ATTRIBUTE: Final = "__conformance_check__"


@dataclass(frozen=True)
class Declaration:
    """What `check` says of a function."""

    requirement: str
    subjects: Subjects

    @property
    def populated(self) -> bool:
        """Whether it is judged on the world's population."""
        return self.requirement.partition(".")[0] in POPULATED

    def names(self, contract: Contract) -> list[str]:
        """The names of the subjects in `contract`, those that the target hides last; or ABSENT alone."""
        whole = contract.whole
        hidden = {} if whole is contract else whole.derive(self.subjects)
        return list({**contract.derive(self.subjects), **hidden}) or [ABSENT]


def check(requirement: str, on: Subjects) -> Callable[[Function], Function]:
    """Declare a test function as the check of `requirement`. It gets one subject as the argument `subject`."""

    def declare(function: Function) -> Function:
        setattr(function, _ATTRIBUTE, Declaration(requirement, on))
        return function

    return declare


def declaration(function: object) -> Declaration | None:
    """What `check` declared of a function, None for a function that is no check."""
    return getattr(function, _ATTRIBUTE, None)


def declarations() -> Iterator[tuple[str, Declaration]]:
    """Every check of the suite: the name of its module, and what it declares."""
    for module, _, declared in _checks():
        yield module, declared


@cache
def functions() -> Mapping[str, Callable[..., None]]:
    """The check of each requirement."""
    return {declared.requirement: function for _, function, declared in _checks()}


def _checks() -> Iterator[tuple[str, Callable[..., None], Declaration]]:
    package = import_module(__package__)
    for module in iter_modules(package.__path__):
        if module.name.startswith("test_"):
            for function in vars(import_module(f"{__package__}.{module.name}")).values():
                if (declared := declaration(function)) is not None:
                    yield module.name, function, declared


def selected(requirement: str, subject: str, patterns: tuple[str, ...]) -> bool:
    """Whether a check is asked for: a pattern matches the requirement, the subject, or `requirement subject`.

    Patterns are those of a shell (`*`, `?`); no pattern at all asks for everything.
    """
    names = (requirement, subject, f"{requirement} {subject}")
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns for name in names)
