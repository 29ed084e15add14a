"""Charts as SVG, drawn by the server. Colours come from the style sheet."""

from collections.abc import Callable, Sequence
from datetime import date
from math import ceil, floor, log10

from markupsafe import Markup, escape

from newsletter.charts.points import STEPS, Series, steps

#: Size of a chart in its own units; pages scale it to their width.
WIDTH, HEIGHT = 640, 180
#: Room for the numbers at the left, the days below, and the end of the line at the right.
LEFT, BOTTOM, RIGHT, TOP = 44, 24, 12, 10


def spark(growth: Sequence[float]) -> Markup:
    """A bar a day. It adds nothing to the words beside it, so screen readers leave it out."""
    bars = "".join(
        f'<path d="M{n * 5} {14 - 2 * step}h4v{2 * step}h-4z"/>'
        if step
        else f'<path class="of" d="M{n * 5} 13h4v1h-4z"/>'
        for n, step in enumerate(steps(growth))
    )
    width = 5 * len(growth) - 1
    return Markup(  # noqa: S704  (numbers only)
        f'<svg class="spark" width="{width}" height="{2 * STEPS}" '
        f'viewBox="0 0 {width} {2 * STEPS}" aria-hidden="true">{bars}</svg>'
    )


def chart(
    series: Series, title: str, number: Callable[[float], str], day: Callable[[date], str]
) -> Markup:
    """A line of totals over days, with its title as the name that screen readers say.

    `number` and `day` write numbers and dates in the language of the page.
    """
    ticks = _ticks(max(series.totals))
    top, last = ticks[-1], max(1, len(series.totals) - 1)

    def x(n: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * n / last

    def y(total: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - total / top)

    grid = "".join(
        f'<path class="grid" d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}"/>'
        + _text(LEFT - 8, y(tick) + 5, "end", number(tick))
        for tick in ticks
    )
    points = [(x(n), y(total)) for n, total in enumerate(series.totals)]
    line = "L".join(f"{px:.1f} {py:.1f}" for px, py in points)
    end = (
        f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="4"/>'
        if len(points) > 1
        else f'<circle cx="{LEFT}" cy="{points[0][1]:.1f}" r="4"/>'
    )
    days = series.days
    labels = [(LEFT, "start", days[0])] + (
        [(WIDTH - RIGHT, "end", days[-1])] if len(days) > 1 else []
    )
    under = "".join(_text(px, HEIGHT - 4, anchor, day(one)) for px, anchor, one in labels)
    return Markup(  # noqa: S704  (words are escaped)
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">{grid}<path class="line" d="M{line}"/>{end}{under}</svg>'
    )


def _text(x: float, y: float, anchor: str, words: str) -> str:
    return f'<text x="{x}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _ticks(most: float) -> list[float]:
    """Two or three round numbers from 0 up to at least `most`."""
    size = 10 ** floor(log10(most)) if most >= 1 else 1
    step = next(size * n for n in (0.5, 1, 2, 2.5, 5, 10) if 2 * size * n >= most)
    step = max(1, ceil(step))
    return [0, step, 2 * step] if most > step else [0, step]
