"""One run: opened by the controlling process, shared with its workers, closed with its reports.

Between the checks, which know nothing of pytest's life cycle, and the plugin, which knows nothing else.
"""

from conformance.run.direct import run_directly
from conformance.run.judge import judge, screen
from conformance.run.run import Run
from conformance.run.workbench import Shared, Workbench

__all__ = ["Run", "Shared", "Workbench", "judge", "run_directly", "screen"]
