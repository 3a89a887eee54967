"""The Allure report: `allure-results/`, as allure-pytest wrote it, rendered to one HTML file.

The Allure 3 command-line tool does it. It is an npm package, pinned with a lock file in `reports/allure`,
installed on first use into the user's cache folder and shared by all later runs. A run is not worse for
the lack of it: what can go wrong here ends as one line, and never as an exception.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from filelock import FileLock, Timeout

from conformance import data
from conformance.cache_folder import root
from conformance.verdicts.model import one_line
from conformance.verdicts.printable import printable

Progress = Callable[[str], None]
"""Hears one line about each step that takes seconds."""

CONFIGURATION: Final = "allurerc.mjs"
"""The tool's configuration, in the folder of `data.allure`."""

_FORGOTTEN: Final = frozenset({"message", "trace", "fullName"})
"""What the history has of each check, and the trend does not need."""

_OLDEST_NODE: Final = (20, 19)
_INSTALL_SECONDS: Final = 300
_RENDER_SECONDS: Final = 300
_LOCK_SECONDS: Final = _INSTALL_SECONDS + 30

_POLICY: Final = (
    '<meta http-equiv="Content-Security-Policy" content="'
    "default-src 'unsafe-inline' 'unsafe-eval' data: blob:; form-action 'none'"
    '">'
)
"""What the page may load: what it holds itself, and nothing from a network."""

_FOREIGN_SCRIPT: Final = re.compile(r'<script\b[^<>]*\bsrc="https?:[^"<>]*"[^<>]*>\s*</script>')


class _NotRenderedError(Exception):
    """Why there is no report: one line."""


def render(
    results: Path, report: Path, progress: Progress, *, history: Path | None = None, cache: Path | None = None
) -> str | None:
    """Render the folder `results` to `report`/index.html, a single file that needs neither server nor network.

    `history` is a file that keeps what earlier runs came to, a line each: the report shows it, and this run is added.
    `cache` is where the tool is kept (default: the user's cache folder, or PREFECT_CONFORMANCE_CACHE).
    Returns None when done, or one line that says why there is no report, or what is not in it: a check
    that Allure took for a repetition of another is lost to whoever reads it. An older report is never left
    as the report of this run.
    """
    page = report / "index.html"
    try:
        page.unlink(missing_ok=True)
        made = sum(1 for _ in results.glob("*-result.json"))
        if not made:
            raise _NotRenderedError(f"{results} holds no results")
        node = _node()
        tool = _installed(cache or root(), progress)
        progress("rendering the Allure report")
        report.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="conformance-allure-") as work:
            unread = _generate(node, tool, results, Path(work), history)
            shown = _entries(Path(work) / "report" / "summary.json")
            _publish(Path(work) / "report" / "index.html", page)
            if history is not None and unread:
                progress(f"{history.name} had lines that are no runs: they are in {_keep(history, unread).name} now")
    except (_NotRenderedError, OSError, UnicodeDecodeError) as error:
        return f"the Allure report was not rendered: {one_line(printable(str(error)))}"
    if shown != made:
        return f"the Allure report shows {shown} of {made} results; the others were damaged, or taken for repetitions"
    return None


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise _NotRenderedError(
            "Node.js is not installed; install Node.js "
            f"{'.'.join(map(str, _OLDEST_NODE))} or newer and run again, or open verdicts.json and junit.xml"
        )
    said = _run([node, "--version"], "node --version", 30, cwd=None).strip()
    found = re.fullmatch(r"v(\d+)\.(\d+)\..*", said)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST_NODE:
        raise _NotRenderedError(f"Node.js {'.'.join(map(str, _OLDEST_NODE))} or newer is needed, and {node} is {said}")
    return node


def _installed(cache: Path, progress: Progress) -> Path:
    """The tool's script, installed now where no earlier run has."""
    source = data.allure()
    digest = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()[:16]
    home = (cache / f"allure-{digest}").resolve()
    script = home / "node_modules" / "allure" / "cli.js"
    if script.is_file():
        return script
    cache.mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache / f"allure-{digest}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress("waiting for another run that is installing the Allure command-line tool")
        try:
            lock.acquire(timeout=_LOCK_SECONDS)
        except Timeout as error:
            raise _NotRenderedError(f"another run has held {lock.lock_file} for {_LOCK_SECONDS} s") from error
    try:
        if not script.is_file():
            progress("installing the Allure command-line tool (once)")
            _install(source, home)
    finally:
        lock.release()
    return script


