"""The order in which checks run decides nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import differing, verdicts

# Last of all: the suite's own sort, which keeps chapters together, is undone too.
_SHUFFLE = """
import random, pytest

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    random.Random(7).shuffle(items)
"""

_NARROW = ("verbs.get-by-id", "filter.any flows.*", "fuzz.* GET /flows/{id}")


def run(server: Any, folder: Path, *arguments: str) -> list[str]:
    """Plain pytest on a few checks, as `arguments` order them; the order in which they were judged."""
    folder.mkdir()
    (folder / "shuffle.py").write_text(_SHUFFLE)
    command = [sys.executable, "-m", "pytest", "--pyargs", "conformance", "--target", server.url, "-v", "--no-header"]
    command += ["-p", "no:cacheprovider", *(f"--conformance-select={pattern}" for pattern in _NARROW), *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r"::(\S+\[.*\]) [A-Z]+ ", done.stdout)


@pytest.mark.server
@pytest.mark.wide
def test_any_order_gives_the_same_verdicts(server: Any, tmp_path: Path) -> None:
    told = run(server, tmp_path / "told", "-p", "no:randomly")
    # pytest-randomly, which is loaded by itself, seeds every generator anew.
    shuffled = run(server, tmp_path / "shuffled", "-p", "shuffle", "--randomly-seed=7")
    assert sorted(told) == sorted(shuffled)
    assert told != shuffled
    assert differing(verdicts(tmp_path / "told"), verdicts(tmp_path / "shuffled")) == {}
    assert json.loads((tmp_path / "told" / "reports" / "verdicts.json").read_text())["result"] == "conformant"
