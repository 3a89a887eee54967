"""Changes the modules that are named in the environment as they are imported."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

from .schemata import ASK, instrument
from .switch import ROUTES, Switch, asker

VARIABLE = "CONFORMANCE_MUTANTS"
"""A regular expression: the names of the modules that are changed."""

_APPLICATION = "prefect.server.api.server"


class _Finder:
    def __init__(self, modules: str) -> None:
        self._modules = re.compile(modules)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not (self._modules.fullmatch(name) or name == _APPLICATION):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(name, spec.loader.path, changed=bool(self._modules.fullmatch(name)))
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, *, changed: bool) -> None:
        super().__init__(name, path)
        self._changed = changed

    def get_code(self, fullname: str) -> Any:
        # Not from the cache of compiled files, and not into it.
        return self.source_to_code(self.get_data(self.path), self.path)

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> Any:  # type: ignore[override]
        if not self._changed:
            return compile(data, path, "exec", dont_inherit=True)
        made = instrument(bytes(data).decode())
        for point in made.points:
            if point.route:
                known = ROUTES.setdefault((self.name, point.function), [])
                known.append((self.name, point.number, int(point.text)))
        return compile(made.tree, path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)[ASK] = asker(self.name)
        super().exec_module(module)
        if self.name == _APPLICATION:
            create = vars(module)["create_app"]

            def create_app(*arguments: Any, **options: Any) -> Any:
                return Switch(create(*arguments, **options))

            vars(module)["create_app"] = create_app


def install() -> None:
    """Before anything of Prefect is imported. Without the variable nothing is changed."""
    if modules := os.environ.get(VARIABLE):
        sys.meta_path.insert(0, _Finder(modules))
