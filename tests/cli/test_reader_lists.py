"""Lists of readers in the formats of many programs; export and import give the same readers."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.event import listen, remove

from newsletter import reader_seeds
from newsletter.cli import main
from newsletter.cli.reader_lists.columns import read_heading, state_in_words
from newsletter.cli.reader_lists.file import Record, Unreadable, open_text, read_file
from newsletter.cli.reader_lists.line_report import LineReport
from newsletter.cli.reader_lists.values import (
    Defaults,
    join_list,
    read_reader,
    split_list,
    with_mark,
    without_mark,
)
from newsletter.errors import InputError
from newsletter.matching.query import parse
from newsletter.models import Subscriber, SubscriberState
from newsletter.store import feedback, ledger_read, papers, seeds, subscribers, topics
from newsletter.store.db import open_engine, reading, writing
from newsletter.text.authors import typed_names
from newsletter.text.references import read_references
from newsletter.text.time_zones import find_time_zone, time_zones
from tests.databases import make_folder
from tests.store.test_store import a_merge, a_paper, keep

Capture = pytest.CaptureFixture[str]
NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)


class Site:
    """A site in a folder, used by its commands."""

    def __init__(self, folder: Path, capsys: Capture) -> None:
        self.config = str(make_folder(folder))
        self.folder, self.capsys = folder, capsys
        self.engine = open_engine(f"sqlite:///{folder / 'newsletter.db'}")

    def take(self, content: str | bytes, *more: str, consent: str = "form 2024") -> tuple[int, str]:
        """Import a list; return the exit code and the output."""
        path = self.folder / "list.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        words = ["subscribers", "import", str(path), *more]
        code = main(["-C", self.config, *words, *(("--consent", consent) if consent else ())])
        said = self.capsys.readouterr()
        return code, said.out + said.err

    def readers(self) -> dict[str, Subscriber]:
        with reading(self.engine) as connection:
            return {reader.email: reader for reader in subscribers.stream(connection)}

    def states(self) -> dict[str, str]:
        return {email: str(reader.state) for email, reader in self.readers().items()}

    def export(self, *more: str) -> str:
        path = self.folder / "out.csv"
        assert main(["-C", self.config, "subscribers", "export", str(path), *more]) == 0
        return path.read_text("utf-8")


@pytest.fixture
def site(tmp_path: Path, capsys: Capture) -> Site:
    return Site(tmp_path / "one", capsys)


# -- encodings, delimiters, headings ---------------------------------------------------------------


def test_05_csv_cp1252(site: Site) -> None:
    code, said = site.take(
        "email,name\r\nana@uni-a.org,José\r\nbo@uni-a.org,Bo\r\n".encode("cp1252")
    )
    assert code == 0 and "Windows-1252" in said and "--encoding" in said
    assert {r.name for r in site.readers().values()} == {"José", "Bo"}


def test_05_csv_empty_columns(site: Site) -> None:
    code, said = site.take("email,name,,\nana@uni-a.org,Ana,,\nbo@uni-a.org,Bo,,\n")
    assert code == 0 and "2 added" in said and "left out" not in said


def test_05_csv_mailchimp(site: Site) -> None:
    code, said = site.take(
        '"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,TIMEZONE,CC,TAGS\n'
        'ana@uni-a.org,Ana,Alves,2,"2024-01-02 10:00:00",europe/lisbon,pt,"""papers"""\n'
    )
    [reader] = site.readers().values()
    assert code == 0 and (reader.name, reader.timezone) == ("Ana Alves", "Europe/Lisbon")
    assert said.count("MEMBER_RATING") == 1 and "OPTIN_TIME, CC, TAGS" in said


def test_05_csv_semicolon(site: Site) -> None:
    code, _ = site.take("email;name;topics\r\nana@uni-a.org;Ana;vision\r\n")
    [reader] = site.readers().values()
    assert code == 0 and reader.name == "Ana" and len(reader.topics) == 1


ROWS = "E-Mail\tName\nana@uni-a.org\tJosé Álvarez\nbo@uni-a.org\t丽\n"


@pytest.mark.parametrize(
    "content",
    [
        ROWS.encode(),
        ROWS.encode("utf-8-sig"),
        ROWS.encode("utf-16"),
        ROWS.encode("utf-16-le"),
        ROWS.encode("utf-16-be"),
        ROWS.encode("utf-32"),
        ROWS.replace("\n", "\r\n").encode("utf-16"),
        ROWS.replace("\n", "\r").encode(),
        ROWS.replace("\t", "|").encode(),
        ("sep=;\n" + ROWS.replace("\t", ";")).encode(),
        ("\n\n" + ROWS).encode(),
    ],
)
def test_encodings_and_delimiters_are_found(site: Site, content: bytes) -> None:
    code, said = site.take(content)
    assert code == 0 and [r.name for r in site.readers().values()] == ["José Álvarez", "丽"], said


def test_an_encoding_can_be_named(site: Site) -> None:
    assert (
        site.take(
            "email,name\nana@uni-a.org,Łukasz\n".encode("iso-8859-2"), "--encoding", "iso-8859-2"
        )[0]
        == 0
    )
    assert site.readers()["ana@uni-a.org"].name == "Łukasz"
    code, said = site.take("email\na@uni-a.org\n", "--encoding", "klingon")
    assert code == 2 and "no encoding 'klingon'" in said


def test_a_damaged_line_costs_itself_and_not_the_file(site: Site) -> None:
    good = "email,name\nana@uni-a.org,José\nbo@uni-a.org,".encode() + b"B\xf6"
    code, said = site.take(good + "\nci@uni-a.org,Zoë\n".encode())
    assert code == 4 and "line 3: has bytes that are not text" in said
    assert [*site.readers()] == ["ana@uni-a.org", "ci@uni-a.org"]


@pytest.mark.parametrize(
    ("heading", "row", "state"),
    [
        # Substack: a free reader has no active (paid) subscription
        (
            "email,active_subscription,expiry,email_disabled,created_at",
            "ana@uni-a.org,false,,false,2024-01-02T10:00:00Z",
            "pending",
        ),
        (
            "email,active_subscription,expiry,email_disabled,created_at",
            "ana@uni-a.org,true,,true,2024-01-02T10:00:00Z",
            "unsubscribed",
        ),
        # Ghost
        (
            "id,email,name,note,subscribed_to_emails,complimentary_plan,created_at,deleted_at,"
            "labels",
            "1,ana@uni-a.org,Ana,,true,false,2024-01-02,,",
            "active",
        ),
        (
            "id,email,name,note,subscribed_to_emails,complimentary_plan,created_at,deleted_at,"
            "labels",
            "1,ana@uni-a.org,Ana,,false,false,2024-01-02,,",
            "unsubscribed",
        ),
        (
            "id,email,name,subscribed_to_emails,deleted_at",
            "1,ana@uni-a.org,Ana,true,2024-05-06T00:00:00Z",
            "unsubscribed",
        ),
        # Buttondown
        (
            "id,email_address,creation_date,type,unsubscription_date",
            "x,ana@uni-a.org,2024-01-02,regular,",
            "active",
        ),
        (
            "id,email_address,creation_date,type,unsubscription_date",
            "x,ana@uni-a.org,2024-01-02,undeliverable,",
            "suppressed",
        ),
        (
            "id,email_address,creation_date,type,unsubscription_date",
            "x,ana@uni-a.org,2024-01-02,unactivated,",
            "pending",
        ),
        (
            "id,email_address,creation_date,type,unsubscription_date",
            "x,ana@uni-a.org,2024-01-02,regular,2024-05-06",
            "unsubscribed",
        ),
        # listmonk
        (
            "uuid,email,name,attributes,status,created_at,updated_at",
            'u,ana@uni-a.org,Ana,"{""city"": ""Porto""}",enabled,2024,2024',
            "active",
        ),
        (
            "uuid,email,name,attributes,status,created_at,updated_at",
            "u,ana@uni-a.org,Ana,{},blocklisted,2024,2024",
            "suppressed",
        ),
        (
            "uuid,email,name,attributes,status,created_at,updated_at",
            "u,ana@uni-a.org,Ana,{},disabled,2024,2024",
            "unsubscribed",
        ),
        # Beehiiv
        ("Email,Status,Subscription Tier,Created At", "ana@uni-a.org,Active,Free,2024", "active"),
        (
            "Email,Status,Subscription Tier,Created At",
            "ana@uni-a.org,inactive,Free,2",
            "unsubscribed",
        ),
        ("Email,Status,Unsubscribed At", "ana@uni-a.org,active,2024-05-06", "unsubscribed"),
        # Mailchimp's other files
        (
            "Email Address,First Name,UNSUB_TIME,UNSUB_REASON",
            "ana@uni-a.org,Ana,2024-05-06 10:00:00,x",
            "unsubscribed",
        ),
        ("Email Address,CLEAN_TIME", "ana@uni-a.org,2024-05-06 10:00:00", "suppressed"),
        # Kit, MailerLite, Brevo, spreadsheets
        ("email,first_name,status", "ana@uni-a.org,Ana,complained", "suppressed"),
        ("Subscriber,Subscribed,Location", "ana@uni-a.org,2024-05-06 10:00:00,Porto", "active"),
        ("EMAIL,LASTNAME,FIRSTNAME,BLACKLISTED", "ana@uni-a.org,Alves,Ana,true", "suppressed"),
        ("E-Mail-Adresse;Vorname;Nachname;Opt-In", "ana@uni-a.org;Ana;Alves;Nein", "unsubscribed"),
        ("E-Mail-Adresse;Vorname;Nachname;Opt-In", "ana@uni-a.org;Ana;Alves;Ja", "active"),
        ("email,confirmed", "ana@uni-a.org,no", "pending"),
        ("email,status,confirmed", "ana@uni-a.org,active,0", "pending"),
        ("email,status,bounced", "ana@uni-a.org,subscribed,1", "suppressed"),
        ("email,subscribed,unsubscribed", "ana@uni-a.org,TRUE,FALSE", "active"),
        ("email,State", "ana@uni-a.org,CA", "pending"),  # where they live
    ],
)
def test_who_left_elsewhere_is_never_active_here(
    site: Site, heading: str, row: str, state: str
) -> None:
    code, said = site.take(f"{heading}\n{row}\n")
    assert code == 0 and site.states() == {"ana@uni-a.org": state}, said


ANA = "ana@uni-a.org"


@pytest.mark.parametrize(
    ("content", "state"),
    [
        # a second column with states
        (f"email,status,subscription_status\n{ANA},enabled,unsubscribed\n", "unsubscribed"),
        (f"email,status,subscription_status\n{ANA},enabled,unconfirmed\n", "pending"),
        (f"email,status,subscription_status\n{ANA},enabled,confirmed\n", "active"),
        (f"email,double_opt_in_status\n{ANA},pending\n", "pending"),
        (f"email,subscribed,Email Marketing Status\n{ANA},yes,unsubscribed\n", "unsubscribed"),
        # a state of something else makes nobody active
        (f"email,payment status\n{ANA},active\n", "pending"),
        (f"email,Lead Status\n{ANA},new\n", "pending"),
        # headings and words in other languages, with and without accents
        (f"E-Mail;Status\n{ANA};Aktiv\n", "active"),
        (f"E-Mail;Status\n{ANA};Abgemeldet\n", "unsubscribed"),
        (f"E-Mail;Status\n{ANA};Gesperrt\n", "suppressed"),
        (f"E-Mail;Status\n{ANA};Unbestätigt\n", "pending"),
        (f"E-Mail;Abgemeldet am\n{ANA};02.01.2024\n", "unsubscribed"),
        (f"E-Mail;Newsletter\n{ANA};Nein\n", "unsubscribed"),
        (f"Adresse e-mail;Prénom;Statut\n{ANA};Ana;Désabonné\n", "unsubscribed"),
        (f"Adresse e-mail;Prénom;Statut\n{ANA};Ana;Abonnée\n", "active"),
        (f"Correo electrónico;Estado\n{ANA};Dado de baja\n", "unsubscribed"),
        (f"Correo electronico;Estado\n{ANA};Suscrito\n", "active"),
        (f"Indirizzo email;Stato\n{ANA};Disiscritto\n", "unsubscribed"),
        (f"Endereço de e-mail;Situação\n{ANA};Descadastrado\n", "unsubscribed"),
        (f"E-mail;Status\n{ANA};Uitgeschreven\n", "unsubscribed"),
        # signs of having left, under headings that nobody foresaw
        (f"email,status,Unsub Date\n{ANA},active,2024-01-02\n", "unsubscribed"),
        (f"email,status,email_opt_out_at\n{ANA},active,2024-01-02\n", "unsubscribed"),
        (f"email,status,hard_bounce_date\n{ANA},active,2024-01-02\n", "suppressed"),
        (f"email,status,Complained On\n{ANA},active,2024-01-02\n", "suppressed"),
        (f"email,status,is_suppressed\n{ANA},active,TRUE\n", "suppressed"),
        (f"email,status,unsubscribe_url\n{ANA},active,https://x.example/u/1\n", "active"),
        (f"email,status,unsubscribe_count\n{ANA},active,0\n", "active"),
        (f"email,accepts_marketing\n{ANA},NOT_SUBSCRIBED\n", "unsubscribed"),
        (f"email,Status\n{ANA},Non-Subscribed\n", "unsubscribed"),
        (f"email,Status\n{ANA}, SUBSCRIBED \n", "active"),
        (f'email, "name", "status"\n{ANA}, "Alves, Ana", "cleaned"\n', "suppressed"),
        (f"Email,Name,Type\n{ANA},Ana,Unsubscribed\n", "unsubscribed"),
    ],
)
def test_neighbours_of_what_programs_write(site: Site, content: str, state: str) -> None:
    for form in (
        content.encode(),
        content.encode("utf-16"),
        content.replace("\n", "\r\n").encode(),
    ):
        site = Site(site.folder.parent / f"{len(form)}{form[:1].hex()}", site.capsys)
        code, said = site.take(form)
        assert code == 0 and site.states() == {ANA: state}, said


@pytest.mark.parametrize("word", ["maybe", "ask", "2 lists"])
def test_a_yes_or_no_that_nobody_knows_makes_nobody_active(site: Site, word: str) -> None:
    code, said = site.take(f"email,subscribed\n{ANA},{word}\n")
    assert code == 1 and f"no status '{word}'" in said and not site.readers()


@pytest.mark.parametrize(
    ("heading", "cell", "field", "value"),
    [
        ("rhythm", "täglich", "rhythm", "daily"),
        ("Häufigkeit", "Wöchentlich", "rhythm", "weekly"),
        ("frequency", "Mon-Fri", "rhythm", "weekdays"),
        ("Uhrzeit", "7:00", "hour", 7),
        ("language", "en-US", "language", "en"),
        ("Sprache", "Deutsch", "language", "de"),
        ("locale", "de_DE.UTF-8", "language", "de"),
        ("TIMEZONE", "America/New York", "timezone", "America/New_York"),
    ],
)
def test_settings_are_read_as_other_programs_write_them(
    site: Site, heading: str, cell: str, field: str, value: object
) -> None:
    code, said = site.take(f"email;{heading}\n{ANA};{cell}\n")
    assert code == 0 and getattr(site.readers()[ANA], field) == value, said


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04\x14\x00" + b"\x00" * 90, "a workbook or an archive"),
        (b'[{"email": "ana@uni-a.org"}]', "JSON"),
        (b"<!DOCTYPE html><html>", "a page of HTML"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"BEGIN:VCARD\r\nVERSION:3.0", "a file of contacts"),
    ],
)
def test_a_file_of_another_kind_is_named(site: Site, content: bytes, what: str) -> None:
    code, said = site.take(content)
    assert code == 2 and f"the file is {what}" in said and "CSV" in said


@pytest.mark.parametrize("word", ["needs attention", "soft-bounced", "???", "activ"])
def test_a_status_that_nobody_knows_is_a_fault_of_its_line(site: Site, word: str) -> None:
    code, said = site.take(f"email,status\nana@uni-a.org,{word}\n")
    assert code == 1 and f"line 2: no status '{word}'" in said and not site.readers()


@given(st.text(max_size=12))
def test_no_word_becomes_active_but_those_that_say_so(word: str) -> None:
    meant = state_in_words(word)
    if meant == "active" and word != "active":
        assert any(c.isalnum() for c in word)
        assert not any(bad in word.casefold() for bad in ("un", "not", "non", "in", "bounce"))


def test_a_yes_without_consent_is_asked_and_a_status_is_refused(site: Site) -> None:
    code, _ = site.take("email,subscribed\nana@uni-a.org,true\n", consent="")
    assert code == 0 and site.states() == {"ana@uni-a.org": "pending"}
    code, said = site.take("email,status\nbo@uni-a.org,subscribed\n", consent="")
    assert code == 1 and "needs --consent" in said


def test_addresses_alone_need_no_heading(site: Site) -> None:
    assert site.take("ana@uni-a.org\nbo@uni-a.org\n")[0] == 0
    assert [*site.readers()] == ["ana@uni-a.org", "bo@uni-a.org"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("name,city\nAna,Porto\n", "there is no column email; the columns are name, city"),
        ("ana@uni-a.org,Ana\nbo@uni-a.org,Bo\n", "must name the columns"),
        ('email,"name\n', "never closes"),
    ],
)
def test_a_file_without_addresses_says_what_is_wrong(site: Site, content: str, says: str) -> None:
    code, said = site.take(content)
    assert code == 2 and says in said and not site.readers()


def test_a_list_comes_from_a_pipe(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.TextIOWrapper(io.BytesIO("email;name\nana@uni-a.org;Zoë\n".encode("utf-16")))
    monkeypatch.setattr("sys.stdin", piped)
    assert main(["-C", site.config, "subscribers", "import", "-"]) == 0
    assert site.readers()["ana@uni-a.org"].name == "Zoë"


# -- values ----------------------------------------------------------------------------------------


def test_06_csv_values(site: Site) -> None:
    code, said = site.take(
        "email,status,rhythm,timezone,hour\n"
        "ana@uni-a.org,active,Daily,,\n"
        "bo@uni-a.org,active,,europe/lisbon,\n"
        "ci@uni-a.org,active,,Europe/Lisbon ,\n"
        "do@uni-a.org,active,,,7:00\n"
    )
    found = site.readers()
    assert code == 0 and len(found) == 4, said
    assert found["ana@uni-a.org"].rhythm == "daily"
    assert found["bo@uni-a.org"].timezone == found["ci@uni-a.org"].timezone == "Europe/Lisbon"
    assert found["do@uni-a.org"].hour == 7


def read(**cells: str) -> Subscriber:
    columns = read_heading(list(cells))
    return read_reader(columns.read(list(cells.values())), Defaults("", consent="asked")).reader


@pytest.mark.parametrize(
    ("cell", "hour"),
    [
        ("7", 7),
        ("07", 7),
        ("7:00", 7),
        ("07:00:00", 7),
        ("7am", 7),
        ("7 AM", 7),
        ("7 p.m.", 19),
        ("12am", 0),
        ("12pm", 12),
        ("19h", 19),
        ("19h00", 19),
        ("7.0", 7),
        ("7 Uhr", 7),
        ("0", 0),
        ("23", 23),
        (" 7 ", 7),
        ("", 7),
    ],
)
def test_hours_are_read_as_people_write_them(cell: str, hour: int) -> None:
    assert read(email="ana@uni-a.org", hour=cell).hour == hour


@pytest.mark.parametrize("cell", ["24", "7:30", "-1", "13pm", "0am", "noon", "7.5", "700"])
def test_an_hour_that_is_none_is_refused(cell: str) -> None:
    with pytest.raises(InputError, match="is not 0 to 23"):
        read(email="ana@uni-a.org", hour=cell)


@pytest.mark.parametrize(
    "cell", ["\ufeffana@uni-a.org", " ana@uni-a.org\xa0", "ana@uni-a.org\u200b\t"]
)
def test_blanks_around_an_address_are_not_part_of_it(cell: str) -> None:
    assert read(email=cell).email == "ana@uni-a.org"


@pytest.mark.parametrize(
    "cell", ["ana @uni-a.org", "Ana <ana@uni-a.org>", "ana@uni-a.org, bo@x.org"]
)
def test_nothing_is_guessed_that_changes_an_address(cell: str) -> None:
    with pytest.raises(InputError):
        read(email=cell)


# -- lost lines ------------------------------------------------------------------------------------


def test_07_csv_open_quote(site: Site) -> None:
    code, said = site.take(
        'email,name\nana@uni-a.org,Ana\nbo@uni-a.org,"unclosed\nci@uni-a.org,Ci\ndo@uni-a.org,Do\n'
    )
    assert code == 4 and "3 failed" in said
    assert "lines 3-5: the quote opened in line 3 never closes" in said


def test_a_quote_that_closes_too_late_names_every_line_it_took(site: Site) -> None:
    code, said = site.take(
        'email,name\nana@uni-a.org,"A\nbo@uni-a.org,Bo\nci@uni-a.org,"Ci"\ndo@uni-a.org,Do\n'
    )
    assert code == 4 and "lines 2-4: " in said and "1 added" in said and "3 failed" in said


def test_an_open_quote_does_not_take_a_million_lines(site: Site) -> None:
    lines = "".join(f"reader{n}@uni-a.org,Reader {n}\n" for n in range(6000))
    code, said = site.take(f'email,name\nana@uni-a.org,"open\n{lines}')
    assert code == 4 and "a quote opened in line 2 does not close for 131,072 characters" in said
    lost = int(said.partition(" failed")[0].split()[-1])
    assert 3000 < lost < 5500 and len(site.readers()) == 6001 - lost


def test_a_cell_of_several_lines_is_one_record_and_later_lines_keep_their_numbers(
    site: Site,
) -> None:
    code, said = site.take(
        'email,notes,hour\nana@uni-a.org,"one\ntwo\nthree",7\n'
        'bo@uni-a.org,"a\nb",99\nci@uni-a.org,,8\n'
    )
    assert code == 4 and "lines 5-6: hour '99' is not 0 to 23" in said and "2 added" in said


def test_a_fault_of_all_lines_is_one_sentence(site: Site) -> None:
    lines = "".join(f"reader{n}@uni-a.org,active\n" for n in range(3000))
    code, said = site.take(f"email,status\n{lines}", consent="")
    assert code == 1 and said.count("needs --consent") == 1 and "lines 2-3001:" in said


def test_faults_that_alternate_are_named_line_by_line_in_one_sentence(site: Site) -> None:
    lines = "".join(f"reader{n}@uni-a.org,{n % 2 * 77}\n" for n in range(6))
    _, said = site.take(f"email,hour\n{lines}")
    assert "lines 3, 5, 7: hour '77' is not 0 to 23" in said


def test_a_report_of_a_million_faults_stays_small() -> None:
    report = LineReport()
    for n in range(1, 1_000_000, 2):
        report.add(f"fault {n % 3000}", n, n)
    said = list(report.sentences())
    assert report.lines == 500_000 and len(said) <= 1001
    assert sum(map(len, said)) < 10_000_000


def test_extra_cells_are_a_fault_only_if_something_is_in_them(site: Site) -> None:
    code, said = site.take("email,name\nana@uni-a.org,Ana,,\nbo@uni-a.org,Bo,x\n")
    assert code == 4 and "line 3: 3 fields, the heading has 2" in said and "1 added" in said


def test_the_later_line_that_says_that_somebody_left_counts(site: Site) -> None:
    filler = "".join(f"reader{n}@uni-a.org,active\n" for n in range(1500))
    code, said = site.take(
        f"email,status\nana@uni-a.org,active\nbo@uni-a.org,active\nBO@uni-a.org,bounced\n{filler}"
        "ana@uni-a.org,unsubscribed\nci@uni-a.org,unsubscribed\nci@uni-a.org,active\n"
    )
    states = site.states()
    assert code == 0 and "1503 added, 3 known" in said
    assert states["ana@uni-a.org"] == states["ci@uni-a.org"] == "unsubscribed"
    assert states["BO@uni-a.org"] == "suppressed"


def test_who_left_after_being_asked_is_not_asked(site: Site) -> None:
    filler = "".join(f"reader{n}@uni-a.org,unsubscribed\n" for n in range(1100))
    site.take(f"email,status\nana@uni-a.org,pending\n{filler}ana@uni-a.org,unsubscribed\n")
    with reading(site.engine) as connection:
        assert ledger_read.counts(connection)["pending"] == 0


def test_a_reader_of_this_site_stays_and_the_old_list_is_told(site: Site) -> None:
    site.take("email,status\nana@uni-a.org,active\n")
    code, said = site.take("email,status\nana@uni-a.org,unsubscribed\n")
    assert code == 0 and site.states() == {"ana@uni-a.org": "active"}
    assert "line 2: left where this list comes from, and is active here" in said


def test_a_suppressed_address_is_never_revived(site: Site) -> None:
    site.take("email,status\nana@uni-a.org,cleaned\n")
    code, said = site.take("email,status\nAna@uni-a.org,active\n")
    assert code == 0 and "1 suppressed" in said and site.states() == {"ana@uni-a.org": "suppressed"}


def test_pending_readers_are_asked_once_and_active_ones_are_not(site: Site) -> None:
    site.take("email,status\nana@uni-a.org,\nbo@uni-a.org,active\n")
    site.take("email,status\nana@uni-a.org,\n")
    with reading(site.engine) as connection:
        assert ledger_read.counts(connection)["pending"] == 1


def test_a_dry_run_shows_how_the_first_lines_were_read_and_keeps_nothing(site: Site) -> None:
    rows = "ana@uni-a.org,Ana,graph neural,7pm\nbad,,,\n" + "".join(
        f"r{n}@uni-a.org,R,vision,\n" for n in range(9)
    )
    code, said = site.take(
        f"E-Mail;Name\n{rows}".replace("E-Mail;Name", "E-Mail,Name,Topics,Hour"), "--dry-run"
    )
    assert code == 4 and not site.readers() and "10 added" in said and "nothing was kept" in said
    assert "line 2: email ana@uni-a.org; name Ana; topics graph neural" in said
    assert "hour 19" in said and "line 3: not read: not an e-mail address" in said
    assert "line 6: email" in said and "line 7: email" not in said
    found = json.loads(site.take("email\nana@uni-a.org\n", "--dry-run", "--json")[1])
    assert found["first"][0]["email"] == "ana@uni-a.org" and found["dry_run"]


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_no_bytes_end_in_anything_but_records_and_named_lines(content: bytes) -> None:
    try:
        with open_text(io.BytesIO(b"email,name\n" + content)) as lines:
            last = 1
            for record in read_file(lines).records:
                assert isinstance(record, Record | Unreadable)
                assert last < record.first <= record.last
                last = record.last
    except InputError:
        pass


# -- export and import are the identity ------------------------------------------------------------


def test_08_export_import_address(tmp_path: Path, capsys: Capture) -> None:
    one, two = Site(tmp_path / "a", capsys), Site(tmp_path / "b", capsys)
    one.take("email,name\n+ana@uni-a.org,=Ana\n-bo@uni-a.org,Bo\n")
    exported = one.export()
    assert '"\'+ana@uni-a.org"' in exported
    assert two.take(exported, consent="")[0] == 0
    assert [(r.email, r.name) for r in two.readers().values()] == [
        ("+ana@uni-a.org", "=Ana"),
        ("-bo@uni-a.org", "Bo"),
    ]


@given(st.text(alphabet="'=+-@\t\r\n＝＋－＠a ", max_size=6))
def test_K13_H04_a_mark_that_is_put_on_comes_off_and_no_cell_begins_a_formula(cell: str) -> None:
    marked = with_mark(cell)
    assert without_mark(marked) == cell
    assert not marked.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


ITEM = st.text(alphabet='ab;\\"( -', min_size=1, max_size=8).map(str.strip).filter(bool)


@given(st.lists(ITEM, max_size=5))
def test_K13_a_list_in_a_cell_comes_back_whatever_is_in_its_items(items: list[str]) -> None:
    assert split_list(join_list(items)) == tuple(items)


def test_a_list_that_people_write_is_split_at_its_semicolons() -> None:
    assert split_list(" vision ; graph neural;;weather ") == ("vision", "graph neural", "weather")
    assert split_list(r"ti:\alpha; b") == (r"ti:\alpha", "b")


QUERIES = [
    "graphene",
    '"rain; snow" OR bees',
    "graph neural -survey",
    "cat:cs.CL au:lovelace",
    "reasoning",
    "vision weather",
    '"back\\slash"',
]


EXAMPLES = """arXiv:2510.00077
Rain; snow: and \\ other "weather"
@misc{a, title={Bees in graphs}, doi={10.1000/abc}}
https://openreview.net/forum?id=AbC123xyz
PMID: 34265844"""


def whole(site: Site) -> list[tuple[object, ...]]:
    """Return all stored data of every reader, with the meaning of topics and votes."""
    found: list[tuple[object, ...]] = []
    with reading(site.engine) as connection:
        for reader, consent in subscribers.stream_with_consent(connection):
            chosen = topics.by_ids(connection, reader.topics)
            voted = feedback.votes_of(connection, [reader.id]).get(reader.id, {})
            known = papers.by_keys(connection, voted)
            plain = replace(reader, id=0, created_at=None, topics=(), epoch=1, address_version=1)
            names = [
                (
                    chosen[id].is_curated,
                    chosen[id].slug if chosen[id].is_curated else "",
                    chosen[id].query,
                )
                for id in reader.topics
            ]
            votes = {(known[key].id, value) for key, value in voted.items()}
            given = seeds.of_readers(connection, [reader.id]).get(reader.id, [])
            examples = [seed._replace(id=0, at=None) for seed in given]
            found.append((plain, consent, tuple(names), frozenset(votes), tuple(examples)))
    return found


TEXTS = (
    st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=10)
    .map(str.strip)
    .filter(bool)
)
READERS = st.builds(
    lambda local, **values: (local, Subscriber(0, f"{local}@uni-a.org", **values)),
    st.text(alphabet="+-='ab", min_size=1, max_size=6),
    state=st.sampled_from(SubscriberState),
    name=TEXTS | st.just("") | st.sampled_from(["'=1", "=cmd()", 'O\'Neil; "Ana"', "''@x"]),
    timezone=st.sampled_from(["UTC", "Europe/Lisbon", "America/Argentina/Buenos_Aires"]),
    hour=st.integers(0, 23),
    rhythm=st.sampled_from(["weekdays", "daily", "weekly", "hot"]),
    size=st.sampled_from([5, 8, 12]),
    format=st.sampled_from(["html", "text"]),
    mix=st.sampled_from(["match", "balanced", "trend"]),
    language=st.sampled_from(["en", "de"]),
    muted=st.lists(TEXTS, max_size=3).map(tuple),
    follows=st.lists(TEXTS, max_size=3).map(typed_names).filter(lambda of: typed_names(of) == of),
    confirmed_at=st.none() | st.just(NOW),
    paused_until=st.dates(date(2026, 1, 1), date(2030, 1, 1)),
)


@given(
    readers=st.lists(READERS, max_size=6, unique_by=lambda one: one[0].lower()),
    queries=st.lists(st.sampled_from(QUERIES), unique=True),
    is_raw=st.booleans(),
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_K13_export_and_import_into_an_empty_site_is_the_identity(
    tmp_path_factory: pytest.TempPathFactory,
    capsys: Capture,
    readers: list[tuple[str, Subscriber]],
    queries: list[str],
    is_raw: bool,
) -> None:
    folder = tmp_path_factory.mktemp("sites")
    one, two = Site(folder / "a", capsys), Site(folder / "b", capsys)
    for site in (one, two):
        with writing(site.engine) as connection:
            [paper] = keep(connection, a_merge(a_paper()))
    with writing(one.engine) as connection:
        own = [topics.find_or_add(connection, str(parse(query))).id for query in queries]
        curated = topics.get(connection, "reasoning").id
        for number, (local, reader) in enumerate(readers):
            if reader.state is not SubscriberState.PAUSED:
                reader = replace(reader, paused_until=None)
            chosen = (*own, curated) if number % 2 else (curated, *own[:1])
            added = subscribers.add(
                connection,
                replace(reader, topics=chosen),
                f"{local.lower()}@uni-a.org",
                NOW,
                consent=f"form {number}",
            )
            feedback.vote(connection, added.id, paper.key, 1 if number % 2 else -1, NOW)
            pasted = read_references(EXAMPLES if number % 2 else paper.id)
            reader_seeds.give(connection, added.id, pasted, NOW)
    exported = one.export(*(["--raw"] if is_raw else []))
    code, said = two.take(exported, *(["--raw"] if is_raw else []), consent="")
    assert code == 0, said
    assert whole(two) == whole(one)
    assert two.export() == one.export()


def test_K13_votes_on_papers_that_a_site_does_not_have_are_told(site: Site) -> None:
    code, said = site.take("email,votes\nana@uni-a.org,more 2510.00001;less 2510.00002\n")
    assert code == 0 and "2 votes are on papers that this site does not have" in said


def test_examples_that_are_no_papers_are_a_fault_of_their_line(site: Site) -> None:
    code, said = site.take(
        "email,examples\nana@uni-a.org,2510.00001;A title of something\nbo@uni-a.org,;\n"
        "cy@uni-a.org,42\n"
    )
    assert code == 4 and "no example '42'" in said and "2 added" in said


def test_an_export_is_read_by_other_programs(site: Site) -> None:
    site.take('email,name\nana@uni-a.org,"Ana, the ""great"""\n')
    [row] = csv.DictReader(io.StringIO(site.export()))
    assert row["email"] == "ana@uni-a.org" and row["name"] == 'Ana, the "great"'


