"""How an embedded server is configured: its command line and every environment variable that it sees."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from packaging.version import Version

from conformance.target.embedded.releases import Release

_OFF = "false"

# Nothing of the user's environment reaches the server (a stray PREFECT_* would change its answers), but for
# what an interpreter may need to start at all.
KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")

# The same setting is PREFECT_ORION_… in Orion, PREFECT_API_… after it and PREFECT_SERVER_… in the newest;
# a release ignores the names that it doesn't know.
_GENERATIONS = ("ORION", "API", "SERVER")

# Background services that write to the database by themselves. With them, what a check reads would depend on
# when it reads, and on SQLite each write of theirs may turn a request away as busy. What stays on is what only
# answers requests: the event persister (posted events can't be read without it), the task run recorder (writes
# nothing but what task-run events bring) and the event stream.
_SERVICES_OFF = (
    "SCHEDULER",  # creates flow runs of every deployment with a schedule: thousands, once deployments are fuzzed
    "LATE_RUNS",  # moves runs from Scheduled to Late
    "PAUSE_EXPIRATIONS",  # moves runs from Paused to Failed
    "CANCELLATION_CLEANUP",  # cancels the children of a cancelled run, some time later
    "FOREMAN",  # marks workers offline, work pools, queues and deployments not ready, a minute after the last poll
    "REPOSSESSOR",  # takes back slots of concurrency limits whose lease has run out
    "CLEANUP_RECONCILER",  # the same for the messages of the worker channel
    "FLOW_RUN_NOTIFICATIONS",  # sends notifications to where fuzzed policies point
    "EVENT_LOGGER",  # writes a line a event to the log
)


def command(release: Release, python: Path, port: int) -> list[str]:
    """The command that serves `release` on 127.0.0.1:`port` with the interpreter of its environment.

    Uvicorn is what `prefect orion start` and `prefect server start` run, with the same factory; that saves
    importing Prefect twice. Measured from the start to the first healthy answer, warm, on two cores: 2.0.0 4.3 s
    against 6.8 s, 2.20.27 7.6 s against 14.1 s, 3.9.1 9.0 s against 10.9 s.
    """
    return [
        str(python),
        *("-m", "uvicorn", "--factory", release.app),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--log-level", "warning", "--no-access-log"),
        # Uvicorn's 5 s are what HTTP clients keep an idle connection too: now and then a request would be sent
        # on one that is being closed.
        *("--timeout-keep-alive", "75"),
    ]


def guarded(credentials: str) -> dict[str, str]:
    """What has a server ask for `credentials` (`user:password`) and for CSRF tokens, where its release can."""
    return {
        "PREFECT_SERVER_API_AUTH_STRING": credentials,
        # The older name, which the newest releases read too.
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
    }


def connection(url: str) -> dict[str, str]:
    """What puts a server on the database of that URL; its password is in no command line."""
    return {f"PREFECT_{generation}_DATABASE_CONNECTION_URL": url for generation in _GENERATIONS}


def environment(release: Release, python: Path, home: Path) -> dict[str, str]:
    """The whole environment of a server of `release` whose files are in `home`."""
    variables = {name: os.environ[name] for name in KEPT if name in os.environ}
    variables |= {
        "PATH": os.pathsep.join([str(python.parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8",
        "TZ": "UTC",
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "PREFECT_HOME": str(home),
        # The note that all block types are registered, which spares every later start the work. By default some
        # releases put it beside the database, and others into ~/.prefect, which is not there.
        "PREFECT_MEMO_STORE_PATH": str(home / "memo_store.toml"),
        "PREFECT_SERVER_MEMO_STORE_PATH": str(home / "memo_store.toml"),
        "PREFECT__SERVER_FINAL": "1",  # `prefect server start` frees memory with it
        "DO_NOT_TRACK": "1",
        # Not a word to the outside, and the same answers with and without a network: the server would ask
        # GitHub for its collection views (the file that it ships is the fallback), and a fuzzed webhook might
        # ask anybody. Nothing listens on the discard port, so that is refused at once.
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"),
        "NO_PROXY": "127.0.0.1,localhost",
        # Its files are written into the environment at each start, and no check asks for them.
        "PREFECT_UI_ENABLED": _OFF,
        "PREFECT_ORION_UI_ENABLED": _OFF,
        "PREFECT_SERVER_UI_ENABLED": _OFF,
        "PREFECT_SERVER_ANALYTICS_ENABLED": _OFF,
        "PREFECT_ORION_ANALYTICS_ENABLED": _OFF,
        # Events of a population may be of any age: the default is to delete those of last week.
        "PREFECT_EVENTS_RETENTION_PERIOD": "P36500D",
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P36500D",
        # It can't be switched off in all releases that have it; it runs once at the start, on an empty database.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "31536000",
        # What the document of a release declares, and the server answers with 404 unless it is switched on: work
        # pools in 2.7, events and automations in 2.20. Later releases have no such switches.
        "PREFECT_EXPERIMENTAL_ENABLE_WORK_POOLS": "true",
        "PREFECT_EXPERIMENTAL_EVENTS": "true",
        # To colour what it logs of an error takes the server longer than the rest of the answer.
        "PREFECT_LOGGING_COLORS": _OFF,
        # A posted event can be read after one second, not five.
        "PREFECT_API_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
    }
    for generation in _GENERATIONS:
        for service in _SERVICES_OFF:
            variables[f"PREFECT_{generation}_SERVICES_{service}_ENABLED"] = _OFF
    # Automations act on other objects whenever an event fits their trigger. Only, in 2.x the same setting takes
    # the automations out of the API, so there they have to stay: with the time-driven ones asleep.
    if Version(release.version).major >= 3:
        variables["PREFECT_API_SERVICES_TRIGGERS_ENABLED"] = _OFF
        variables["PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED"] = _OFF
    else:
        variables["PREFECT_EVENTS_PROACTIVE_GRANULARITY"] = "P365D"
    return variables
