"""The workshop of a run: makers ask for operations, it sends them and notes what they created."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from conformance.contract import Contract
from conformance.resources import RESOURCES, Made
from conformance.target import Client
from conformance.world.ledger import Created, CreatedLedger


class SeedingError(Exception):
    """The target refused to create what a check needs, so that the check could not run."""


class HttpWorkshop:
    """Makes members of collections on the target.

    `prefix` starts every name that it gives out. `shared` members are made once and kept.
    """

    def __init__(self, client: Client, contract: Contract, prefix: str, ledger: CreatedLedger) -> None:
        self.client = client
        self.contract = contract
        self.prefix = prefix
        self.ledger = ledger
        self._numbers = itertools.count(1)
        self._shared: dict[str, Made] = {}
        self._passing: list[Created] | None = None

    def has(self, operation: str) -> bool:
        """Whether the contract has `METHOD /path`."""
        return operation in self.contract.operations

    def accepts(self, operation: str, field: str) -> bool:
        """Whether the JSON body of `operation` documents the property `field`."""
        return field in self.contract.body_properties(operation)

    def requires(self, operation: str) -> frozenset[str]:
        """The properties that the JSON body of `operation` can't be without."""
        return self.contract.required(operation)

    def name(self, stem: str) -> str:
        """A name that no other call returns."""
        return f"{self.prefix}-{stem}-{next(self._numbers)}"

    def send(self, operation: str, body: Any = None, /, **placeholders: str) -> Any:
        """Send one operation and return the decoded answer, None where there is none.

        Raises SeedingError where the answer is not 2xx, or the contract has no such operation.
        """
        return self.send_as(operation, body, placeholders, headers={})

    def send_as(self, operation: str, body: Any, placeholders: Mapping[str, str], headers: Mapping[str, str]) -> Any:
        """`send`, with headers that say on whose behalf."""
        found = self.contract.operations.get(operation)
        if found is None:
            raise SeedingError(f"the contract has no {operation}")
        response = self.client.request(found.method, found.fill(placeholders), body, headers=headers)
        if not response.is_success:
            raise SeedingError(f"{operation} answered {response.status_code}: {response.text[:300]}")
        if not response.content:
            return None
        answer = response.json() if "json" in response.headers.get("content-type", "") else response.text
        self.note(operation, answer, placeholders)
        return answer

    def make(self, collection: str) -> Made:
        """A new member of `collection` that nothing else uses.

        Raises SeedingError where the target refuses it, or answers what no record can be read from.
        """
        try:
            return RESOURCES[collection].make(self)
        except (AttributeError, LookupError, StopIteration, TypeError, ValueError) as error:
            # A maker computes nothing but from answers: one of another shape than documented ends here.
            raise SeedingError(f"no {collection} can be made of what the target answers: {error!r}") from error

    def shared(self, collection: str) -> Made:
        """A member to hang others on, made on first use."""
        if collection not in self._shared:
            passing, self._passing = self._passing, None
            try:
                self._shared[collection] = self.make(collection)
            finally:
                self._passing = passing
        return self._shared[collection]

    @contextmanager
    def passing(self) -> Iterator[None]:
        """What is made inside, shared members aside, is deleted again at the end: nobody later meets it."""
        self._passing = []
        try:
            yield
        finally:
            made, self._passing = self._passing, None
            for created in reversed(made):
                self.client.request("DELETE", created.path)

    def note(self, operation: str, answer: Any, placeholders: Mapping[str, str]) -> None:
        """Enter what `operation` created in the ledger of what has to be removed; nothing where it creates nothing.

        `answer` is the decoded answer, or a list of such. What can't be deleted singly goes with its parent.
        """
        for resource in RESOURCES.values():
            destroy = self.contract.operations.get(resource.destroys or "")
            if resource.creates != operation or resource.singleton or destroy is None:
                continue
            for record in answer if isinstance(answer, list) else [answer]:
                if not isinstance(record, dict):
                    continue
                try:
                    values = resource.fill(destroy.label, Made(resource.name, record, placeholders))
                except LookupError:
                    continue
                created = Created(resource.name, destroy.label, destroy.fill(values))
                self.ledger.add(created)
                if self._passing is not None:
                    self._passing.append(created)
