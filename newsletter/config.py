"""config.toml + environment + secret files -> one frozen `Config`; every mistake is reported at
once.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

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
    require_token,
)
from newsletter.errors import ConfigError

#: Characters of a secret that signs what providers send.
MIN_SECRET = 32
LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Site(Section):
    name: Line = "Trending Papers"
    base_url: BaseUrl = "http://localhost:8080"
    former_urls: tuple[BaseUrl, ...] = ()  # base_urls of before, which still lead here
    from_: Annotated[Address, Field(alias="from")] = "digest@localhost"
    postal_address: str = ""
    timezone: Zone = "UTC"  # zone of the archive's days and of dates in the command line
    secret_key_file: Path = Path("secret.key")
    contact: str = ""  # address that sources see in the User-Agent and operators' mail goes to


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
    ] = ()  # tried in this order when the one before cannot be reached


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
    """Days after which records are deleted; 0 keeps them for ever."""

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
    matching: Matching = Matching()
    summaries: Summaries | None = None


R = TypeVar("R", bound=SmtpRelay)


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """Read a site's configuration; relative paths are relative to the file.

    The environment wins over the file: NEWSLETTER_SMTP__PASSWORD is [smtp] password. Raises:
    ConfigError with every mistake, each with its key and, for an unknown key, the nearest valid
    one.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as e:
        raise ConfigError(
            [f"{path} does not exist"], hint="make a site: newsletter init --dir DIR"
        ) from e
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError([f"{path} cannot be read: {e}"]) from e
    except tomllib.TOMLDecodeError as e:
        raise ConfigError([f"{path}: {e}"], hint="see config.example.toml for the form") from e
    for name, value in environ.items():
        if name.startswith("NEWSLETTER_") and "__" in name:
            _put(
                raw, [part.lower() for part in name.removeprefix("NEWSLETTER_").split("__")], value
            )
    mistakes: list[str] = []
    try:
        config = Config.model_validate(raw)
    except ValidationError as e:
        mistakes = [_mistake(error) for error in e.errors()]
        raise ConfigError(
            mistakes, hint=f"in {path}; check again with: newsletter config check"
        ) from e
    config = _with_paths(config, path.parent)
    mistakes = _contradictions(config)
    if mistakes:
        raise ConfigError(mistakes, hint=f"in {path}; check again with: newsletter config check")
    return _with_secrets(config)


def masked(config: Config) -> dict[str, Any]:
    """The configuration as it may be shown: JSON-able, secrets as dots."""
    shown: dict[str, Any] = config.model_dump(mode="json", by_alias=True)
    return shown


