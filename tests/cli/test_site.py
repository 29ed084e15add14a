"""Part H: what operators do to their site."""

import json
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import update

from newsletter import cli
from newsletter.app import App
from newsletter.cli.vulnerable_versions import check_versions
from newsletter.config_loading import load_config
from newsletter.store import subscribers, tables, topics
from newsletter.store.db import reading, writing
from newsletter.web import create_app
from tests.faults.site import NOW, Site, make_site

#: Moves the cursor, sets the title, forges a line and a cell, hides what is right to left.
HOSTILE = "Ada\x1b]0;owned\x07\x1b[2J\x9b31m\nforged\trow\r\x00\x7f\u202e\u2028end"


def newsletter(site: Site, *words: str) -> int:
    return cli.main(["-C", str(site.folder / "config.toml"), "--no-input", *words])


# -- secrets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("smtp.password", '[smtp]\nusername = "u"\npassword = "canary-secret"\n'),
        (
            "database.url",
            '[database]\nurl = "postgresql+psycopg://news:canary-secret@db.example.org/news"\n',
        ),
        (
            "smtp.fallback.0.password",
            '[[smtp.fallback]]\nusername = "u"\npassword = "canary-secret"\n',
        ),
    ],
)
def test_H01_a_secret_that_everybody_may_read_stops_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, text: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    path.chmod(0o644)
    words = ["-C", str(path), "config", "check"]
    assert cli.main(words) == 3
    err = capsys.readouterr().err
    assert f"{path} can be read by everybody on this machine, and {key} in it is secret" in err
    assert f"chmod 640 {path}" in err and "canary" not in err
    assert cli.main([*words, "--allow-insecure"]) == 0
    assert "can be read by everybody" in capsys.readouterr().err
    path.chmod(0o640)
    assert cli.main(words) == 0
    assert capsys.readouterr().err == ""


def test_H01_a_config_without_secrets_may_be_read_by_everybody(tmp_path: Path) -> None:
    site = make_site(tmp_path, 1)
    (tmp_path / "config.toml").chmod(0o644)
    assert newsletter(site, "status") == 0


def test_H01_doctor_names_every_secret_file_that_everybody_may_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pw").write_text("canary-secret")
    site = make_site(tmp_path, 1, smtp='username = "u"\npassword_file = "pw"', security="starttls")
    for name in ("pw", "secret.key"):
        (tmp_path / name).chmod(0o644)
    newsletter(site, "--json", "doctor")
    told = json.loads(capsys.readouterr().out)["checks"]
    assert [
        (check["state"], check["fact"], check["advice"])
        for check in told
        if check["subject"] == "Key"
    ] == [
        ("warn", f"{tmp_path / name} can be read by everybody", f"chmod 640 {tmp_path / name}")
        for name in ("secret.key", "pw")
    ]


# -- what others wrote, on a terminal --------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("subscribers", "list"),
        ("subscribers", "show", "reader0@example.org"),
        ("issues", "show"),
        ("topics", "list", "--own"),
        ("papers", "list"),
        ("status",),
        ("issues", "list"),
    ],
)
@pytest.mark.parametrize("is_json", [False, True])
def test_H10_no_command_hands_control_characters_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], is_json: bool
) -> None:
    site = make_site(tmp_path, 1)
    with writing(site.engine) as connection:
        connection.execute(update(tables.subscribers).values(name=HOSTILE, state_reason=HOSTILE))
        connection.execute(update(tables.deliveries).values(reply=HOSTILE, state="held"))
        connection.execute(update(tables.issues).values(state="paused", state_reason=HOSTILE))
        connection.execute(
            update(tables.topics).values(name=HOSTILE, query=HOSTILE, description=HOSTILE)
        )
        connection.exec_driver_sql("UPDATE papers SET title = ?", (HOSTILE,))
    newsletter(site, *(("--json", *words) if is_json else words))
    out = capsys.readouterr().out
    assert out and [c for c in out if not c.isprintable() and c not in "\n\t"] == []
    if is_json:
        assert len(out.splitlines()) == 1 and json.loads(out)
    else:
        assert not [line for line in out.splitlines() if line.startswith("forged")]


# -- versions --------------------------------------------------------------------------------------


