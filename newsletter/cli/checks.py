"""The checks of `doctor`. A check is a fact and, if something is wrong, what to do; none sends
mail.
"""

import asyncio
import shutil
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import dns.exception
import dns.resolver

from newsletter.cli.file_permissions import open_files, shared_databases
from newsletter.cli.vulnerable_versions import Check, check_versions
from newsletter.config import Bounces, Config
from newsletter.errors import ConfigError, NewsletterError, Unreachable
from newsletter.inbound import imap, intake
from newsletter.mail import dkim
from newsletter.mail.relay import Relay, RelaySettings, settings_of
from newsletter.matching import embeddings
from newsletter.store import ledger_read
from newsletter.store.db import database_time, open_engine, reading, schema
from newsletter.store.site_key import require_key
from newsletter.text.secrets import without_secrets
from newsletter.tokens import Tokens


def check_site(config: Config, *, is_deployed: bool = False) -> list[Check]:
    """Check everything that a day needs."""
    found = [
        Check("ok", "Configuration", "no mistake in it"),
        *_secrets(config),
        *_database(config),
        _disk(config),
    ]
    found += [*check_files(config), *map(_relay, settings_of(config.smtp))]
    found += [*check_returned_mail(config), *check_versions()]
    if is_deployed:
        found += _deployment(config)
    return found


def _secrets(config: Config) -> list[Check]:
    path = config.site.secret_key_file
    try:
        tokens = Tokens.from_file(path)
        engine = open_engine(config.database.url)
        if schema(engine).is_current:
            require_key(engine, tokens)
    except ConfigError as e:
        return [Check("fail", "Key", e.message, e.hint)]
    except NewsletterError:  # the database's own check says it
        pass
    opened = [
        Check("warn", "Key", f"{file} can be read by everybody", f"chmod 640 {file}")
        for file in open_files(config)
    ]
    if path.stat().st_mode & 0o077 and not opened:
        opened = [Check("warn", "Key", f"{path} can be read by others", f"chmod 600 {path}")]
    shared = [
        Check("warn", "Database", f"{file} can be read by others", f"chmod 600 {file}")
        for file in shared_databases(config)
    ]
    return [*(opened or [Check("ok", "Key", str(path))]), *shared]


def _database(config: Config) -> list[Check]:
    try:
        engine = open_engine(config.database.url)
        state = schema(engine)
        if not state.is_current:
            return [
                Check(
                    "fail",
                    "Database",
                    f"schema {state.found or 'missing'}",
                    "newsletter db migrate",
                )
            ]
        with reading(engine) as connection:
            wrong = ledger_read.check(connection)
            skew = abs(database_time(connection) - time.time())
    except Exception as e:
        return [
            Check("fail", "Database", without_secrets(f"{e}".split("\n")[0]), "check database.url")
        ]
    clock = (
        Check("ok", "Clock", "agrees with the database's")
        if skew < 5
        else Check("fail", "Clock", f"{skew:.0f} s off the database's", "set the clock (NTP)")
    )
    ledger = (
        Check("fail", "Ledger", wrong[0], "newsletter db status")
        if wrong
        else Check("ok", "Ledger", "adds up")
    )
    return [Check("ok", "Database", f"schema {state.found}"), ledger, clock]


def _disk(config: Config) -> Check:
    place = (
        Path(config.database.url.removeprefix("sqlite:///")).parent
        if "sqlite" in config.database.url
        else Path()
    )
    free = shutil.disk_usage(place if place.exists() else Path()).free
    said = f"{free / 1e9:.1f} GB free"
    return (
        Check("ok", "Disk", said)
        if free > 1e9
        else Check("warn", "Disk", said, "a full disk stops sending")
    )


