"""One renderer for the whole folder, because its caches are tested too."""

import pytest

from newsletter.steps.compose import Renderer
from tests.compose import samples


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    return samples.renderer()
