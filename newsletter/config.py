"""The sections of config.toml as one frozen `Config`: each key, its default, its valid values."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from newsletter.config_types import (
    Address,
    BaseUrl,
    Category,
    DatabaseUrl,
    FeedName,
    Line,
    Network,
    Token,
    Url,
    Zone,
)

LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Site(Section):
    name: Line = "Trending Papers"
    base_url: BaseUrl = "http://localhost:8080"
    former_urls: tuple[BaseUrl, ...] = ()  # earlier base_urls that still lead here
    from_: Annotated[Address, Field(alias="from")] = "digest@localhost"
    postal_address: str = ""
    timezone: Zone = "UTC"  # zone of the archive's days and of dates in commands
    secret_key_file: Path = Path("secret.key")
    contact: str = ""  # shown to sources in the User-Agent; gets the operator's mail


class Database(Section):
    url: DatabaseUrl = "sqlite:///newsletter.db"


class SmtpRelay(Section):
    host: Line = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")  # environment only: NEWSLETTER_SMTP__PASSWORD
    password_file: Path | None = None
    ca_file: Path | None = None
    connections: Annotated[int, Field(ge=1, le=100)] = 4
    rate_per_second: Annotated[float, Field(ge=0)] = 0.0  # 0 = as fast as the relay takes it
    timeout_s: Annotated[float, Field(gt=0)] = 60.0


class Smtp(SmtpRelay):
    fallback: tuple[
        SmtpRelay, ...
    ] = ()  # tried in this order when the relay before cannot be reached


class Delivery(Section):
    ambiguous: Literal["hold", "retry"] = "hold"
    retry: tuple[Annotated[int, Field(ge=0)], ...] = (
        5,
        10,
        20,
        40,
        80,
        160,
        240,
    )  # minutes before each further try
    expire_after_h: Annotated[int, Field(ge=1, le=23)] = 18


class Dkim(Section):
    domain: str = ""
    selector: str = ""
    key_file: Path | None = None


class Arxiv(Section):
    categories: tuple[Category, ...] = ("cs.AI", "cs.CL", "cs.CV", "cs.LG", "stat.ML")
    url: Url = "https://rss.arxiv.org/rss"  # "…/atom" works too
    api_url: Url = "https://export.arxiv.org/api/query"
    oai_url: Url = "https://oaipmh.arxiv.org/oai"
    interval_s: Annotated[float, Field(ge=0)] = 3.0


class HuggingFace(Section):
    url: Url = "https://huggingface.co/api/daily_papers"
    days: Annotated[int, Field(ge=0)] = 3


class Biorxiv(Section):
    servers: tuple[str, ...] = ("biorxiv", "medrxiv")
    url: Url = "https://api.biorxiv.org/details"
    days: Annotated[int, Field(ge=0)] = 2


class Feed(Section):
    name: FeedName
    url: Url
    field: Line = ""


class Sources(Section):
    arxiv: Arxiv | None = None
    huggingface: HuggingFace | None = None
    biorxiv: Biorxiv | None = None
    feeds: tuple[Feed, ...] = ()


class HackerNews(Section):
    url: Url = "https://hn.algolia.com/api/v1/search_by_date"
    days: Annotated[int, Field(ge=0)] = 7


class GitHub(Section):
    url: Url = "https://api.github.com"
    token: Token = SecretStr("")  # environment only: NEWSLETTER_SIGNALS__GITHUB__TOKEN
    token_file: Path | None = None


class Signals(Section):
    hackernews: HackerNews | None = None
    github: GitHub | None = None


class Http(Section):
    allow_private_networks: bool = False
    max_body_bytes: Annotated[int, Field(ge=1000)] = 10_000_000
    timeout_s: Annotated[float, Field(gt=0)] = 30.0


class Web(Section):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    trusted_proxies: tuple[Network, ...] = ()
    metrics_token: Token = SecretStr("")  # environment only: NEWSLETTER_WEB__METRICS_TOKEN
    metrics_token_file: Path | None = None


class Bounces(Section):
    lmtp: str = ""
    imap: str = ""  # imaps://user@host/FOLDER
    imap_password: SecretStr = SecretStr("")  # environment only: NEWSLETTER_BOUNCES__IMAP_PASSWORD
    imap_password_file: Path | None = None
    maildir: Path | None = None
    authority: str = ""
    sns_topics: tuple[Annotated[str, Field(pattern=r"^arn:aws[\w-]*:sns:[\w-]+:\d+:.+$")], ...] = ()
    hook_secret: Token = SecretStr("")  # environment only: NEWSLETTER_BOUNCES__HOOK_SECRET
    hook_secret_file: Path | None = None

    @field_validator("imap")
    @classmethod
    def _is_a_mailbox(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("imap", "imaps") or not parts.hostname or not parts.username:
            raise ValueError("give imaps://user@host/FOLDER")
        if parts.password:
            raise ValueError("the password stands in bounces.imap_password_file")
        if parts.scheme == "imap" and parts.hostname not in LOOPBACK:
            raise ValueError("imap:// without TLS is for this machine only; use imaps://")
        return value

    @field_validator("lmtp")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        if value and "/" not in value and not value.rpartition(":")[2].isdecimal():
            raise ValueError("give host:port, or the path of a socket")
        return value


class Limits(Section):
    confirmations_per_hour: Annotated[int, Field(ge=1)] = 200
    subscribes_per_minute_per_address: Annotated[int, Field(ge=1)] = 5


class Retention(Section):
    """Days after which records are deleted; 0 = never."""

    letters_days: Annotated[int, Field(ge=0)] = 400
    signals_days: Annotated[int, Field(ge=0)] = 90
    papers_days: Annotated[int, Field(ge=0)] = 730
    runs_days: Annotated[int, Field(ge=0)] = 90

    @field_validator("letters_days", "papers_days")
    @classmethod
    def _keep_what_planning_reads(cls, days: int) -> int:
        if 0 < days < 30:
            raise ValueError("must be 0 (for ever) or at least 30: planning reads the last weeks")
        return days

    @property
    def days(self) -> dict[str, int]:
        """Kind of record -> days."""
        return {name.removesuffix("_days"): days for name, days in self}


class Health(Section):
    """After how long `/healthz` calls for a person; 0 leaves a check out."""

    tick_minutes: Annotated[int, Field(ge=0)] = 60
    answers_minutes: Annotated[int, Field(ge=0)] = 5
    letters_minutes: Annotated[int, Field(ge=0)] = 60
    relay_minutes: Annotated[int, Field(ge=0)] = 15
    source_hours: Annotated[int, Field(ge=0)] = 24


class Matching(Section):
    model_folder: Path | None = None


class Summaries(Section):
    url: BaseUrl  # up to /v1
    model: Line
    key: Token = SecretStr("")  # environment only: NEWSLETTER_SUMMARIES__KEY
    key_file: Path | None = None
    per_day: Annotated[int, Field(ge=1)] = 40
    timeout_s: Annotated[float, Field(gt=0)] = 20.0


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
    retention: Retention = Retention()
    health: Health = Health()
    matching: Matching = Matching()
    summaries: Summaries | None = None


def _sections(value: Any) -> Iterator[type[BaseModel]]:
    """Find the sections that a type of a field names, and those inside them."""
    if isinstance(value, type) and issubclass(value, BaseModel):
        yield value
        for field in value.model_fields.values():
            yield from _sections(field.annotation)
    for inner in get_args(value):
        yield from _sections(inner)


#: The keys that hold a secret, in any section.
SECRET_NAMES = frozenset(
    name
    for section in _sections(Config)
    for name, field in section.model_fields.items()
    if field.annotation is SecretStr
)
#: The keys that name a file with a secret in it.
SECRET_FILES = frozenset(
    name
    for section in _sections(Config)
    for name in section.model_fields
    if name.endswith("_file") and name != "ca_file"
)