def test_E12_readers_are_taken_in_many_at_a_time(site: Site) -> None:
    """Statements per reader made a million take two hours. Statements are counted here, not
    seconds.
    """
    asked: list[str] = []

    def count(*event: Any) -> None:
        asked.append(event[2])

    lines = "".join(
        f"reader{n}@uni-a.org,active,vision;weather,europe/lisbon\n" for n in range(3000)
    )
    listen(Engine, "before_cursor_execute", count)
    try:
        code, said = site.take(f"email,status,topics,timezone\n{lines}")
    finally:
        remove(Engine, "before_cursor_execute", count)
    assert code == 0 and len(asked) < 100, said
    with reading(site.engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM subscriber_topics")).scalar() == 6000


def test_E12_the_zone_tree_is_read_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[int] = []
    time_zones.cache_clear()
    find_time_zone("UTC")
    monkeypatch.setattr("zoneinfo.available_timezones", lambda: walked.append(1) or {"UTC"})
    site.take("email,timezone\n" + "".join(f"r{n}@uni-a.org,utc\n" for n in range(50)))
    assert not walked


def test_followed_authors_of_a_list_go_through_the_grammar_of_names(site: Site) -> None:
    code, said = site.take(f'email,follows\n{ANA},"Hinton, G.; van den Oord, A.;李飞飞"\n')
    assert code == 0, said
    assert site.readers()[ANA].follows == ("G. Hinton", "A. van den Oord", "李飞飞")
