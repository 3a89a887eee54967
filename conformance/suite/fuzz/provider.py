"""Hypothesis's own source of values, without the one part of it that differs from process to process."""

from __future__ import annotations

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.internal.constants_ast import Constants

BACKEND = "prefect-conformance"


class ReproducibleProvider(HypothesisProvider):
    """Draws no constants from the source of whatever local modules are loaded.

    Hypothesis looks for interesting values there, so that the command line, plain pytest and a worker,
    which load different modules, would send different requests with the same seed.
    """

    @property
    def _local_constants(self) -> Constants:
        return Constants()


AVAILABLE_PROVIDERS[BACKEND] = f"{__name__}.{ReproducibleProvider.__name__}"
