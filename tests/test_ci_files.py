"""The action, the workflows and the examples: what linters say of them, and that no input is a part of a script."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from verdict_samples import MUST, judged, of

from conformance.verdicts import document
from conformance.verdicts.model import Verdict

ROOT = Path(__file__).parent.parent
ACTION = ROOT / "action.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GITLAB = ROOT / "examples" / "gitlab" / ".gitlab-ci.yml"

pytestmark = pytest.mark.skipif(not ACTION.is_file(), reason="not a checkout: a source distribution has no CI files")

HOSTILE = "\"; touch pwned; $(touch pwned) `touch pwned` ' ${IFS} | & > pwned \\ * ;\n--no-waivers\n::error::pwned\n"
"""What a shell, a list of options or a runner could take for more than a value."""


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a linter of this environment on the checkout, where it finds the others."""
    folder = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    return subprocess.run(
        [str(folder / name), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step there is, with the name of its file."""
    yield from (("action.yml", step) for step in read(ACTION)["runs"]["steps"])
    for path in WORKFLOWS:
        for job in read(path)["jobs"].values():
            yield from ((path.name, step) for step in job.get("steps", [job]))


@pytest.mark.parametrize(
    "command",
    [
        ("actionlint",),
        ("zizmor", "--offline", "--persona", "auditor", "--no-progress", "."),
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS)),
        ("check-jsonschema", "--builtin-schema", "vendor.github-actions", str(ACTION)),
        (
            *("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci"),
            *("--data-transform", "gitlab-ci", str(GITLAB)),
        ),
    ],
    ids=lambda command: " ".join(command[:3]),
)
def test_the_linters_find_nothing(command: tuple[str, ...]) -> None:
    done = tool(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_linters_would_find_something(tmp_path: Path) -> None:
    gate = ROOT / ".github" / "workflows" / "conformance-gate.yml"
    bad = gate.read_text("utf-8").replace('bash -- "$START_SCRIPT"', 'bash -- "${{ inputs.start-script }}"')
    assert "inputs.start-script }}" in bad
    path = tmp_path / ".github" / "workflows" / "bad.yml"
    path.parent.mkdir(parents=True)
    path.write_text(bad, "utf-8")
    assert "template-injection" in tool("zizmor", "--offline", "--no-progress", str(path)).stdout
    path.write_text(bad.replace("contents: read", "contents: sometimes"), "utf-8")
    assert "sometimes" in tool("actionlint", str(path)).stdout


@pytest.mark.parametrize(("file", "step"), [(f, s) for f, s in steps() if "run" in s], ids=lambda v: str(v)[:40])
def test_a_script_holds_no_expression_and_no_mistake(file: str, step: dict[str, Any], tmp_path: Path) -> None:
    assert "${{" not in step["run"]
    script = tmp_path / "script.sh"
    script.write_text(step["run"], "utf-8")
    # SC2154: that a variable is not assigned here is the point.
    done = tool("shellcheck", "--shell=bash", "--exclude=SC2154", str(script))
    assert done.returncode == 0, done.stdout


def test_every_action_is_pinned_by_its_whole_digest() -> None:
    used = [step["uses"] for _, step in steps() if "uses" in step]
    for name in used:
        assert re.fullmatch(r"actions/[a-z-]+(/[a-z]+)?@[0-9a-f]{40}|\./\S+", name), name
    # The version is a comment, which no parser keeps: the same digest always with the same one.
    pins = {
        found
        for path in (ACTION, *WORKFLOWS)
        for found in re.findall(r"uses: (actions/\S+)(.*)", path.read_text("utf-8"))
    }
    assert {name for name, _ in pins} == {name for name in used if name.startswith("actions/")}
    assert all(re.fullmatch(r" # v\d+\.\d+\.\d+", comment) for _, comment in pins), pins
    assert len(pins) == len({name for name, _ in pins})


def test_a_workflow_grants_nothing_that_a_job_does_not_name() -> None:
    for path in WORKFLOWS:
        content = read(path)
        assert content["permissions"] == {}, path.name
        for name, job in content["jobs"].items():
            writes = {scope for scope, right in job["permissions"].items() if right != "read"}
            assert writes <= ({"pages", "id-token"} if name == "publish" else set()), path.name


def test_the_gate_takes_what_the_action_takes() -> None:
    gate = read(ROOT / ".github" / "workflows" / "conformance-gate.yml")
    # YAML 1.1 reads `on` as true.
    called = gate[True]["workflow_call"]
    [step] = [step for step in gate["jobs"]["gate"]["steps"] if step.get("uses") == "./.prefect-conformance"]
    assert set(step["with"]) == set(read(ACTION)["inputs"])
    passed = " ".join(map(str, step["with"].values()))
    assert {name for name in called["inputs"] if f"inputs.{name} " not in passed} == {"start-script", "timeout-minutes"}
    assert all(f"secrets.{name} " in passed for name in called["secrets"])


class Runner:
    """A job that has got as far as a step of the action."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.temp = folder / "temp"
        self.suite = self.temp / "prefect-conformance" / "bin"
        self.work.mkdir()
        self.suite.mkdir(parents=True)
        (self.suite / "prefect-conformance").symlink_to(Path(sys.executable).with_name("prefect-conformance"))
        self.output = folder / "output"
        self.summary = folder / "summary"

    def step(self, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the step of that name. What it does not get by name has its default."""
        [step] = [step for step in read(ACTION)["runs"]["steps"] if step["name"] == name]
        inputs = read(ACTION)["inputs"]
        defaults = {
            key: inputs[found[1]]["default"]
            for key, value in step["env"].items()
            if (found := re.fullmatch(r"\$\{\{ inputs\.(\S+) \}\}", value))
        }
        assert set(environment) <= set(step["env"])
        script = self.temp / "script.sh"
        script.write_text(step["run"], "utf-8")
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.work,
            env=os.environ
            | {
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_OUTPUT": str(self.output),
                "GITHUB_STEP_SUMMARY": str(self.summary),
            }
            | defaults
            | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.output.read_text("utf-8").splitlines())

    def recorded(self) -> list[str]:
        """The arguments that the program of `record` got."""
        found: list[str] = json.loads((self.work / "arguments.json").read_text("utf-8"))
        return found

    def record(self, code: int = 0) -> None:
        """Put a program in the place of the suite that notes its arguments."""
        program = self.suite / "prefect-conformance"
        program.unlink()
        program.write_text(
            f"#!{sys.executable}\nimport json, sys\n"
            "json.dump(sys.argv[1:], open('arguments.json', 'w'))\n"
            f"print('::error::from the server')\nsys.exit({code})\n",
            "utf-8",
        )
        program.chmod(0o755)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_inputs_are_arguments_as_they_stand(runner: Runner) -> None:
    runner.record()
    names = (
        "URL",
        "SERVER",
        "DATABASE",
        "CONTRACT",
        "WORKERS",
        "RATE",
        "REPORTS",
        "SELECT",
        "WAIVERS",
        "TOKEN",
        "AUTH",
    )
    done = runner.step("Test the server", **{f"CONFORMANCE_{name}": HOSTILE for name in names})
    assert done.returncode == 0, done.stderr
    assert [path.name for path in runner.work.iterdir()] == ["arguments.json"]
    lines = HOSTILE.splitlines()
    assert runner.recorded() == [
        "run",
        *(f"--{name}={HOSTILE}" for name in ("reports", "url", "server", "database", "contract", "workers", "rate")),
        *(f"--select={line}" for line in lines),
        *(f"--waivers={line}" for line in lines),
        "--token-env=CONFORMANCE_TOKEN",
        "--auth-env=CONFORMANCE_AUTH",
    ]
    assert HOSTILE not in done.stdout


def test_what_is_not_asked_for_is_no_argument(runner: Runner) -> None:
    runner.record()
    assert runner.step("Test the server").returncode == 0
    assert runner.recorded() == ["run", "--reports=conformance-reports"]
    assert runner.step("Test the server", CONFORMANCE_EXCLUSIVE="true", CONFORMANCE_OPTIONS="--no-fuzz\n--seed=7\n")
    assert runner.recorded()[2:] == ["--no-fuzz", "--seed=7", "--exclusive"]


@pytest.mark.parametrize(
    ("code", "result"), [(0, "conformant"), (1, "non-conformant"), (2, "error"), (3, "incomplete"), (139, "error")]
)
def test_the_step_ends_well_and_the_action_as_the_run(runner: Runner, code: int, result: str) -> None:
    runner.record(code)
    done = runner.step("Test the server")
    assert done.returncode == 0
    assert runner.outputs() == {"exit-code": str(code), "result": result}
    assert runner.step("End as the run did", CODE=str(code)).returncode == code
    assert runner.step("End as the run did", CODE="").returncode == 3


def test_the_log_of_the_run_gives_the_runner_no_command(runner: Runner) -> None:
    runner.record()
    lines = runner.step("Test the server").stdout.splitlines()
    stopped = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", lines[0])
    assert stopped is not None
    assert lines.index("::error::from the server") < lines.index(f"::{stopped[1]}::")
    assert runner.step("Test the server").stdout.splitlines()[0] != lines[0]


def test_hostile_inputs_to_the_suite_itself(runner: Runner) -> None:
    done = runner.step(
        "Test the server", CONFORMANCE_URL=HOSTILE, CONFORMANCE_SELECT=HOSTILE, CONFORMANCE_REPORTS="$(touch pwned)"
    )
    assert done.returncode == 0
    assert runner.outputs() == {"exit-code": "2", "result": "error"}
    assert not list(runner.work.rglob("pwned"))
    shown = runner.step("Show the result", CONFORMANCE_REPORTS="$(touch pwned)")
    assert shown.returncode == 0
    assert shown.stdout.startswith("::error title=")
    assert "ended before there was a verdict" in runner.summary.read_text("utf-8")
    assert not list(runner.work.rglob("pwned"))


def test_the_result_is_shown_and_an_older_one_is_not(runner: Runner) -> None:
    reports = runner.work / "$(touch pwned)"
    found = of(
        judged(MUST, "flows\n::error::pwned", Verdict.FAILED, summary="a\n::error::b", details="::error::c\n</pre>")
    )
    document.write(found, reports / "verdicts.json")
    shown = runner.step("Show the result", CONFORMANCE_REPORTS=reports.name)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == f"::error title={MUST} (MUST)::flows ::error::pwned: a ::error::b\n"
    assert "non-conformant" in runner.summary.read_text("utf-8")
    runner.record(2)
    assert runner.step("Test the server", CONFORMANCE_REPORTS=reports.name).returncode == 0
    assert not (reports / "verdicts.json").exists()
    assert not (runner.work / "pwned").exists()
