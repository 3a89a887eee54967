"""What a run was asked to do: one immutable value, made by the command line or by pytest's options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_SEED = 20221013
"""The fixed seed. Any number would do; what counts is that it is the same in every run."""

DEFAULT_FUZZ_EXAMPLES = 8
"""Generated cases an operation. Measured: see "How long it takes" in docs/options.md."""


class Dialect(StrEnum):
    """The kinds of database that a Prefect keeps its objects in."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Settings(BaseModel):
    """Every choice of a run.

    `url` is the base URL of the API under test (`http://host:4200/api`). Where it is None, a real
    server of the release `server` (`prefect==3.9.1`; None: the newest supported one) is provisioned.
    Of credentials only the places are here, environment variables and files; what they hold is in no settings.
    `database` is what that server is put on (None: SQLite), as `--database` says it; with a `url`, what the target
    is told to be on (None: nobody knows). `allure` is whether Allure's results are rendered to a page.
    `require_coverage`: percentages of the API's coverage, as `operations=100`, below which the run is incomplete.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    server: str | None = None
    database: str | None = None
    headers: tuple[str, ...] = ()
    token_env: str | None = None
    token_file: Path | None = None
    auth_env: str | None = None
    auth_file: Path | None = None
    header_env: tuple[str, ...] = ()
    header_file: tuple[str, ...] = ()
    ca: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    contract: str | None = None
    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    exclusive: bool = False
    select: tuple[str, ...] = ()
    fuzz: bool = True
    fuzz_examples: Annotated[int, Field(ge=1)] = DEFAULT_FUZZ_EXAMPLES
    workers: Annotated[int, Field(ge=1)] = 1
    seed: int = DEFAULT_SEED
    waivers: tuple[Path, ...] = ()
    use_waivers: bool = True
    reports: Path = Path("reports")
    allure: bool = True
    fail_fast: bool = False
    shard: str | None = None
    read_only: bool = False
    require_coverage: tuple[str, ...] = ()

    @property
    def exploring(self) -> bool:
        """Whether the fuzz sends other cases than the default ones."""
        return self.seed != DEFAULT_SEED or self.fuzz_examples != DEFAULT_FUZZ_EXAMPLES

    @property
    def owns_target(self) -> bool:
        """Whether the target belongs to this run alone, so that nothing of others can be in it."""
        return self.url is None or self.exclusive