def check_files(config: Config) -> list[Check]:
    """Open the files that the configuration names and letters need."""
    found = []
    for file in filter(None, (relay.ca_file for relay in (config.smtp, *config.smtp.fallback))):
        found.append(_opened("CA file", file, partial(ssl.create_default_context, cafile=file)))
    key, model = config.dkim, config.matching.model_folder
    if key.domain and key.key_file:
        found.append(
            _opened(
                "DKIM key",
                key.key_file,
                lambda: dkim.signer(key.domain, key.selector, key.key_file),
            )
        )
    if model:
        found.append(_opened("Model", model, lambda: embeddings.load(model)))
    return found


def _opened(subject: str, path: Path, open_it: Callable[[], object]) -> Check:
    try:
        open_it()
    except NewsletterError as e:
        return Check("fail", subject, e.message, e.hint or "nothing can be sent without it")
    except OSError as e:
        return Check(
            "fail",
            subject,
            f"smtp.ca_file: cannot read {path}: {e.strerror or e}",
            "nothing can be sent without it",
        )
    return Check("ok", subject, str(path))


def _relay(settings: RelaySettings) -> Check:
    async def connect() -> None:
        relay = Relay(replace(settings, timeout_s=min(settings.timeout_s, 10)))
        (await relay.connect()).transport.close()

    try:
        asyncio.run(connect())
    except NewsletterError as e:
        advice = "nothing can be sent by it; check [smtp]"
        return Check("fail", "SMTP", e.message, advice, isinstance(e, Unreachable))
    login = ", login works" if settings.username else ""
    return Check("ok", "SMTP", f"{settings.host}:{settings.port}, {settings.security}{login}")


def check_returned_mail(config: Config) -> list[Check]:
    """Look at the places that returned mail is fetched from; nothing in them is changed."""
    bounces, found = config.bounces, []
    if bounces.maildir is not None:
        found.append(_maildir(bounces.maildir))
    if bounces.imap:
        found.append(_imap(bounces))
    return found


def _maildir(folder: Path) -> Check:
    try:
        exists = intake.check_maildir(folder)
    except OSError as e:
        advice = "bounces.maildir must be a maildir that the user that runs newsletter may empty"
        return Check("fail", "Returned mail", intake.in_words(e, folder), advice)
    if not exists:
        advice = "the daemon makes it; let your mail server deliver there, as its user"
        return Check("warn", "Returned mail", f"{folder} does not exist yet", advice)
    return Check("ok", "Returned mail", f"{folder} can be read and emptied")


def _imap(bounces: Bounces) -> Check:
    try:
        said = imap.check(bounces)
    except imap.ImapError as e:
        return Check("fail", "Returned mail", e.message, e.hint, e.is_unreachable)
    return Check("ok", "Returned mail", said)


def _deployment(config: Config) -> list[Check]:

    domain = config.site.from_.rpartition("@")[2]

    def record(name: str) -> str:
        try:
            return " ".join(
                b"".join(r.strings).decode() for r in dns.resolver.resolve(name, "TXT", lifetime=5)
            )
        except dns.exception.DNSException:
            return ""

    found = []
    wanted = [("SPF", domain, "v=spf1"), ("DMARC", f"_dmarc.{domain}", "v=DMARC1")]
    if config.dkim.domain:
        wanted.append(("DKIM", f"{config.dkim.selector}._domainkey.{config.dkim.domain}", "p="))
    for subject, name, mark in wanted:
        has = mark in record(name)
        advice = "" if has else "mail will land in spam; publish the record, then run doctor again"
        found.append(
            Check(
                "ok" if has else "fail",
                subject,
                f"{'found at' if has else 'no record at'} {name}",
                advice,
            )
        )
    try:
        socket.gethostbyaddr(socket.gethostbyname(domain))
        found.append(Check("ok", "PTR", f"{domain} resolves back"))
    except OSError:
        found.append(
            Check(
                "warn",
                "PTR",
                f"{domain} does not resolve back",
                "receivers want forward and reverse DNS",
            )
        )
    if not config.site.base_url.startswith("https://"):
        found.append(
            Check(
                "fail",
                "Pages",
                f"{config.site.base_url} is not https",
                "one-click unsubscribe needs https",
            )
        )
    return found
