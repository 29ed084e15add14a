"""Options that several commands share, and options that form one value: a dataclass whose fields
are the options.
"""

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

At = Annotated[
    str | None, typer.Option("--at", help="Work as if it were this moment: 2026-05-04T09:00Z.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def bundled(command: Callable[..., int]) -> Callable[..., int]:
    """Let a command take options as a dataclass. typer sees one parameter per field, with the
    field's type, help and default.
    """
    hints = get_type_hints(command, include_extras=True)
    bundles: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    shown: dict[str, inspect.Parameter] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if name not in bundles:
            shown[name] = parameter.replace(annotation=hints[name])
            continue
        types = get_type_hints(bundles[name], include_extras=True)
        for field in fields(bundles[name]):
            shown[field.name] = inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=types[field.name],
            )

    @wraps(command)
    def with_bundles(**given: Any) -> int:
        made = {
            name: kind(**{field.name: given.pop(field.name) for field in fields(kind)})
            for name, kind in bundles.items()
        }
        return command(**given, **made)

    signature = inspect.Signature(list(shown.values()), return_annotation=int)
    vars(with_bundles)["__signature__"] = signature
    with_bundles.__annotations__ = {name: one.annotation for name, one in shown.items()}
    return with_bundles
