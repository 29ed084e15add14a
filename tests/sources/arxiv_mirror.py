"""arXiv as the mirror plays it: a source that looks at it, lists in its form, pages of its query
API.
"""

from datetime import UTC, date, datetime

from newsletter.config import Arxiv
from newsletter.list_days import NEW_YORK
from newsletter.sources.arxiv import ArxivSource
from newsletter.sources.http import Http
from tests.sources.mirror import Mirror, Reply


def at(day: str, hour: int = 9) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def source(
    http: Http, mirror: Mirror, *categories: str, form: str = "rss", interval_s: float = 0
) -> ArxivSource:
    config = Arxiv(
        categories=categories or ("cs.AI",),
        url=f"{mirror.url}/{form}",
        api_url=f"{mirror.url}/api",
        oai_url=f"{mirror.url}/oai",
        interval_s=interval_s,
    )
    return ArxivSource(config, http)


def feed(day: date | str, *papers: tuple[str, str, str]) -> Reply:
    """A list in arXiv's form; papers are (id with version, announce type, title)."""
    local = datetime.fromisoformat(f"{day}").replace(tzinfo=NEW_YORK)
    midnight = local.strftime("%a, %d %b %Y 00:00:00 %z")
    items = "".join(
        f"<item><title>{title}</title><link>https://arxiv.org/abs/{name.split('v')[0]}</"
        f"link><description>arXiv:{name} "
        f"Announce Type: {kind} \nAbstract: About {title}.</description><guid "
        f"isPermaLink='false'>oai:arXiv.org:{name}"
        f"</guid><category>cs.AI</category><category>68T50</category><pubDate>{midnight}</pubDate>"
        f"<arxiv:announce_type>{kind}</arxiv:announce_type><dc:creator>Ann Lee (Inria, France), "
        "Bo Chen</dc:creator>"
        "</item>"
        for name, kind, title in papers
    )
    spaces = (
        "xmlns:arxiv='http://arxiv.org/schemas/atom' xmlns:dc='http://purl.org/dc/elements/1.1/'"
    )
    head = f"<title>cs.AI updates on arXiv.org</title><pubDate>{midnight}</pubDate>"
    return Reply(f"<rss {spaces} version='2.0'><channel>{head}{items}</channel></rss>".encode())


def api_page(papers: list[int], start: int, total: int) -> Reply:
    entries = "".join(
        f"<entry><id>http://arxiv.org/abs/2605.{n:05}v1</id><title>Paper "
        f"{n}</title><summary>Text {n}.</summary>"
        "<published>2026-05-05T10:00:00Z</published><updated>2026-05-05T10:00:00Z</"
        "updated><category term='cs.AI'/>"
        "<author><name>Ann Lee</name></author></entry>"
        for n in papers
    )
    spaces = (
        "xmlns='http://www.w3.org/2005/Atom' "
        "xmlns:opensearch='http://a9.com/-/spec/opensearch/1.1/'"
    )
    head = f"<opensearch:totalResults>{total}</opensearch:totalResults>"
    head += f"<opensearch:startIndex>{start}</opensearch:startIndex>"
    return Reply(f"<feed {spaces}><title>arXiv Query</title>{head}{entries}</feed>".encode())
