"""What README.md, CONTRIBUTING.md and the pages of docs/ tell a user to type is typed here.

A command is executed as it stands, in a folder that has what it names, but for what its entry in COMMANDS declares:
the address of a server is that of a real one, and what would take minutes gets a `--select` that keeps it short. What
can't be executed is in UNTRIED, with the reason. In any case its options have to be there. A command that is in
neither fails the tests.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import certificate_samples
import documents
import httpx
import pytest
import typer
from documents import ROOT, WRITTEN, Command

from conformance import cli, data
from conformance.catalogue import sets
from conformance.target.embedded import EmbeddedServer
from conformance.target.embedded.releases import release
from conformance.verdicts import certificate

pytestmark = pytest.mark.skipif(
    not (ROOT / "action.yml").is_file(), reason="not a checkout: a source distribution has no CI files"
)

NEWEST_CONTRACT = "fixtures/contracts/prefect-3.9.1.json"
QUICK = "--select routes.snake-case --no-allure"
"""Of a run, the checks of one rule, which need no objects. Two of them are waived on Prefect 3.9.1."""
THERE = "--url {server}"
"""On the server of these tests, and not on one that is started for the command."""
LINT = frozenset({"ruff", "mypy", "lint-imports"})
SECRETS = {"PREFECT_API_AUTH_STRING": "admin:secret", "PREFECT_API_KEY": "pnu_secret"}

_ADDRESSES = re.compile(
    r"http://127\.0\.0\.1:4200/api|https://(prefect|cloud)\.example/api(/accounts/ID/workspaces/ID)?"
)


@dataclass(frozen=True)
class Tried:
    """How a command is executed: with what `more` at its end, to which exit code, saying and leaving what.

    `wide` ones take longer, and those that start a server of their own. `here`: in the folder of the checkout.
    """

    more: str = ""
    code: int = 0
    says: str = ""
    leaves: tuple[str, ...] = ()
    wide: bool = False
    here: bool = False
    then: Callable[[Path], None] = field(default=lambda _: None)


def _is_the_frozen_contract(folder: Path) -> None:
    assert (folder / NEWEST_CONTRACT).read_text("utf-8") == (ROOT / NEWEST_CONTRACT).read_text("utf-8")


REPORTS = tuple(f"reports/{name}" for name in ("index.html", "verdicts.json", "junit.xml", "catalogue.html"))
NEW = "prefect-conformance run --server prefect==3.9.1"

COMMANDS: Mapping[str, Tried] = {
    # The gate
    "prefect-conformance run --url http://127.0.0.1:4200/api --exclusive --workers 2": Tried(
        QUICK, says="result:  conformant", leaves=(*REPORTS, "reports/api-coverage.html", "reports/contract.json")
    ),
    "prefect-conformance run --require-coverage operations=100 --require-coverage status-codes=40": Tried(
        f"{THERE} {QUICK}", code=3, says="operations"
    ),
    "prefect-conformance summary reports": Tried(says="non-conformant"),
    "prefect-conformance diff before/reports after/reports": Tried(code=1, says="routes.snake-case"),
    # On one failing rule
    "prefect-conformance run --select 'filter.before-inclusive flow_runs.start_time.before_'": Tried(
        "--no-allure", says="result:  conformant", wide=True
    ),
    "prefect-conformance run --select 'sort.*' --select '*deployments*' --no-fuzz": Tried(
        "--list", says="sort.order\tdeployments.NAME_ASC", wide=True
    ),
    "prefect-conformance catalogue filter.before-inclusive": Tried(says="# filter.before-inclusive"),
    "prefect-conformance run --server prefect==2.20.27 --select 'sort.*'": Tried(
        "--list", says="sort.order", wide=True
    ),
    "prefect-conformance run --database postgres --select 'sort.*'": Tried("--list", says="sort.order", wide=True),
    "pytest --pyargs conformance --target http://127.0.0.1:4200/api -k paging": Tried(
        "--collect-only -q", says="test_paging.py", wide=True
    ),
    "pytest conformance/suite --server prefect==3.9.1": Tried(
        "--conformance-select routes.snake-case --conformance-reports {folder}/reports --conformance-no-allure",
        says="passed",
        here=True,
        wide=True,
    ),
    # Other servers
    "prefect-conformance run --server prefect==2.0.0": Tried(QUICK, says="result:  conformant", wide=True),
    "prefect-conformance run --database postgres": Tried(QUICK, says="result:  conformant", wide=True),
    "prefect-conformance run --url https://prefect.example/api --auth-env PREFECT_API_AUTH_STRING": Tried(
        QUICK, says="result:  conformant", wide=True
    ),
    (
        "prefect-conformance run --url https://cloud.example/api/accounts/ID/workspaces/ID "
        "--token-env PREFECT_API_KEY --contract prefect==3.9.1 --rate 10"
    ): Tried(QUICK, says="result:  conformant", wide=True),
    # Shards; the two are those that are joined.
    f"{NEW} --shard 1/2 --reports part-1": Tried(QUICK, leaves=("part-1/verdicts.json",), wide=True),
    f"{NEW} --shard 2/2 --reports part-2": Tried(QUICK, leaves=("part-2/verdicts.json",), wide=True),
    # Reports
    "prefect-conformance report reports": Tried(says="index.html", leaves=("reports/index.html",)),
    "prefect-conformance diff prefect==3.6.29 prefect==3.9.1": Tried(says="breaking"),
    ("prefect-conformance diff prefect==3.9.1 http://127.0.0.1:4200/api/openapi.json --fail-on breaking"): Tried(
        says="contract: no change"
    ),
    # Waivers
    "prefect-conformance waivers propose reports --output waivers.toml": Tried(leaves=("waivers.toml",)),
    "prefect-conformance waivers --server prefect==3.9.1": Tried(says="routes.snake-case"),
    # Certificates
    "openssl genpkey -algorithm ed25519 -out key.pem && openssl pkey -in key.pem -pubout -out key.pub": Tried(
        leaves=("key.pem", "key.pub")
    ),
    "prefect-conformance verify certificate.json --key key.pub --evidence reports": Tried(
        says="certificate.json: valid"
    ),
    "prefect-conformance badge certificate.json --key key.pub": Tried(leaves=("badge.json", "badge.svg")),
    # A contributor's
    f"python -m conformance.contract.excerpt openapi.json > {NEWEST_CONTRACT}": Tried(then=_is_the_frozen_contract),
    "prefect-conformance run --select '*variables*' --no-fuzz": Tried("--list", says="variables", wide=True),
    "prefect-conformance run --select paging.limit": Tried("--list", says="paging.limit", wide=True),
    "prefect-conformance catalogue paging.limit": Tried(says="# paging.limit"),
    "prefect-conformance waivers propose reports --output candidates.toml": Tried(leaves=("candidates.toml",)),
    "prefect-conformance waivers --server prefect==3.9.1 --select 'paging.*'": Tried(says="paging."),
    f"{NEW} --reports reports/3.9.1": Tried(QUICK, leaves=("reports/3.9.1/index.html",), wide=True),
    "prefect-conformance diff reports/3.6.29 reports/3.9.1": Tried(code=1, says="routes.snake-case"),
    "prefect-conformance waivers propose reports/3.9.1 --output candidates.toml": Tried(leaves=("candidates.toml",)),
}

UNTRIED: Mapping[str, str] = {
    "python3 -m pip install . && prefect-conformance run": "installs; tox tests what it has installed from a wheel",
    "python3 -m pip install tox && tox run": "is what .ci/run does, and these tests are a part of it",
    "python3 -m venv .venv && . .venv/bin/activate": "is what .ci/run does",
    "python -m pip install -e '.[test,lint]'": "installs; the environment of tox's lint is one",
    "ruff check && ruff format && mypy && lint-imports": "changes files; tox's lint is the same with --check",
    "pytest -n 2 --dist loadfile": "is these tests",
    "prefect-conformance run --server prefect==3.2.7": "installs a release that no other test needs",
    (
        "prefect-conformance run --url https://prefect.example/api --header-file 'X-Api-Key: key.txt' "
        "--ca authority.pem --client-cert client.pem"
    ): "needs a server with TLS: test_access.py has one",
    "prefect-conformance sweep --url http://127.0.0.1:4200/api --run conformance-1a2b3c": (
        "needs a run that was killed: test_shared_target.py kills one, and types this"
    ),
    "prefect-conformance merge part-1 part-2 --reports reports": "test_shards.py joins two that are a whole",
    (
        "prefect-conformance certify --url https://prefect.example/api --exclusive --vendor 'Example' "
        "--product 'Example Server' --product-version 1.2 --key key.pem"
    ): "is a whole run, which nothing shortens; test_certificate_commands.py has what follows it",
    "python -m conformance.run.certification_set prefect-3.9.1/2": "writes into the package",
    # Tests of the suite: they run with these, and are looked for below.
    "pytest -m wide tests/test_hostile_targets.py": "tests",
    "pytest -m wide tests/test_equivalents.py": "tests",
    "tox run -e bench": "takes an hour; test_benchmark.py has its parts",
    "tox run -e mutants -- --sample 300 --seed 1 --plain": "takes hours; test_mutants.py has its parts",
    "tox run -e prove": "takes hours; test_proof.py does so with one fault",
    "prefect-conformance prove": "takes minutes; test_proof.py does so with one fault",
    "pytest tests/test_resources.py tests/test_operations.py tests/test_population.py tests/test_grammar.py": "tests",
    "pytest tests/test_catalogue.py tests/test_requirement_pages.py": "tests",
    "pytest tests/test_faults.py -k paging.limit": "tests",
    "pytest tests/test_faults.py -k sort-is-reversed": "tests",
    "pytest tests/test_operations.py tests/test_grammar.py tests/test_frozen_contracts.py": "tests",
    "pytest tests/test_ci_files.py": "tests",
    "pytest -m wide tests/test_broken_servers.py": "tests",
    "pytest -m 'not server and not wide'": "tests",
    "tox run -e matrix": "is hours of tests",
    "tox run -e wide": "is hours of tests",
    "python -m conformance.run.requirement_pages": "writes into the package; test_requirement_pages.py compares",
}

ALL = sorted(
    {
        command.text: command
        for path in WRITTEN
        for find in (documents.commands, documents.mentioned)
        for command in find(path)
    }.values(),
    key=lambda command: command.text,
)


def test_every_command_is_known_and_none_is_gone() -> None:
    assert {command.text for command in ALL} == COMMANDS.keys() | UNTRIED.keys()
    assert not COMMANDS.keys() & UNTRIED.keys()


# What needs no server


def parts(text: str) -> Iterator[list[str]]:
    """The words of each simple command of a line."""
    for one in re.split(r" && ", text):
        yield shlex.split(re.sub(r" > \S+", "", one))


@pytest.mark.parametrize("command", ALL, ids=str)
def test_its_options_are_there(command: Command) -> None:
    for words in parts(command.text):
        match words:
            case ["prefect-conformance", *arguments]:
                parse(arguments)
            case ["pytest", *arguments]:
                named_tests(arguments)
            case ["python" | "python3", "-m", module, *arguments]:
                assert importlib.util.find_spec(module) or module == "venv", module
                if module == "pip":
                    installable(arguments)
                elif module == "conformance.run.certification_set":
                    assert [release(f"prefect=={sets.number(id_)[0]}") for id_ in arguments]
            case ["tox", "run", *arguments]:
                sections = (ROOT / "tox.ini").read_text("utf-8")
                assert arguments[:1] in ([], ["-e"])
                environments = itertools.takewhile(lambda word: word != "--", arguments[1:])
                assert all(f"[testenv:{name}]" in sections for name in environments)
            case [".", script]:
                assert script == ".venv/bin/activate"
            case [tool, *_]:
                # Those of the extra `lint` are not where the tests run; tox's lint calls them.
                assert tool in LINT or shutil.which(tool, path=_path()), tool


def test_every_option_that_is_named_is_there() -> None:
    group: Any = typer.main.get_command(cli.app)
    commands = [*group.commands.values(), *group.commands["waivers"].commands.values()]
    there = {name for command in commands for each in command.params for name in each.opts}
    named = {
        name for path in WRITTEN for text in documents.inline(path) for name in re.findall(r"(?<!\S)--[a-z0-9-]+", text)
    }
    assert "--exclusive" in named
    assert named <= there


def parse(arguments: list[str]) -> None:
    """Read the arguments as the console script would, and do nothing. Raises a usage error."""
    command: Any = typer.main.get_command(cli.app)
    words = list(arguments)
    command = command.commands[words.pop(0)]
    if words[:1] and words[0] in getattr(command, "commands", ()):
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)


def named_tests(arguments: list[str]) -> None:
    """Files that are there, `-k` that chooses something of them, options that pytest's help has."""
    files = [ROOT / word for word in arguments if word.startswith(("tests/", "conformance/"))]
    assert all(path.exists() for path in files)
    if "-k" in arguments and files:
        wanted = arguments[arguments.index("-k") + 1]
        from conformance.faults import FAULTS

        assert files == [ROOT / "tests" / "test_faults.py"]
        assert any(wanted in (fault.id, fault.requirement) for fault in FAULTS)


