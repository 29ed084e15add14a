"""Small charts for a terminal."""

from collections.abc import Sequence

from newsletter.charts.points import steps

_BLOCKS = "·▁▂▃▄▅▆▇"


def spark(growth: Sequence[float]) -> str:
    """One character a day: `·` where nothing was added, else a block up to the best day's."""
    return "".join(_BLOCKS[step] for step in steps(growth))
