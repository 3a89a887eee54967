"""Python imports this at its start from a folder of PYTHONPATH: the changes are put in place for whatever it runs."""

import importlib.util
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_NAME = "conformance_mutants"

_spec = importlib.util.spec_from_file_location(_NAME, _HERE / "__init__.py", submodule_search_locations=[str(_HERE)])
assert _spec is not None
assert _spec.loader is not None
sys.modules[_NAME] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules[_NAME])

importlib.import_module(f"{_NAME}.finder").install()
