"""A whole site as a folder, and back on another machine."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time

from newsletter.app import App
from newsletter.cli import main
from newsletter.cli.backups import MANIFEST, whole_backups
from newsletter.config_loading import load_config
from newsletter.models import Subscriber
from newsletter.store import subscribers
from newsletter.store.db import reading, writing
from tests.databases import make_folder

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    config = make_folder(folder)
    text = config.read_text().replace("port = 587", 'port = 587\npassword_file = "smtp.password"')
    config.write_text(
        text + '\n[dkim]\ndomain = "example.org"\nselector = "a"\nkey_file = "dkim.key"\n'
    )
    (folder / "smtp.password").write_text("canary")
    app = opened(folder)
    with writing(app.engine) as connection:
        subscribers.add(connection, Subscriber(0, "ada@example.org"), "ada@example.org", NOW)
    app.close()
    return folder


def opened(folder: Path) -> App:
    return App.open(load_config(folder / "config.toml", {}))


def site(folder: Path) -> list[str]:
    return ["-C", str(folder / "config.toml")]


def backed_up(folder: Path, tmp_path: Path) -> Path:
    assert main([*site(folder), "-q", "backup", str(tmp_path / "backups")]) == 0
    return whole_backups(tmp_path / "backups")[-1]


def test_a_backup_holds_the_site_and_only_its_owner_reads_it(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    place = backed_up(folder, tmp_path)
    assert "".join(capsys.readouterr()) == ""  # no output, for cron
    names = {one.name for one in place.iterdir()}
    assert names == {"newsletter.db", "config.toml", "secret.key", "smtp.password", MANIFEST}
    assert place.stat().st_mode & 0o077 == 0
    assert all(one.stat().st_mode & 0o077 == 0 for one in place.iterdir())
    told = json.loads((place / MANIFEST).read_text())
    assert told["key"] == opened(folder).tokens.key_ids[0]


def test_old_backups_go_and_half_made_ones_do_not_count(folder: Path, tmp_path: Path) -> None:
    half = tmp_path / "backups" / "newsletter-20990101T000000Z"
    half.mkdir(parents=True)
    for day in range(4):
        with freeze_time(NOW + timedelta(days=day)):
            command = ["backup", str(tmp_path / "backups"), "--keep", "2"]
            assert main([*site(folder), *command]) == 0
    kept = [one.name for one in whole_backups(tmp_path / "backups")]
    assert kept == ["newsletter-20261125T060000Z", "newsletter-20261126T060000Z"]
    assert half.exists()


def test_a_restored_site_opens_with_its_old_links(folder: Path, tmp_path: Path) -> None:
    place = backed_up(folder, tmp_path)
    old = opened(folder)
    link = old.tokens.make("unsubscribe", 1, 1, NOW)
    old.close()
    shutil.rmtree(folder)
    other = tmp_path / "another" / "machine"
    assert main([*site(other), "restore", str(place.parent), "--yes"]) == 0
    app = opened(other)
    assert app.tokens.read(link, "unsubscribe", NOW).subscriber == 1
    with reading(app.engine) as connection:
        assert [one.email for one in subscribers.search(connection)] == ["ada@example.org"]
    assert (other / "smtp.password").read_text() == "canary"
    assert all(
        (other / name).stat().st_mode & 0o077 == 0
        for name in ("secret.key", "smtp.password", "config.toml")
    )
    app.close()


def test_nothing_that_differs_is_replaced(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    place = backed_up(folder, tmp_path)
    other = tmp_path / "other"
    make_folder(other)  # with a key of its own
    before = {one.name: one.read_bytes() for one in other.iterdir()}
    assert main([*site(other), "restore", str(place), "--yes"]) == 3
    assert "is there already and is another file" in capsys.readouterr().err
    assert {one.name: one.read_bytes() for one in other.iterdir()} == before


def test_K47_a_restore_beside_another_key_changes_nothing(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    place = backed_up(folder, tmp_path)
    (folder / "secret.key").write_text("x" * 64)
    before = (folder / "newsletter.db").read_bytes()
    assert main([*site(folder), "restore", str(place), "--yes"]) == 3
    assert "secret.key is there already" in capsys.readouterr().err
    assert (folder / "newsletter.db").read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda place: (place / "secret.key").write_text("y" * 64), "secret.key is not what was"),
        (lambda place: (place / "newsletter.db").unlink(), "is damaged"),
        (lambda place: change(place, schema="9999"), "newer version"),
        (lambda place: change(place, layout=2), "newer version"),
        (lambda place: (place / MANIFEST).write_text("{"), "is damaged"),
        (lambda place: (place / MANIFEST).unlink(), "is no backup"),
    ],
)
def test_a_backup_that_cannot_be_trusted_changes_nothing(
    folder: Path, tmp_path: Path, capsys: Capture, spoil: object, said: str
) -> None:
    place = backed_up(folder, tmp_path)
    spoil(place)  # type: ignore[operator]  # one of the functions above
    other = tmp_path / "other"
    assert main([*site(other), "restore", str(place), "--yes"]) in (1, 2)
    assert said in capsys.readouterr().err
    assert not (other / "config.toml").exists()


def change(place: Path, **values: object) -> None:
    told = json.loads((place / MANIFEST).read_text())
    (place / MANIFEST).write_text(json.dumps(told | values))
