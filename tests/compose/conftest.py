"""One press for the whole folder: its caches are part of what is tested."""

import pytest

from newsletter.steps.compose import Renderer
from tests.compose import samples


@pytest.fixture(scope="session")
def press() -> Renderer:
    return samples.press()
