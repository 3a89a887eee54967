"""The machine that all of it was measured on."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Final

import psutil

from conformance.benchmark.figures import Machine

_PROCESSORS: Final = Path("/proc/cpuinfo")


def machine() -> Machine:
    """This one."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        python=".".join(map(str, sys.version_info[:3])),
    )


def _processor() -> str:
    if _PROCESSORS.exists():
        for line in _PROCESSORS.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
