"""Charts as SVG, drawn by the server. Colours come from the style sheet."""

from collections.abc import Callable, Sequence
from datetime import date
from math import ceil, floor, log10

from markupsafe import Markup, escape

from newsletter.charts.points import STEPS, Series, steps

#: Size of a chart in its own units; the page stretches it.
WIDTH, HEIGHT = 600, 140


def spark(growth: Sequence[float]) -> Markup:
    """Draw one bar per day. Screen readers leave it out: the words beside it say the same."""
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
    series: Series, title: str, number: Callable[[int], str], day: Callable[[date], str]
) -> Markup:
    """Draw a line of totals over days; its title is the label for screen readers.

    Numbers and days are text beside the drawing, so that they keep their size. `number` and `day`
    write them in the language of the page.
    """
    ticks = _ticks(max(series.totals))
    last = max(1, len(series.totals) - 1)
    heights = [HEIGHT * (1 - total / ticks[-1]) for total in series.totals]
    points = [f"{WIDTH * n / last:.1f} {height:.1f}" for n, height in enumerate(heights)]
    grid = "".join(f"M0 {HEIGHT * (1 - tick / ticks[-1]):.1f}H{WIDTH}" for tick in ticks)
    numbers = "".join(f"<span>{escape(number(int(tick)))}</span>" for tick in reversed(ticks))
    ends = dict.fromkeys((series.days[0], series.days[-1]))
    days = "".join(f"<span>{escape(day(one))}</span>" for one in ends)
    return Markup(  # noqa: S704  (words are escaped)
        f'<div class="chart"><div class="side" aria-hidden="true">{numbers}</div>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}"><path class="grid" d="{grid}"/>'
        f'<path class="line" d="M{"L".join(points)}"/></svg>'
        f'<div class="below" aria-hidden="true">{days}</div></div>'
    )


def bars(numbers: Sequence[float], title: str) -> Markup:
    """Draw one bar per day over the full width; its title is the label for screen readers."""
    most = max(numbers, default=0) or 1
    step = WIDTH / max(1, len(numbers))
    drawn = "".join(
        f"M{step * n:.1f} {HEIGHT}v{-HEIGHT * one / most:.1f}h{step * 0.8:.1f}V{HEIGHT}z"
        for n, one in enumerate(numbers)
        if one > 0
    )
    return Markup(  # noqa: S704  (numbers only; the title is escaped)
        f'<svg class="days" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}"><path d="M0 {HEIGHT}H{WIDTH}" class="grid"/>'
        f'<path d="{drawn}"/></svg>'
    )


def _ticks(most: float) -> list[float]:
    """Return two or three round numbers from 0 to at least `most`."""
    size = 10 ** floor(log10(most)) if most >= 1 else 1
    step = next(size * n for n in (0.5, 1, 2, 2.5, 5, 10) if 2 * size * n >= most)
    step = max(1, ceil(step))
    return [0, step, 2 * step] if most > step else [0, step]
