"""A copy of a site, started elsewhere, sends nothing that the first one sends too."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from newsletter.config_loading import load_config
from newsletter.errors import StoreError
from newsletter.runtime.daemon import Daemon
from newsletter.store import site_lock
from newsletter.store.db import writing
from tests.faults.server import Server
from tests.faults.site import DAY, NOW, OPEN, QuickApp, Site, check, finished, freeze, make_site


def copied(site: Site, folder: Path) -> Site:
    shutil.copytree(site.folder, folder)
    text = (folder / "config.toml").read_text().replace(str(site.folder), str(folder))
    (folder / "config.toml").write_text(text)
    app = QuickApp.open(load_config(folder / "config.toml", {}))
    OPEN.append(app)
    return Site(folder, app, site.readers, site.now)


async def test_B13_a_copy_sends_nothing_until_it_is_adopted_and_then_nothing_twice(
    tmp_path: Path,
) -> None:
    (tmp_path / "one").mkdir()
    async with Server() as server:
        site = make_site(tmp_path / "one", 3, server.port)
        site_lock.require_home(site.engine)  # it has been sent from here
        clone = copied(site, tmp_path / "two")
        with pytest.raises(
            StoreError, match=r"last sent from .*one/site\.db; nothing is sent"
        ) as e:
            await clone.deliver()
        assert "newsletter db adopt" in e.value.hint and not server.lines
        await site.deliver()
        assert site.states() == {"sent": 3}
        code, out, error = await asyncio.to_thread(
            finished, clone.newsletter("db", "adopt", "--yes")
        )
        assert code == 0, error
        assert "3" in out and clone.states() == {"held": 3}
        freeze(clone.engine, clone.readers, DAY + timedelta(days=1), NOW, 3)
        await clone.deliver()
        assert clone.states() == {"held": 3, "sent": 3}
        with pytest.raises(StoreError):
            site_lock.require_home(copied(clone, tmp_path / "three").engine)
    check(site, Server(accepted=server.accepted[:3]))


async def test_B13_the_daemon_of_a_copy_works_on_but_does_not_send(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    async with Server() as server:
        site = make_site(tmp_path / "one", 2, server.port)
        site_lock.require_home(site.engine)
        clone = copied(site, tmp_path / "two")
        daemon = Daemon(clone.app, lambda: NOW)
        daemon.fetched_at = NOW + timedelta(days=900)  # no source is asked
        await daemon.tick()
        assert clone.states() == {"pending": 2} and not server.lines
        await site.deliver()
        check(site, server)


def test_B13_another_machine_with_the_same_path_is_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(tmp_path, 1)
    for machine in ("one", "two"):
        (tmp_path / machine).write_text(machine)
    monkeypatch.setattr(site_lock, "MACHINE_ID", tmp_path / "one")
    site_lock.require_home(site.engine)
    monkeypatch.setattr(site_lock, "MACHINE_ID", tmp_path / "two")
    with pytest.raises(StoreError, match="on another machine"):
        site_lock.require_home(site.engine)
    with writing(site.engine) as connection:
        assert site_lock.settle_here(site.engine, connection, NOW) == 1
    site_lock.require_home(site.engine)


def test_B13_with_postgresql_many_machines_may_send(
    postgres: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_lock.require_home(postgres)
    monkeypatch.setattr(site_lock, "MACHINE_ID", Path("/proc/self/cmdline"))
    site_lock.require_home(postgres)
