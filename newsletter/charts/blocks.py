"""Small charts for a terminal."""

from collections.abc import Sequence

from newsletter.charts.points import steps

_BLOCKS = "·▁▂▃▄▅▆▇"


def spark(growth: Sequence[float]) -> str:
    """Return one character per day: `·` for no growth, else a block; the largest growth has the
    highest.
    """
    return "".join(_BLOCKS[step] for step in steps(growth))
