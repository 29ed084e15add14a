"""config.toml + environment + secret files -> one frozen `Config`; every mistake is reported at once."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Site(Section):
    name: str = "Trending Papers"
    base_url: str = "http://localhost:8080"
    from_: Annotated[str, Field(alias="from")] = "digest@localhost"
    postal_address: str = ""
    timezone: str = "UTC"  # zone of the archive's days and of dates in the command line
    secret_key_file: Path = Path("secret.key")
    contact: str = ""  # address that sources see in the User-Agent and operators' mail goes to


class Database(Section):
    url: str = "sqlite:///newsletter.db"


class Smtp(Section):
    host: str = "localhost"
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")  # environment only: NEWSLETTER_SMTP__PASSWORD
    password_file: Path | None = None
    ca_file: Path | None = None
    connections: int = 4
    rate_per_second: float = 0.0  # 0 = as fast as the relay takes it
    timeout_s: float = 60.0


class Delivery(Section):
    ambiguous: Literal["hold", "retry"] = "hold"
    retry: tuple[int, ...] = (5, 10, 20, 40, 80, 160, 240)  # minutes before each further try
    expire_after_h: int = 18


class Dkim(Section):
    domain: str = ""
    selector: str = ""
    key_file: Path | None = None


class Arxiv(Section):
    categories: tuple[str, ...] = ("cs.AI", "cs.CL", "cs.CV", "cs.LG", "stat.ML")
    url: str = "https://rss.arxiv.org/rss"  # "…/atom" works too
    api_url: str = "https://export.arxiv.org/api/query"
    oai_url: str = "https://oaipmh.arxiv.org/oai"
    interval_s: float = 3.0


class HuggingFace(Section):
    url: str = "https://huggingface.co/api/daily_papers"
    days: int = 3


class Biorxiv(Section):
    servers: tuple[str, ...] = ("biorxiv", "medrxiv")
    url: str = "https://api.biorxiv.org/details"
    days: int = 2


class Feed(Section):
    name: str
    url: str
    field: str = ""


class Sources(Section):
    arxiv: Arxiv | None = None
    huggingface: HuggingFace | None = None
    biorxiv: Biorxiv | None = None
    feeds: tuple[Feed, ...] = ()


class HackerNews(Section):
    url: str = "https://hn.algolia.com/api/v1/search_by_date"
    days: int = 7


class GitHub(Section):
    url: str = "https://api.github.com"
    token: SecretStr = SecretStr("")  # environment only: NEWSLETTER_SIGNALS__GITHUB__TOKEN
    token_file: Path | None = None


class Signals(Section):
    hackernews: HackerNews | None = None
    github: GitHub | None = None


class Http(Section):
    allow_private_networks: bool = False
    max_body_bytes: int = 10_000_000
    timeout_s: float = 30.0


class Web(Section):
    host: str = "127.0.0.1"
    port: int = 8080
    trusted_proxies: tuple[str, ...] = ()


class Bounces(Section):
    lmtp: str = ""
    imap: str = ""
    maildir: Path | None = None


class Limits(Section):
    confirmations_per_hour: int = 200
    subscribes_per_minute_per_address: int = 5


class Config(Section):
    site: Site = Site()
    database: Database = Database()
    smtp: Smtp = Smtp()
    delivery: Delivery = Delivery()
    dkim: Dkim = Dkim()
    sources: Sources = Sources()
    signals: Signals = Signals()
    http: Http = Http()
    web: Web = Web()
    bounces: Bounces = Bounces()
    limits: Limits = Limits()


def load_config(path: Path, environ: dict[str, str]) -> Config:
    """Read a site's configuration; relative paths are relative to the file."""
    raw: dict[str, Any] = tomllib.loads(path.read_text())
    return Config.model_validate(raw)
