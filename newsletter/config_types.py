"""Types of single values of the configuration. Each validator says briefly what is wrong."""

import difflib
import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, SecretStr

from newsletter.source_rows import TAKEN


def _line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("has a control character in it")
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(_line(value))
        is_whole = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and " " not in value
            and parts.port != 0
        )
        (parts.hostname or "").encode("idna")
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValueError("is not an http(s) address")
    return value.rstrip("/")


def _base(value: str) -> str:
    if {"?", "#"} & {*value}:
        raise ValueError("must end before any ? or #: paths are put behind it")
    return value


def _address(value: str) -> str:
    if not re.fullmatch(r"[^\s@<>\"(),:;\\]+@[A-Za-z0-9.-]+", value):
        raise ValueError("is not an e-mail address")
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        near = difflib.get_close_matches(value, available_timezones(), 1, 0.5)
        raise ValueError(f"is not a time zone{f'; did you mean {near[0]}?' if near else ''}")
    return value


def _category(value: str) -> str:
    if not re.fullmatch(r"[a-z]+(-[a-z]+)?(\.[A-Za-z-]{2,})?", value):
        raise ValueError("is not an arXiv category (such as cs.CL, math, q-bio.NC)")
    return value


def _feed_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", value) or value in TAKEN:
        raise ValueError(
            f"must be lower-case letters, digits and hyphens, and none of {', '.join(TAKEN)}"
        )
    return value


def _database(value: str) -> str:
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
    try:
        parts = urlsplit(value)
        is_whole = "@" not in parts.path + parts.fragment and parts.port != 0
    except ValueError:
        is_whole = False
    if not (is_whole or value.startswith("sqlite:")):
        raise ValueError("is not an address; write / ? # @ : of a password as %2F %3F %23 %40 %3A")
    return value


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError("is neither an IP address nor a network such as 10.0.0.0/8") from None
    return value


def require_token(value: SecretStr) -> SecretStr:
    """Check a secret that goes into an HTTP header. Raises: ValueError without the secret."""
    secret = value.get_secret_value()
    if not (secret.isascii() and secret.isprintable()):
        raise ValueError("must be one line of printable ASCII")
    return value


Line = Annotated[str, AfterValidator(_line)]
Url = Annotated[str, AfterValidator(_url)]
BaseUrl = Annotated[Url, AfterValidator(_base)]  #: paths are appended to it
Address = Annotated[str, AfterValidator(_address)]
Zone = Annotated[str, AfterValidator(_zone)]
Category = Annotated[str, AfterValidator(_category)]
FeedName = Annotated[str, AfterValidator(_feed_name)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
Network = Annotated[str, AfterValidator(_network)]
Token = Annotated[SecretStr, AfterValidator(require_token)]
