"""Report lines that were not imported: every one is named; a fault of many lines is said once."""

from collections.abc import Iterator

#: Most groups of lines per fault, and most faults; further ones are only counted. A file with a
#: million faulty lines must not fill the memory.
MOST_STRETCHES = 1_000
MOST_FAULTS = 1_000


class LineReport:
    """Collects lines by what is wrong with them."""

    def __init__(self) -> None:
        self.lines = 0  #: number of lost lines
        self._stretches: dict[str, list[list[int]]] = {}
        self._beyond: dict[str, int] = {}

    def add(self, fault: str, first: int, last: int) -> None:
        """Note that the lines from `first` to `last` have a fault."""
        self.lines += last - first + 1
        if fault not in self._stretches and len(self._stretches) >= MOST_FAULTS:
            fault = "other faults"
        stretches = self._stretches.setdefault(fault, [])
        if stretches and stretches[-1][1] == first - 1:
            stretches[-1][1] = last
        elif len(stretches) < MOST_STRETCHES:
            stretches.append([first, last])
        else:
            self._beyond[fault] = self._beyond.get(fault, 0) + last - first + 1

    def sentences(self) -> Iterator[str]:
        """Yield one sentence per fault, in the order in which the faults occurred."""
        for fault, stretches in self._stretches.items():
            lines = sum(last - first + 1 for first, last in stretches)
            places = ", ".join(
                f"{first}" if first == last else f"{first}-{last}" for first, last in stretches
            )
            more = self._beyond.get(fault, 0)
            beyond = f" and {more:,} more lines" if more else ""
            yield f"line{'s' if lines > 1 else ''} {places}{beyond}: {fault}"