def _install(source: Path, home: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise _NotRenderedError("npm is not installed; it is a part of Node.js that some systems package apart")
    draft = Path(tempfile.mkdtemp(prefix=f"{home.name}.", dir=home.parent))
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(source / name, draft / name)
        # No script of a package is run: none of them needs one, and a report is no reason to trust 159 packages.
        quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
        # By npm's own defaults, whoever has no network waits for more than a minute to hear of it.
        brief = ("--fetch-retries=1", "--fetch-retry-mintimeout=2000", "--fetch-retry-maxtimeout=2000")
        _run([npm, "ci", "--ignore-scripts", *quiet, *brief], "npm ci", _INSTALL_SECONDS, cwd=draft)
        if home.exists():  # without the script, or we would not be here
            shutil.rmtree(home)
        draft.rename(home)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _generate(node: str, tool: Path, results: Path, work: Path, history: Path | None) -> list[bytes]:
    """Have the report made in `work`, and this run added to the history. Returns the lines of it that are no runs."""
    # A copy of the configuration, so that the tool looks for nothing beside it and writes nothing there.
    shutil.copyfile(data.allure() / CONFIGURATION, work / CONFIGURATION)
    kept = work / "history.jsonl"
    unread = [] if history is None else _readable(history, kept)
    _run(
        [
            node,
            str(tool),
            "generate",
            str(results.resolve()),
            "--config",
            str(work / CONFIGURATION),
            "--output",
            str(work / "report"),
        ],
        "allure generate",
        _RENDER_SECONDS,
        cwd=work,
        more={} if history is None else {"CONFORMANCE_ALLURE_HISTORY": str(kept)},
    )
    if not (work / "report" / "index.html").is_file():
        raise _NotRenderedError("allure generate ended well and wrote no index.html")
    if history is not None and kept.is_file():
        _replace(history, kept.read_text("utf-8"))
    return unread


def _readable(history: Path, to: Path) -> list[bytes]:
    """Copy what can be read of an earlier history: a line that is cut off would keep Allure from any report.

    Returns the others, which may be of a suite to come.
    """
    runs, unread = [], []
    for line in history.read_bytes().splitlines() if history.is_file() else []:
        run = _trend(line)
        if run is not None:
            runs.append(run)
        elif line.strip():
            unread.append(line)
    to.write_text("".join(f"{json.dumps(run)}\n" for run in runs), "utf-8")
    return unread


def _keep(history: Path, unread: list[bytes]) -> Path:
    """Add lines to the file beside a history that has what can't be read of it."""
    beside = history.with_name(f"{history.stem}-unread{history.suffix}")
    with beside.open("ab") as file:
        file.writelines(line + b"\n" for line in unread)
    return beside


def _trend(line: bytes) -> dict[str, Any] | None:
    """An earlier run without the texts of its failures; None for what is none.

    Allure puts all that it has of earlier runs on the page, twice.
    """
    try:
        found = json.loads(line)
        checks = {
            key: {name: value for name, value in check.items() if name not in _FORGOTTEN} | {"labels": []}
            for key, check in found["testResults"].items()
        }
    except (ValueError, RecursionError, TypeError, LookupError, AttributeError):
        return None
    return {**found, "testResults": checks}


def _entries(summary: Path) -> int:
    """How many checks the report lists, as Allure says beside it."""
    try:
        return int(json.loads(summary.read_text("utf-8"))["stats"]["total"])
    except (ValueError, LookupError, TypeError) as error:
        raise _NotRenderedError(f"allure generate wrote a {summary.name} that does not say what it shows") from error


def _publish(made: Path, page: Path) -> None:
    """Put the page where it belongs, whole or not at all, and shut to the network.

    Allure's template loads an analytics script from the web, which no option turns off. A report of
    somebody's server tells nobody that it was opened: the script goes, and the policy holds off the next one.
    """
    html = _FOREIGN_SCRIPT.sub("", made.read_text("utf-8"))
    closed, places = re.subn(r"<head>", lambda head: f"{head[0]}\n    {_POLICY}", html, count=1)
    if not places:
        raise _NotRenderedError("the page that allure made has no <head> to close it to the network in")
    _replace(page, closed)


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, "utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _run(
    command: list[str], name: str, seconds: int, *, cwd: Path | None, more: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The output of a command that ends well. Anything else is the reason why there is no report."""
    # ALLURE_* would add a configuration of someone else's, an upload to Allure's service among it.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ALLURE_")}
    environment |= {"NO_COLOR": "1", "NODE_NO_WARNINGS": "1", **more}
    environment.pop("FORCE_COLOR", None)
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _NotRenderedError(f"{name} took more than {seconds} s") from error
    if done.returncode:
        raise _NotRenderedError(f"{name} failed: {_complaint(done.stderr or done.stdout) or f'code {done.returncode}'}")
    return done.stdout.decode("utf-8", "replace")


def _complaint(output: bytes) -> str:
    """The lines of npm's or node's output that say what went wrong, shortened to one."""
    lines = [line.strip() for line in printable(output.decode("utf-8", "replace")).splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"\berror\b|\bE[A-Z]{4,}\b", line, re.IGNORECASE)] or lines
    telling = [line for line in telling if "complete log of this run" not in line]
    text = "; ".join(dict.fromkeys(re.sub(r"^npm (error|ERR!)\s*", "", line) for line in telling[:3]))
    return text if len(text) <= 300 else f"{text[:297]}..."
