"""The errors that end a run with one line, and the exit codes that they mean."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says to whoever started it. Each code means one thing."""

    CONFORMANT = 0
    NON_CONFORMANT = 1
    USAGE = 2
    INCOMPLETE = 3


class ConformanceError(Exception):
    """Something that the user can mend: the message is one line that says what is wrong and what to do.

    Raised before any check has run, so the exit code is `ExitCode.USAGE`.
    """


class TargetError(ConformanceError):
    """The server under test can't be reached, recognised or used as it was described."""


class ProvisioningError(ConformanceError):
    """The embedded server can't be installed or started."""


class WaiverError(ConformanceError):
    """A waiver file is malformed, names what does not exist, or has expired."""


class TargetTrouble(Exception):  # noqa: N818 - it is not an error of the caller, and not a verdict either
    """In the middle of a run, the target did not answer or only said that it is busy.

    Never a failed verdict of the rule being checked: the check becomes *could-not-run*.
    """
