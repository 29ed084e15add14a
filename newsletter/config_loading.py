"""Read config.toml, environment and secret files into one frozen `Config`. All mistakes are
reported at once.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, ValidationError

from newsletter.config import LOOPBACK, SECRET_NAMES, Bounces, Config, Database, SmtpRelay
from newsletter.config_types import require_token
from newsletter.errors import ConfigError
from newsletter.text.secrets import without_secrets

#: Least characters of a secret that signs events of providers.
MIN_SECRET = 32
R = TypeVar("R", bound=SmtpRelay)


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """Read a site's configuration; relative paths are relative to the file.

    The environment wins over the file: NEWSLETTER_SMTP__PASSWORD is `password` of [smtp].

    Raises: ConfigError with every mistake and its key; for an unknown key also the nearest valid
    one.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as e:
        raise ConfigError([f"{path} does not exist"], hint="make a site: newsletter init") from e
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
    """Return the configuration for display: JSON types, secrets as stars, also in addresses."""
    shown: dict[str, Any] = _without_secrets(config.model_dump(mode="json", by_alias=True))
    return shown


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return without_secrets(value) if isinstance(value, str) else value


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
    is_secret = where[-1] in SECRET_NAMES or key in ("bounces.imap", "database.url")
    given = (
        ""
        if isinstance(error["input"], dict | list) or is_secret
        else f" (given: {without_secrets(repr(error['input']))})"
    )
    return f"{key}: {said[:1].lower()}{said[1:]}{given}"


def _keys(path: list[str]) -> list[str]:
    """Return the keys of a section, given its path."""
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
    """Return mistakes between keys: each is valid alone, together they are not."""
    site = config.site
    found = _relay_risks("smtp", config.smtp, ", or NEWSLETTER_SMTP__PASSWORD")
    for number, relay in enumerate(config.smtp.fallback):
        found += _relay_risks(f"smtp.fallback.{number}", relay)
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


def _relay_risks(key: str, relay: SmtpRelay, or_else: str = "") -> list[str]:
    """Return ways in which a relay's password or letters would be sent in clear, or not at all."""
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
    secrets: dict[str, Any] = {"smtp": smtp, "signals": signals, "summaries": summaries}
    web = config.web
    if web.metrics_token_file and not _value(web.metrics_token):
        shown = _token("web.metrics_token_file", web.metrics_token_file)
        secrets["web"] = web.model_copy(update={"metrics_token": shown})
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