def _put(table: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        inner = table.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        table = inner
    table[keys[-1]] = value


def _mistake(error: Any) -> str:
    where = [str(part) for part in error["loc"]]
    key = ".".join(where)
    if error["type"] == "extra_forbidden":
        known = _keys(where[:-1])
        near = difflib.get_close_matches(where[-1], known, 1, 0.5)
        said = (
            f"did you mean {'.'.join([*where[:-1], near[0]])}?"
            if near
            else f"known here: {', '.join(known)}"
        )
        return f"{key}: unknown key; {said}"
    if error["type"] == "missing":
        return f"{key}: is missing"
    said = error["msg"].removeprefix("Value error, ")
    is_secret = where[-1] in ("password", "key", "token", "imap", "imap_password", "hook_secret")
    given = (
        ""
        if isinstance(error["input"], dict | list) or is_secret
        else f" (given: {error['input']!r})"
    )
    return f"{key}: {said[:1].lower()}{said[1:]}{given}"


def _keys(path: list[str]) -> list[str]:
    """The keys of a section, by its path."""
    model: Any = Config
    for part in path:
        if part.isdecimal():
            continue
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        inner = (
            [
                t
                for t in _types(field.annotation)
                if isinstance(t, type) and issubclass(t, BaseModel)
            ]
            if field
            else []
        )
        if not inner:
            return []
        model = inner[0]
    return [field.alias or name for name, field in model.model_fields.items()]


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from _types(inner)


def _with_paths(config: Config, base: Path) -> Config:
    def under(value: Any) -> Any:
        if isinstance(value, Path):
            return base / value
        if isinstance(value, BaseModel):
            return value.model_copy(update={name: under(inner) for name, inner in value})
        return tuple(map(under, value)) if isinstance(value, tuple) else value

    moved: Config = under(config)
    url = config.database.url
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////") and url != "sqlite:///":
        file = (base / url.removeprefix("sqlite:///")).resolve()
        moved = moved.model_copy(update={"database": Database(url=f"sqlite:///{file}")})
    return moved


def _contradictions(config: Config) -> list[str]:
    """What each key allows alone but not together with the others."""
    site = config.site
    found = _open_doors("smtp", config.smtp, ", or NEWSLETTER_SMTP__PASSWORD")
    for number, relay in enumerate(config.smtp.fallback):
        found += _open_doors(f"smtp.fallback.{number}", relay)
    host = urlsplit(site.base_url).hostname or ""
    if site.base_url.startswith("http://") and host not in LOOPBACK:
        found.append(
            "site.base_url: must be https (one-click unsubscribe requires it), except on localhost"
        )
    if bool(config.dkim.domain) != bool(config.dkim.key_file) or bool(config.dkim.domain) != bool(
        config.dkim.selector
    ):
        found.append("dkim: domain, selector and key_file belong together")
    writer = config.summaries
    is_clear = (
        writer
        and writer.url.startswith("http://")
        and urlsplit(writer.url).hostname not in LOOPBACK
    )
    if writer and is_clear and (writer.key_file or writer.key.get_secret_value()):
        found.append("summaries.url: a key must not go in clear; use https")
    bounces = config.bounces
    if bounces.imap and not (bounces.imap_password_file or _value(bounces.imap_password)):
        found.append("bounces.imap_password_file: is missing; bounces.imap needs it")
    names = [feed.name for feed in config.sources.feeds]
    for name in {name for name in names if names.count(name) > 1}:
        found.append(f"sources.feeds: two feeds are called {name!r}")
    return sorted(found)


def _open_doors(key: str, relay: SmtpRelay, or_else: str = "") -> list[str]:
    """Ways in which a relay's password or letters would go in clear, or not at all."""
    found = []
    if relay.security == "none" and relay.host not in LOOPBACK:
        found.append(
            f"{key}.security: 'none' is for a relay on this machine only, not for {relay.host}"
        )
    if relay.security == "none" and relay.username:
        found.append(
            f"{key}.username: a password must not go in clear; set {key}.security to 'starttls' "
            "or 'tls'"
        )
    if relay.username and not relay.password.get_secret_value() and relay.password_file is None:
        found.append(f"{key}.password_file: is missing; {key}.username needs it{or_else}")
    return found


def _with_secrets(config: Config) -> Config:
    github, signals = config.signals.github, config.signals
    smtp = _with_password("smtp", config.smtp)
    fallback = [
        _with_password(f"smtp.fallback.{number}", relay)
        for number, relay in enumerate(smtp.fallback)
    ]
    smtp = smtp.model_copy(update={"fallback": tuple(fallback)})
    if github and github.token_file and not github.token.get_secret_value():
        token = _token("signals.github.token_file", github.token_file)
        signals = signals.model_copy(update={"github": github.model_copy(update={"token": token})})
    summaries = config.summaries
    if summaries and summaries.key_file and not summaries.key.get_secret_value():
        key = _token("summaries.key_file", summaries.key_file)
        summaries = summaries.model_copy(update={"key": key})
    secrets = {"smtp": smtp, "signals": signals, "summaries": summaries}
    return config.model_copy(update=secrets | {"bounces": _with_bounce_secrets(config.bounces)})


def _with_bounce_secrets(bounces: Bounces) -> Bounces:
    """Raises: ConfigError when a hook's secret is too short to sign anything."""
    changes = {}
    if bounces.imap_password_file and not _value(bounces.imap_password):
        key = "bounces.imap_password_file"
        changes["imap_password"] = SecretStr(_secret(key, bounces.imap_password_file))
    if bounces.hook_secret_file and not _value(bounces.hook_secret):
        key = "bounces.hook_secret_file"
        changes["hook_secret"] = _token(key, bounces.hook_secret_file)
    found = bounces.model_copy(update=changes)
    if 0 < len(_value(found.hook_secret)) < MIN_SECRET:
        raise ConfigError([f"bounces.hook_secret: needs at least {MIN_SECRET} characters"])
    return found


def _value(secret: SecretStr) -> str:
    return secret.get_secret_value()


def _with_password(key: str, relay: R) -> R:
    if relay.password_file is None or relay.password.get_secret_value():
        return relay
    password = SecretStr(_secret(f"{key}.password_file", relay.password_file))
    return relay.model_copy(update={"password": password})


def _secret(key: str, path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError as e:
        raise ConfigError([f"{key}: cannot read {path} ({e.strerror})"]) from e
    except UnicodeDecodeError:
        raise ConfigError([f"{key}: {path} is not text in UTF-8"]) from None


def _token(key: str, path: Path) -> SecretStr:
    try:
        return require_token(SecretStr(_secret(key, path)))
    except ValueError as e:
        raise ConfigError([f"{key}: {path} {e}"]) from None
