"""Why a paper was in a reader's letter, or which rule kept it out."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli.options import At
from newsletter.cli.output import emit, moment, open_app, say
from newsletter.cli.readers import find_reader


def why(
    email: Annotated[str, typer.Argument(help="A subscriber.")],
    paper: Annotated[str, typer.Argument(help="An id, a DOI or a link.")],
    at: At = None,
) -> int:
    """Say when a reader was sent a paper and why, or the one rule that kept it out."""
    from newsletter import site_queries
    from newsletter.store.db import reading
    from newsletter.why import Explainer, in_words

    site = open_app()
    with reading(site.engine) as connection:
        reader = find_reader(connection, email)
        found = site_queries.find_paper(connection, paper)
    answer = Explainer(site.engine).why(reader, found, moment(at))
    said = in_words(answer, site.renderer)
    data = {
        "to": reader.email,
        "id": found.id,
        "title": found.title,
        "rule": answer.rule,
        "day": answer.day,
        "detail": answer.detail,
        "reasons": [r._asdict() for r in answer.pick.reasons] if answer.pick else [],
        "said": said,
    }
    if not emit(data):
        say(found.title)
        say(said)
    return 0
