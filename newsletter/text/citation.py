"""Citations of a paper: BibTeX, RIS and one line of plain text.

Text from feeds is data: characters with a meaning in the format are escaped, and line breaks and
control characters are dropped.
"""

import re
import unicodedata

from newsletter.models import Paper

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def bibtex(paper: Paper, url: str) -> str:
    """Return one entry. A paper is `@misc` with its eprint; only a journal's own record has
    more.
    """
    arxiv, doi = _identifier(paper, "arxiv"), _identifier(paper, "doi")
    rows = {
        "title": f"{{{_tex(paper.title)}}}",
        "author": " and ".join(map(_tex_name, paper.authors)),
        "year": str(paper.published.year) if paper.published else "",
        "eprint": _tex(arxiv),
        "archiveprefix": "arXiv" if arxiv else "",
        "primaryclass": _tex(paper.fields[0]) if arxiv and paper.fields else "",
        "doi": _tex(doi),
        "url": re.sub(r"[{}\\\s]", "", url),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in rows.items() if value]
    return f"@misc{{{_key(paper)},\n" + ",\n".join(lines) + "\n}\n"


def ris(paper: Paper, url: str) -> str:
    """Return one record of the RIS format; lines end with CR and LF."""
    day = paper.published
    rows = [
        ("TY", "UNPB"),
        ("TI", paper.title),
        *(("AU", _last_first(name)) for name in paper.authors),
        ("PY", str(day.year) if day else ""),
        ("DA", f"{day:%Y/%m/%d}" if day else ""),
        ("AB", paper.abstract),
        ("DO", _identifier(paper, "doi")),
        ("AN", f"arXiv:{arxiv}" if (arxiv := _identifier(paper, "arxiv")) else ""),
        ("UR", url),
        *(("KW", field) for field in paper.fields),
    ]
    lines = [f"{tag}  - {_line(value)}" for tag, value in rows if value]
    return "\r\n".join([*lines, "ER  - ", ""])


def sentence(paper: Paper, url: str) -> str:
    """Return one line: Authors (year). Title. Identifier or address."""
    people = list(map(_line, paper.authors))
    if len(people) > 6:
        people = [*people[:5], "et al."]
    elif len(people) > 1:
        people = [*people[:-2], f"{people[-2]} and {people[-1]}"]
    arxiv, doi = _identifier(paper, "arxiv"), _identifier(paper, "doi")
    where = f"https://doi.org/{doi}" if doi else f"arXiv:{arxiv}" if arxiv else url
    year = f"({paper.published.year})" if paper.published else ""
    head = " ".join(part for part in (", ".join(people), year) if part)
    return ". ".join(part.rstrip(".") for part in (head, _line(paper.title), where) if part)


def _identifier(paper: Paper, kind: str) -> str:
    return next(
        (one.partition(":")[2] for one in paper.identifiers if one.startswith(f"{kind}:")), ""
    )


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _tex(text: str) -> str:
    return "".join(_SPECIAL.get(c, c) for c in _line(text))


def _tex_name(name: str) -> str:
    """Return a name for BibTeX, which splits lists at " and " and names at a comma."""
    written = _tex(name)
    is_whole = " and " in f" {written.lower()} " or "," in written
    return f"{{{written}}}" if is_whole else written


def _last_first(name: str) -> str:
    """Return "Ada B. Lovelace" as RIS needs it: "Lovelace, Ada B."."""
    first, _, last = _line(name).rpartition(" ")
    return f"{last}, {first}" if first and "," not in name else _line(name)


def _key(paper: Paper) -> str:
    """Return a key of plain letters and digits: last name of the first author, year, a word of the
    title.
    """
    names = paper.authors[0].split() if paper.authors else []
    words = [word for word in re.split(r"\W+", paper.title) if len(word) > 3]
    parts = (
        names[-1] if names else "",
        str(paper.published.year) if paper.published else "",
        words[0] if words else "",
    )
    plain = unicodedata.normalize("NFKD", "".join(parts)).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]", "", plain).lower() or re.sub(r"[^A-Za-z0-9]", "", paper.id)
