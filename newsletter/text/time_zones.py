"""Time zones by their IANA names. People and programs write them in any case."""

from functools import cache
from zoneinfo import available_timezones


@cache
def time_zones() -> frozenset[str]:
    """Return all names. Reading the files takes milliseconds, so it is done once."""
    return frozenset(available_timezones())


@cache
def _by_folded_name() -> dict[str, str]:
    return {name.casefold(): name for name in time_zones()}


def find_time_zone(text: str) -> str | None:
    """Return the zone that a text names: "europe/lisbon " is Europe/Lisbon."""
    folded = "_".join(text.casefold().split())
    return _by_folded_name().get(folded)
