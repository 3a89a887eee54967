"""The workshop of a run: makers ask for operations, and it sends them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from conformance.contract import Contract
from conformance.resources import RESOURCES, Made, Record
from conformance.target import Client
from conformance.world.record import Recorder
from conformance.world.removal import removal, remove


class SeedingError(Exception):
    """The target refused to create what a check needs, so that the check could not run."""


class HttpWorkshop:
    """Makes members of collections on the target.

    `prefix` starts every name that it gives out. `shared` members are made once and kept. `recorder` is the client's
    witness.
    """

    def __init__(self, client: Client, contract: Contract, prefix: str, recorder: Recorder) -> None:
        self.client = client
        self.contract = contract
        self.prefix = prefix
        self._recorder = recorder
        self._numbers = itertools.count(1)
        self._shared: dict[str, Made] = {}

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
        return response.json() if "json" in response.headers.get("content-type", "") else response.text

    def make(self, collection: str) -> Made:
        """A new member of `collection` that nothing else uses.

        Raises SeedingError where the target refuses it, or answers what no record can be read from.
        """
        try:
            made = RESOURCES[collection].make(self)
        except (AttributeError, LookupError, StopIteration, TypeError, ValueError) as error:
            # A maker computes nothing but from answers: one of another shape than documented ends here.
            raise SeedingError(f"no {collection} can be made of what the target answers: {error!r}") from error
        if not isinstance(made.record, Mapping):
            raise SeedingError(f"what the target shows of a new member of {collection} is no object")
        return made

    def shared(self, collection: str) -> Made:
        """A member to hang others on, made on first use."""
        if collection not in self._shared:
            with self._recorder.watch():  # in `passing`, these stay
                self._shared[collection] = self.make(collection)
        return self._shared[collection]

    @contextmanager
    def passing(self) -> Iterator[None]:
        """What is made inside, shared members aside, is deleted again at the end: nobody later meets it."""
        with self._recorder.watch() as made:
            try:
                yield
            finally:
                # A create may answer with what it made before.
                for created in reversed(dict.fromkeys(made)):
                    remove(self.client, self.contract, created)

    def take_back_settings(self) -> None:
        """Unset what was set for the whole server: other checks, and Prefect's own client, go by it."""
        for operation in self._recorder.settings():
            self.client.request(operation.method, operation.path)

    def note(self, collection: str, records: Iterable[Record]) -> None:
        """These members were made by another client, and have to be removed as well."""
        found = (removal(self.contract, RESOURCES[collection], record) for record in records)
        self._recorder.enter(created for created in found if created is not None)
