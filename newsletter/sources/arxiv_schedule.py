"""What the list of an arXiv category means, and what its silence means."""

from datetime import date, datetime

from newsletter.list_days import NEW_YORK, is_list_day, latest_list_day
from newsletter.models import SourceState
from newsletter.sources.source_state import has_new


def local_day(moment: datetime) -> date:
    """Return the day in New York, which is the day of the list."""
    return moment.astimezone(NEW_YORK).date()


def judge(
    ids: list[str],
    list_day: date | None,
    today: date,
    known: str = "",
    known_day: date | None = None,
) -> tuple[SourceState, str]:
    """Return what a category's list means, and a sentence if something is wrong.

    `known` are the marks and `known_day` the day of the list at the last fetch.
    """
    if not ids:
        shown = max(list_day, today) if list_day else today
        if not is_list_day(shown):
            return SourceState.QUIET, ""
        return SourceState.STALLED, f"is empty, although a list was due on {shown:%A, %d %B}"
    due = latest_list_day(today)
    if list_day and list_day < due:
        return (
            SourceState.STALLED,
            f"still shows the list of {list_day:%A, %d %B}, although {due:%A}'s was due",
        )
    if has_new(ids, known):
        return SourceState.FRESH, ""
    if known_day and known_day < due:
        return (
            SourceState.STALLED,
            f"repeats the list of {known_day:%A, %d %B}, although {due:%A}'s was due",
        )
    return SourceState.QUIET, ""
