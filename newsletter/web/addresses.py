"""Addresses of lists that differ from the current one in a filter, an order or a page."""

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode


def addresses(
    base: str, present: Mapping[str, object], usual: Mapping[str, object], in_path: str = ""
) -> Callable[..., str]:
    """Return a function for templates: `address(period="week")` is the current list with another
    period, at its first page.

    `usual`: default values, which are left out. `in_path`: the name of the value that is in the
    path.
    """

    def address(**changed: object) -> str:
        values = {**present, "page": 1, **changed}
        part = str(values.pop(in_path, "") or "")
        said = {
            name: "1" if value is True else str(value)
            for name, value in values.items()
            if value and value != usual.get(name)
        }
        path = f"{base}/{quote(part)}" if part else base
        return f"{path}?{urlencode(said)}" if said else path

    return address