def test_H14_a_package_below_its_floor_fails_doctor_with_its_hole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An older release, as its metadata says when it is installed."""
    site = make_site(tmp_path, 1)
    old = tmp_path / "site-packages" / "jinja2-3.1.5.dist-info"
    old.mkdir(parents=True)
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: Jinja2\nVersion: 3.1.5\n")
    monkeypatch.syspath_prepend(str(old.parent))
    assert newsletter(site, "--json", "doctor") == 3
    told = [
        {name: check[name] for name in ("state", "subject", "fact", "advice")}
        for check in json.loads(capsys.readouterr().out)["checks"]
        if check["subject"] == "Versions"
    ]
    assert {
        "state": "fail",
        "subject": "Versions",
        "fact": "jinja2 3.1.5: CVE-2025-27516, sandbox escape",
        "advice": "pip install -U 'jinja2>=3.1.6'",
    } in told


@pytest.mark.parametrize(
    ("python", "expat", "states"),
    [
        ((3, 11, 14), (2, 5, 0), ["warn"]),
        ((3, 11, 15), (2, 5, 0), ["ok"]),
        ((3, 13, 11), (2, 4, 0), ["warn", "fail"]),
        ((3, 15, 0), (2, 4, 1), ["ok"]),
    ],
)
def test_H14_python_and_expat_have_floors_too(
    python: tuple[int, int, int], expat: tuple[int, int, int], states: list[str]
) -> None:
    found = check_versions(python, expat)
    assert [check.state for check in found] == states
    assert all("CVE-" in check.fact and check.advice for check in found if check.state != "ok")


# -- topics ----------------------------------------------------------------------------------------


def test_H11_a_topic_that_is_read_cannot_be_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = make_site(tmp_path, 3)
    with reading(site.engine) as connection:
        before = subscribers.by_ids(connection, site.readers)
    assert newsletter(site, "topics", "remove", "graphs", "--yes") == 2
    err = capsys.readouterr().err
    assert (
        "topic 'graphs' is read by 3 subscribers; nothing was removed" in err
        and "topics edit graphs" in err
    )
    with reading(site.engine) as connection:
        assert subscribers.by_ids(connection, site.readers) == before
        topic = topics.get(connection, "graphs")
    assert newsletter(site, "topics", "edit", "graphs", "--query", "graph OR network") == 0
    with reading(site.engine) as connection:
        assert subscribers.by_ids(connection, site.readers) == before
        assert topics.get(connection, "graphs").id == topic.id
    site.run_sql("DELETE FROM subscriber_topics")
    assert newsletter(site, "topics", "remove", "graphs", "--yes") == 0


# -- where the pages are ---------------------------------------------------------------------------


def _at(site: Site, host: str) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(create_app(site.app, lambda: NOW))
    return httpx2.AsyncClient(transport=transport, base_url=f"https://{host}")


async def test_H12_links_in_old_letters_work_after_the_address_has_changed(tmp_path: Path) -> None:
    site = make_site(tmp_path, 1)
    text = (tmp_path / "config.toml").read_text()
    moved = text.replace(
        'base_url = "https://papers.example.org"',
        'base_url = "https://new.example.org"\nformer_urls = ["https://papers.example.org"]',
    )
    (tmp_path / "config.toml").write_text(moved)
    token = site.app.tokens.make("unsubscribe", site.readers[0], 1, NOW)
    preferences = site.app.tokens.make("preferences", site.readers[0], 1, NOW)
    site.app.close()
    site.app = App.open(load_config(tmp_path / "config.toml", {}))
    for host in ("papers.example.org", "new.example.org"):
        async with _at(site, host) as client:
            assert (await client.get("/archive")).status_code == 200
            assert (await client.get(f"/unsubscribe/{token}")).status_code == 200
            page = await client.get(f"/preferences/{preferences}")
            assert page.status_code == 200 and 'action="http' not in page.text
    async with _at(site, "other.example.org") as client:
        assert (await client.get("/archive")).status_code == 400
    async with _at(site, "papers.example.org") as client:
        form = {"Origin": "https://evil.example.org"}
        assert (await client.post(f"/unsubscribe/{token}", headers=form)).status_code == 403
        one_click = await client.post(
            f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"}
        )
        assert one_click.status_code == 200 and not one_click.has_redirect_location
    with reading(site.engine) as connection:
        assert subscribers.get(connection, site.readers[0]).state == "unsubscribed"
