"""Addresses of lists that differ from the present one in a filter, an order or a page."""

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode


def addresses(
    base: str, present: Mapping[str, object], usual: Mapping[str, object], in_path: str = ""
) -> Callable[..., str]:
    """Make a function for templates: `address(period="week")` is the present list but for its
    period, from its first page.

    `usual`: values that need not be said. `in_path`: the name of the value that stands in the path.
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
