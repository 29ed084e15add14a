"""Import a list of readers, as a stream, a thousand records per transaction.

Nobody is mailed who left: a suppressed address is never mailed again, and of two lines for one
address the one that says that the reader left counts.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from newsletter.app import App
from newsletter.cli.output import emit, note, progress, say
from newsletter.cli.reader_lists.columns import Columns, Fields, read_heading
from newsletter.cli.reader_lists.file import (
    GUESS,
    Record,
    Unreadable,
    open_binary,
    open_text,
    read_file,
)
from newsletter.cli.reader_lists.line_report import LineReport
from newsletter.cli.reader_lists.values import Defaults, Listed, join_list, read_reader
from newsletter.errors import InputError, NewsletterError, NotFound
from newsletter.mail_kinds import CONFIRM
from newsletter.matching.query import parse as parse_query
from newsletter.models import Subscriber, SubscriberState
from newsletter.steps.compose.locale import load_languages
from newsletter.store import (
    feedback,
    ledger_plan,
    papers,
    seeds,
    site_key,
    subscribers,
    suppressions,
    topics,
)
from newsletter.store.db import find_assets, writing

BATCH = 1000
#: How many lines `--dry-run` shows as they were read.
SHOWN_FIRST = 5
#: Most distinct topics of a list whose ids are cached.
MOST_TOPICS = 10_000
GONE = (SubscriberState.UNSUBSCRIBED, SubscriberState.SUPPRESSED)
COUNTS = ("added", "known", "suppressed", "failed")


#: What is said of readers who would have been active, were the site's key not lost.
ASKED = (
    "is asked by mail first: the site's former key is lost, so nobody knows who was erased or "
    "suppressed"
)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    consent: str = ""
    encoding: str = ""
    is_dry_run: bool = False
    is_raw: bool = False


def import_readers(app: App, path: Path, options: ImportOptions) -> int:
    """Import a list and report the result; return the exit code.

    Raises: InputError when the whole file cannot be read.
    """
    with (
        open_binary(path, sys.stdin.buffer) as binary,
        open_text(binary, options.encoding) as text,
        progress(None) as bar,
    ):
        file = read_file(text)
        columns = read_heading(file.heading)
        is_guessed = text.encoding == GUESS and not options.encoding
        _tell_reading(is_guessed, columns)
        importing = Import(app, columns, options)
        task = bar.add_task("importing", total=None)
        try:
            while batch := list(islice(file.records, BATCH)):
                importing.take(batch)
                bar.advance(task, len(batch))
        finally:
            for sentence in (*importing.lost.sentences(), *importing.remarks.sentences()):
                note(sentence)
    counts = importing.counts
    if counts["votes_left_out"]:
        note(f"{counts['votes_left_out']} votes are on papers that this site does not have")
    _tell_outcome(importing, columns)
    if not counts["failed"]:
        return 0
    return 4 if counts["added"] + counts["known"] else 1


def _tell_reading(is_guessed: bool, columns: Columns) -> None:
    if is_guessed:
        note("the file is not UTF-8; it is read as Windows-1252 (another: --encoding NAME)")
    if columns.left_out:
        note(f"columns that mean nothing here are left out: {', '.join(columns.left_out)}")


def _tell_outcome(importing: "Import", columns: Columns) -> None:
    counts, is_dry_run = importing.counts, importing.options.is_dry_run
    data = {name: counts[name] for name in COUNTS} | {
        "states": dict(importing.states),
        "left_out": list(columns.left_out),
        "dry_run": is_dry_run,
    }
    if is_dry_run:
        data["first"] = importing.first
    if emit(data):
        return
    said = ", ".join(f"{counts[name]} {name}" for name in COUNTS)
    say(f"{said}{' (nothing was kept)' if is_dry_run else ''}")
    if importing.states:
        of = ", ".join(f"{number} {state}" for state, number in importing.states.items())
        say(f"{'Would be added' if is_dry_run else 'Added'} as: {of}")
    for line in importing.first:
        lines = line.pop("line")
        say(f"line {lines}: " + "; ".join(f"{name} {value}" for name, value in line.items()))


@dataclass
class Import:
    """One list that is being imported."""

    app: App
    columns: Columns
    options: ImportOptions
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    counts: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)  #: states of added readers
    lost: LineReport = field(default_factory=LineReport)
    remarks: LineReport = field(default_factory=LineReport)
    first: list[dict[str, str]] = field(default_factory=list)  #: how the first lines were read

    def __post_init__(self) -> None:
        site = self.app.config.site
        self._defaults = Defaults(
            site.from_,
            site.timezone,
            self.options.consent,
            tuple(load_languages(find_assets("templates") / "words")),
            self.options.is_raw,
        )
        self._topics: dict[str, int | NewsletterError] = {}

    def take(self, batch: Iterable[Record | Unreadable]) -> None:
        """Import some records, in one transaction."""
        read = list(self._read(batch))
        with writing(self.app.engine) as connection:
            wanted = self._with_topics(connection, read)
            self._settle(connection, wanted)
            if self.options.is_dry_run:
                connection.rollback()
                self._topics.clear()  # the undone transaction may have made them

    def _read(self, batch: Iterable[Record | Unreadable]) -> Iterator[tuple[Record, Listed]]:
        for record in batch:
            if isinstance(record, Unreadable):
                self._lose(record, record.why)
                continue
            try:
                if len(record.cells) > self.columns.count and any(
                    map(str.strip, record.cells[self.columns.count :])
                ):
                    raise InputError(
                        f"{len(record.cells)} fields, the heading has {self.columns.count}"
                    )
                listed = read_reader(self.columns.read(record.cells), self._defaults)
            except NewsletterError as e:
                self._lose(record, e.message)
                continue
            if self.options.is_dry_run and len(self.first) < SHOWN_FIRST:
                self.first.append({"line": _lines(record)} | _in_words(listed))
            yield record, listed

    def _lose(self, record: Record | Unreadable, why: str) -> None:
        self.lost.add(why, record.first, record.last)
        self.counts["failed"] = self.lost.lines
        if self.options.is_dry_run and len(self.first) < SHOWN_FIRST:
            self.first.append({"line": _lines(record), "not read:": why})

    def _with_topics(
        self, connection: Connection, read: Iterable[tuple[Record, Listed]]
    ) -> dict[str, tuple[Record, Listed]]:
        """Return readers by canonical key, with their topics. Of two lines for one address the
        first counts, or the one that says that the reader left.
        """
        wanted: dict[str, tuple[Record, Listed]] = {}
        for record, listed in read:
            try:
                ids = tuple(self._topic(connection, name) for name in listed.topics)
            except NewsletterError as e:
                self._lose(record, e.message)
                continue
            if ids:
                listed = replace(listed, reader=replace(listed.reader, topics=ids))
            earlier = wanted.get(listed.canonical)
            if earlier is not None:
                self.counts["known"] += 1
                if not _is_later_leave(listed, earlier[1].reader.state):
                    continue
            wanted[listed.canonical] = record, listed
        return wanted

    def _topic(self, connection: Connection, name: str) -> int:
        known = self._topics.get(name)
        if known is None:
            if len(self._topics) >= MOST_TOPICS:
                self._topics.clear()
            try:
                known = find_topic(connection, name)
            except NewsletterError as e:
                known = e
            self._topics[name] = known
        if isinstance(known, NewsletterError):
            raise known
        return known

    def _settle(self, connection: Connection, wanted: dict[str, tuple[Record, Listed]]) -> None:
        """Add the readers who may be added."""
        hash_of = self.app.tokens.address_hash
        hashes = {canonical: hash_of(canonical) for canonical in wanted}
        barred = suppressions.suppressed(connection, list(hashes.values()))
        known = subscribers.known(connection, list(wanted))
        newcomers: list[Listed] = []
        is_asking = site_key.lost(connection) > 0
        for canonical, (record, listed) in wanted.items():
            if is_asking and listed.reader.state is SubscriberState.ACTIVE:
                listed = replace(
                    listed, reader=replace(listed.reader, state=SubscriberState.PENDING)
                )
                self.remarks.add(ASKED, record.first, record.last)
            if hashes[canonical] in barred:
                self.counts["suppressed"] += 1
            elif canonical not in known or self._replaces(connection, record, listed, known):
                newcomers.append(listed)
        added = subscribers.add_many(
            connection, [(of.reader, of.canonical, of.consent) for of in newcomers], self.now
        )
        self.counts["known"] += len(newcomers) - len(added)
        self._follow_up(connection, [of for of in newcomers if of.canonical in added], added)

    def _replaces(
        self,
        connection: Connection,
        record: Record,
        listed: Listed,
        known: dict[str, Subscriber],
    ) -> bool:
        """Return whether a line for a known address replaces the reader: an earlier line of this
        list added them, and this one says that they left.
        """
        reader = known[listed.canonical]
        self.counts["known"] += 1
        if not _is_later_leave(listed, reader.state):
            return False
        if reader.created_at != self.now:
            self.remarks.add(
                f"left where this list comes from, and is {reader.state} here; nothing was changed",
                record.first,
                record.last,
            )
            return False
        subscribers.erase(connection, reader.id)
        self.counts["added"] -= 1
        self.states[reader.state] -= 1
        return True

    def _follow_up(self, connection: Connection, listed: list[Listed], ids: dict[str, int]) -> None:
        pending = []
        for one in listed:
            state = one.reader.state
            self.states[state] += 1
            if state is SubscriberState.PENDING:
                pending.append(ids[one.canonical])
            elif state is SubscriberState.SUPPRESSED:
                hash = self.app.tokens.address_hash(one.canonical)
                suppressions.suppress(connection, hash, "import", self.now)
            if one.examples:
                seeds.add(connection, ids[one.canonical], one.examples, self.now)
            for paper, value in one.votes:
                self._vote(connection, ids[one.canonical], paper, value)
        ledger_plan.enqueue_many(connection, pending, CONFIRM, self.now)
        self.counts["added"] += len(listed)

    def _vote(self, connection: Connection, reader: int, paper: str, value: int) -> None:
        try:
            key = papers.get(connection, paper).key
        except NotFound:
            self.counts["votes_left_out"] += 1
            return
        feedback.vote(connection, reader, key, value, self.now)


def add_reader(app: App, cells: dict[str, str], *, is_confirmed: bool, consent: str) -> Subscriber:
    """Add one reader from cells as in a list; unless they agreed, a confirmation mail asks them.

    Raises: InputError, also when the address is suppressed or known already.
    """
    now, site = datetime.now(UTC), app.config.site
    state = SubscriberState.ACTIVE if is_confirmed else SubscriberState.PENDING
    defaults = Defaults(site.from_, site.timezone, consent, is_raw=True)
    listed = read_reader(Fields(cells, state, is_outright=True), defaults)
    with writing(app.engine) as connection:
        why = suppressions.suppression(connection, app.tokens.address_hash(listed.canonical))
        if why is not None:
            raise InputError(f"this address is suppressed ({why}) and is never mailed again")
        ids = tuple(find_topic(connection, name) for name in listed.topics)
        wanted = replace(listed.reader, topics=ids)
        reader = subscribers.add(connection, wanted, listed.canonical, now, consent=consent)
        if state is SubscriberState.PENDING:
            ledger_plan.enqueue(connection, reader.id, CONFIRM, {}, now)
    return reader


def find_topic(connection: Connection, name: str) -> int:
    """Return a topic by name; a query in the language of topics becomes the reader's own topic.

    Raises: NotFound, QueryError.
    """
    if not name.startswith("("):  # a name is never in parentheses; our export puts queries there
        try:
            return topics.get(connection, name).id
        except NotFound:
            if not any(mark in name for mark in '":') and " " not in name:
                raise
    return topics.find_or_add(connection, str(parse_query(name))).id


def _is_later_leave(listed: Listed, state: SubscriberState) -> bool:
    return listed.reader.state in GONE and state not in GONE


def _lines(record: Record | Unreadable) -> str:
    first, last = record.first, record.last
    return f"{first}" if first == last else f"{first}-{last}"


def _in_words(listed: Listed) -> dict[str, str]:
    reader = listed.reader
    said = {
        "email": reader.email,
        "name": reader.name,
        "topics": join_list(listed.topics),
        "timezone": reader.timezone,
        "hour": str(reader.hour),
        "rhythm": reader.rhythm,
        "status": str(reader.state),
    }
    return {name: value for name, value in said.items() if value}
