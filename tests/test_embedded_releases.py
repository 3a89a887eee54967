"""Which servers can be asked for, and how a mistake in asking is answered."""

from __future__ import annotations

import pytest

from conformance.errors import ProvisioningError
from conformance.target import embedded
from conformance.target.embedded.releases import supported


def test_the_newest_release_is_the_last_one() -> None:
    assert embedded.newest().version == "3.9.1"
    assert embedded.newest() == supported()[-1]


@pytest.mark.parametrize("spec", ["prefect==2.0.0", "2.0.0", " prefect == 2.0.0 "])
def test_a_release_is_named_with_or_without_the_package(spec: str) -> None:
    assert embedded.release(spec).version == "2.0.0"


@pytest.mark.parametrize("spec", ["prefect==9.9.9", "prefect", "prefect>=3", "==3.9.1", "3.9", "", "a b"])
def test_anything_else_is_answered_with_the_supported_versions_on_one_line(spec: str) -> None:
    with pytest.raises(ProvisioningError) as caught:
        embedded.release(spec)

    message = str(caught.value)
    assert "\n" not in message
    assert all(release.version in message for release in supported())
