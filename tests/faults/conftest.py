"""What a test of this folder opened is closed after it, processes too."""

from collections.abc import Iterator

import pytest

from tests.faults.site import close_all


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()
