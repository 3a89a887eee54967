"""The hand that makes and drops the databases of a run: the program `keeper`, from this side."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from conformance.errors import ProvisioningError
from conformance.target.database import Database
from conformance.target.redaction import Redactor

# By its path alone: it imports what only a release's environment has.
_PROGRAM = Path(__file__).with_name("keeper.py")

# A cluster that was not stopped in good order takes some seconds to come up; on a loaded machine more.
_PATIENCE = 60.0
_DROP_SECONDS = 60.0

_REFUSED = {
    "28P01": "refuses the user or the password",
    "28000": "refuses the user",
    "3D000": "has no such database",
    "42501": "does not let this user create databases (ALTER ROLE … CREATEDB does)",
    "53300": "has no connections left",
}
"""What PostgreSQL's codes mean here (its documentation, appendix A)."""


class Keeper:
    """Makes databases in the PostgreSQL of `database`, and drops them when it ends or this process does.

    `python` is the interpreter of a Prefect release. `keep`: it is a private one, which may still be coming up, and
    where nothing need be dropped. Raises ProvisioningError where the PostgreSQL can't be used.
    """

    def __init__(self, python: Path, database: Database, log: Path, *, keep: bool) -> None:
        self._database = database
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(python), "-I", str(_PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                # Nothing of the user's: the server does not see their PG* variables and files either.
                env={"LC_ALL": "C", "PYTHONUTF8": "1", "PATH": str(python.parent)},
                cwd=log.parent,
                start_new_session=True,  # Ctrl-C is for the suite, which then has it drop what it made
            )
        try:
            self._ask({"url": database.url, "patience": _PATIENCE if keep else 0, "keep": keep})
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create(self, name: str, template: str | None = None) -> str:
        """Make a database, as a copy of another or empty; returns its URL. Raises ProvisioningError."""
        self._ask({"create": name, "template": template})
        return self._database.named(name)

    def close(self) -> list[str]:
        """Drop what is not to be kept. Returns a line for each database that is left. Twice does no harm."""
        if self._process.returncode is not None:
            return []
        try:
            output, _ = self._process.communicate(timeout=_DROP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return [f"{self._where}: the databases of this run were not dropped within {_DROP_SECONDS:.0f} s"]
        # Before the last answer there may be one that nobody waited for, after Ctrl-C.
        left: dict[str, Any] = json.loads(output.splitlines()[-1]).get("left", {}) if output.strip() else {}
        return [self._line(f"{self._where}: the database {name} is left", answer) for name, answer in left.items()]

    @property
    def _where(self) -> str:
        return f"the PostgreSQL at {self._database.shown}"

    def _ask(self, question: dict[str, Any]) -> None:
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer = json.loads(line) if line else {"error": "it can't be connected to with the driver of this release"}
        if not answer:
            return
        if answer.get("unreachable"):
            raise ProvisioningError(
                f"no PostgreSQL answers at {self._database.shown}: {self._redacted(answer['error'])}; "
                "start it, or give another URL with --database"
            )
        raise ProvisioningError(self._line(self._where, answer))

    def _line(self, about: str, answer: dict[str, Any]) -> str:
        means = _REFUSED.get(answer.get("sqlstate") or "")
        return f"{about}{f' {means}' if means else ''}: {self._redacted(answer['error'])}"

    @property
    def _redacted(self) -> Callable[[str], str]:
        return Redactor(self._database.secrets).text
