"""Hypothesis's own source of values, without the one part of it that differs from process to process."""

from __future__ import annotations

from typing import Any

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, CONSTANTS_CACHE, HypothesisProvider
from hypothesis.internal.constants_ast import Constants

BACKEND = "prefect-conformance"


class ReproducibleProvider(HypothesisProvider):
    """Draws no constants from the source of whatever local modules are loaded.

    Hypothesis looks for interesting values there, so that the command line, plain pytest and a worker,
    which load different modules, would send different requests with the same seed. It also remembers which
    constants are legal where, by keys that are the same for what is nearly alike: what was drawn before, for
    whatever strategy and by whichever provider, would decide what is drawn now.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        CONSTANTS_CACHE.cache.clear()

    @property
    def _local_constants(self) -> Constants:
        return Constants()


AVAILABLE_PROVIDERS[BACKEND] = f"{__name__}.{ReproducibleProvider.__name__}"