def installable(arguments: list[str]) -> None:
    """What is installed is this package, with extras that it has, or what its own tests are started by."""
    assert arguments[0] == "install"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for word in arguments[1:]:
        found = re.fullmatch(r"-e|tox|\.(?:\[([a-z,]+)\])?", word)
        assert found is not None, word
        assert set(filter(None, (found[1] or "").split(","))) <= extras.keys()


def test_what_ci_runs_is_what_the_readme_says() -> None:
    assert "python3 -m pip install --quiet tox && tox run" in (ROOT / ".ci" / "run").read_text("utf-8")
    lint = (ROOT / "tox.ini").read_text("utf-8").partition("[testenv:lint]")[2].partition("[testenv:matrix]")[0]
    assert all(f"\n    {tool}" in lint for tool in ("ruff check", "ruff format", "mypy", "lint-imports"))


def test_an_option_that_is_gone_would_be_found() -> None:
    with pytest.raises(Exception, match="No such option: --gone"):
        parse(["run", "--gone"])
    with pytest.raises(KeyError, match="gone"):
        parse(["gone"])


# What is executed


def _path() -> str:
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def shell(text: str, folder: Path, timeout: float = 1200) -> tuple[int, str]:
    """Execute a line as a shell does, with the suite on its path; the exit code, and all that was said."""
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-o", "pipefail", "-c", text],
        cwd=folder,
        env=os.environ | SECRETS | {"PATH": _path(), "NO_COLOR": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def runs(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of the same checks: one that accepts what is shipped, one that accepts nothing."""
    folder = tmp_path_factory.mktemp("runs")
    for name, more, code in (("before", "", 0), ("after", "--no-waivers", 1)):
        (folder / name).mkdir()
        ended, said = shell(f"prefect-conformance run --url {server.url} {QUICK} {more}", folder / name)
        # The code that README.md states for a run in which a check failed.
        assert ended == code, said
    return folder


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder in which what a command reads is there."""
    text = request.node.callspec.params["text"]
    with contextlib.ExitStack() as after:
        if "certificate.json" in text:
            after.enter_context(certificate_samples.small_sets())
            _certified(tmp_path)
        elif re.search(r" (before/)?reports\b", text) and " run " not in text:
            found = request.getfixturevalue("runs")
            folders = {"before/reports": "before", "after/reports": "after", "reports": "after"}
            folders |= {"reports/3.6.29": "before", "reports/3.9.1": "after"}
            for name, run in folders.items():
                shutil.copytree(found / run / "reports", tmp_path / name)
        if "openapi.json >" in text:
            (tmp_path / NEWEST_CONTRACT).parent.mkdir(parents=True)
            url = request.getfixturevalue("server").url
            (tmp_path / "openapi.json").write_bytes(httpx.get(f"{url}/openapi.json", timeout=60).content)
        yield tmp_path


def _certified(folder: Path) -> None:
    """A run, its certificate, and the two keys, made as the page says."""
    [keys] = [text for text in COMMANDS if text.startswith("openssl")]
    assert shell(keys, folder)[0] == 0
    certificate_samples.written(folder / "reports", certificate_samples.run())
    key = certificate.read_private(folder / "key.pem")
    raw = certificate.certify(folder / "reports", certificate_samples.PRODUCT, datetime.now(UTC), key=key)
    (folder / "certificate.json").write_bytes(raw)


_HERE = re.compile(r"prefect-conformance (?!run\b|certify\b)[^&>|]*")
"""A command that needs no process of its own: all of them do but for those that start pytest."""


def in_process(text: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Execute what the console script does, in this process: starting it costs more than what it does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", shlex.split(text))
        patch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            cli.main()
    sys.stdout.flush()
    return int(ended.value.code or 0), "".join(capfd.readouterr())


def _marks(text: str, how: Tried) -> list[pytest.MarkDecorator]:
    needs = _ADDRESSES.search(text) or how.more or re.search(r"\breports\b|openapi.json", text)
    alone = needs and "certificate.json" not in text
    return [pytest.mark.server] * bool(alone) + [pytest.mark.wide] * how.wide


@pytest.mark.parametrize("text", [pytest.param(text, marks=_marks(text, how)) for text, how in COMMANDS.items()])
def test_it_does_what_it_says(
    text: str, desk: Path, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    how = COMMANDS[text]
    typed = f"{text} {how.more.replace('{folder}', str(desk))}".strip()
    if _ADDRESSES.search(typed) or "{server}" in typed:
        # What follows the address, such as /openapi.json, stays.
        url = request.getfixturevalue("server").url
        typed = _ADDRESSES.sub(url, typed).replace("{server}", url)
    if _HERE.fullmatch(typed):
        code, said = in_process(typed, desk, capfd)
    else:
        code, said = shell(typed, ROOT if how.here else desk)
    assert "Traceback" not in said
    assert code == how.code, said
    assert how.says in said
    for name in how.leaves:
        assert (desk / name).stat().st_size, name
    how.then(desk)


@pytest.mark.server
def test_a_target_that_is_not_there_is_a_matter_of_configuration(tmp_path: Path) -> None:
    code, said = shell(f"prefect-conformance run --url http://127.0.0.1:9/api {QUICK}", tmp_path)
    # Before it, what was being done.
    assert code == 2, said
    assert said.splitlines()[-1].startswith("Error: nothing answers at http://127.0.0.1:9/api"), said


@pytest.mark.server
def test_as_many_checks_as_the_pages_say(server: EmbeddedServer, tmp_path: Path) -> None:
    code, said = shell(f"prefect-conformance run --url {server.url} --exclusive --list 2> /dev/null", tmp_path)
    assert code == 0
    [told] = re.findall(r"has ([\d,]+) checks", " ".join((ROOT / "docs/options.md").read_text().split()))
    assert len(said.splitlines()) == int(told.replace(",", ""))
    assert data.requirements().is_dir()
