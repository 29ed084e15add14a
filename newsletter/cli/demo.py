"""The command `demo`; `demo_day` plays the day."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    is_serving: Annotated[
        bool, typer.Option("--serve", help="Keep the pages and letters open in the browser.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Serve on this port; 8080 or a free one if left out."),
    ] = None,
    directory: Annotated[Path, typer.Option("--dir", help="Where the demo's site is made.")] = Path(
        "demo-site"
    ),
) -> int:
    """Play a whole day, offline, with sample papers and five readers."""
    from newsletter.cli.demo_day import play

    play(directory, is_serving=is_serving or port is not None, port=port)
    return 0
