"""The fuzz sends the same cases whatever else the process has loaded, and in whatever order it goes."""

import subprocess
import sys

import pytest

PROGRAM = """
import hashlib
{extra}
from conformance.contract import Contract
from conformance.suite.fuzz.generation import Generator

text = dict(type="string")
fields = dict(name=text, tags=dict(type="array", items=text), n=dict(type="integer"))
request = dict(content=dict([("application/json", dict(schema=dict(type="object", properties=fields)))]))
responses = dict([("200", dict(description=""))])
parameter = dict([("name", "id"), ("in", "path"), ("required", True), ("schema", dict(type="string", format="uuid"))])
create = dict(requestBody=request, responses=responses)
change = dict(parameters=[parameter], **create)
paths = dict([("/a/", dict(post=create)), ("/b/" + chr(123) + "id" + chr(125), dict(patch=change))])
contract = Contract(dict(openapi="3.1.0", info=dict(title="t", version="1"), paths=paths))
generator = Generator(contract, {seed})
found = dict()
for operation in {order}(list(contract.operations.values())):
    found[operation.label] = [
        (case.path_parameters, case.query, str(case.body).partition(" object at ")[0], keeps)
        for case, keeps in generator.covering(operation) + generator.cases(operation, 12)
    ]
print(hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest(), sum(map(len, found.values())))
"""


def digest(*, extra: str = "", order: str = "list", seed: int = 1) -> str:
    program = PROGRAM.format(extra=extra, order=order, seed=seed)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def usual() -> str:
    return digest()


def test_whatever_else_is_loaded(usual: str) -> None:
    assert digest(extra="import conformance.cli, conformance.faults, conformance.verdicts.terminal") == usual


def test_in_whatever_order(usual: str) -> None:
    assert digest(order="reversed") == usual


def test_another_seed_gives_other_cases(usual: str) -> None:
    assert digest(seed=2) != usual
    assert int(usual.split()[1]) > 20
