"""A database knows which key it belongs to (K47)."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.app import App
from newsletter.cli import main
from newsletter.config_loading import load_config
from newsletter.errors import ConfigError
from newsletter.models import Subscriber, SubscriberState
from newsletter.store import site_key, subscribers, suppressions
from newsletter.store.db import reading, writing
from newsletter.tokens import Tokens
from tests.databases import make_folder

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
OLD, NEW = "o" * 40, "n" * 40
LIST = "email,topics,status\nerased@example.org,reasoning,active\n"
ACTIVE = SubscriberState.ACTIVE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site with the key OLD: one suppressed reader, and one who was erased."""
    make_folder(tmp_path)
    set_key(tmp_path, OLD)
    app = opened(tmp_path)
    with writing(app.engine) as connection:
        gone = subscribers.add(
            connection, Subscriber(0, "gone@example.org"), "gone@example.org", NOW
        )
        subscribers.set_state(connection, gone.id, SubscriberState.SUPPRESSED, "no such user")
        hashed = app.tokens.address_hash
        suppressions.suppress(connection, hashed("gone@example.org"), "bounce", NOW)
        suppressions.suppress(connection, hashed("erased@example.org"), suppressions.ERASED, NOW)
    app.close()
    return tmp_path


def set_key(folder: Path, *secrets: str) -> None:
    (folder / "secret.key").write_text("\n".join(secrets) + "\n")


def opened(folder: Path) -> App:
    return App.open(load_config(folder / "config.toml", {}))


def test_K47_another_key_starts_nothing_and_says_which_one_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened(folder).close()
    set_key(folder, NEW)
    needed = Tokens([OLD.encode()]).key_ids[0]
    site = ["-C", str(folder / "config.toml")]
    for command in (["run"], ["daemon"], ["subscribers", "list"], ["send"]):
        assert main([*site, *command]) == 3
        said = capsys.readouterr().err
        assert needed in said and "newsletter -C" in said and "db adopt-key" in said
    assert main([*site, "doctor"]) != 0
    assert needed in capsys.readouterr().out


def test_K47_a_new_secret_stands_above_the_old_one(folder: Path) -> None:
    set_key(folder, NEW, OLD)
    opened(folder).close()
    set_key(folder, OLD, NEW)
    with pytest.raises(ConfigError, match="must be the last line"):
        opened(folder)


def test_K47_suppressed_readers_stay_so_after_a_key_is_lost(folder: Path) -> None:
    set_key(folder, NEW)
    assert main(["-C", str(folder / "config.toml"), "db", "adopt-key", "--yes"]) == 0
    app = opened(folder)
    with reading(app.engine) as connection:
        hashed = app.tokens.address_hash("gone@example.org")
        assert suppressions.suppression(connection, hashed) == "bounce"
        assert site_key.lost(connection) == 1  # the erased one
    app.close()


def test_K47_nobody_is_imported_as_active_while_erased_people_are_not_recognised(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = tmp_path / "people.csv"
    people.write_text(LIST + "gone@example.org,reasoning,active\n")
    site = ["-C", str(folder / "config.toml")]
    consent = ["subscribers", "import", str(people), "--consent", "on paper"]
    set_key(folder, NEW)
    assert main([*site, "db", "adopt-key", "--yes"]) == 0
    main([*site, *consent])
    assert "asked by mail first" in "".join(capsys.readouterr())
    with reading(opened(folder).engine) as connection:
        states = {one.email: one.state for one in subscribers.search(connection)}
    assert states == {
        "gone@example.org": SubscriberState.SUPPRESSED,
        "erased@example.org": SubscriberState.PENDING,
    }


def test_K47_with_its_own_key_an_erased_person_is_not_imported(folder: Path) -> None:
    people = folder / "people.csv"
    people.write_text(LIST + "new@example.org,reasoning,active\n")
    site = ["-C", str(folder / "config.toml")]
    main([*site, "subscribers", "import", str(people), "--consent", "on paper"])
    with reading(opened(folder).engine) as connection:
        assert {one.email for one in subscribers.search(connection, states=[ACTIVE])} == {
            "new@example.org"
        }


def test_an_id_of_a_key_does_not_tell_the_key() -> None:
    ids = Tokens([NEW.encode(), OLD.encode()]).key_ids
    assert len({*ids}) == 2 and all(len(one) == 12 for one in ids)
    assert ids[1] == Tokens([OLD.encode()]).key_ids[0]
