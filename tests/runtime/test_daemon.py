"""The daemon as a process: clock, pages and delivery, and how it ends."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from newsletter.cli import main
from tests.databases import make_folder
from tests.mailbox import Mailbox


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with Mailbox() as box:
        yield box


@pytest.fixture
def site(tmp_path: Path, mailbox: Mailbox) -> Path:
    """A site with one paper, and one reader whose hour it is now."""
    make_folder(tmp_path)
    now = datetime.now(UTC)
    (tmp_path / "config.toml").write_text(
        f"""
        [site]
        from = "digest@papers.example.org"
        base_url = "https://papers.example.org"
        [smtp]
        port = {mailbox.port}
        security = "none"
        [web]
        port = {free_port()}
        """
    )
    paper = {
        "id": "2611.00001",
        "title": "Reasoning models that check themselves",
        "abstract": "Language models reason.",
        "authors": ["Ann Aber"],
        "categories": ["cs.CL"],
        "published": (now - timedelta(hours=5)).isoformat(),
        "url": "https://arxiv.org/abs/2611.00001",
    }
    (tmp_path / "papers.jsonl").write_text(json.dumps(paper) + "\n")
    (tmp_path / "readers.csv").write_text(
        "email,name,topics,timezone,hour,rhythm,status\nada@example.org,"
        f",reasoning,UTC,{now.hour},daily,active\n"
    )
    config = ["-C", str(tmp_path / "config.toml"), "-q"]
    assert main([*config, "papers", "import", str(tmp_path / "papers.jsonl")]) == 0
    assert (
        main(
            [*config, "subscribers", "import", str(tmp_path / "readers.csv"), "--consent", "asked"]
        )
        == 0
    )
    return tmp_path


async def start(site: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("newsletter"),
        "-C",
        str(site / "config.toml"),
        "daemon",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )


def get(site: Path, path: str) -> tuple[int, str]:
    port = (site / "config.toml").read_text().rpartition("port = ")[2].split()[0]
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.status, answer.read().decode()


async def until(is_so: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_the_daemon_sends_what_is_due_serves_pages_and_ends_on_sigterm(
    site: Path, mailbox: Mailbox
) -> None:
    daemon = await start(site)
    await until(lambda: mailbox.raw)
    assert [to for to, _ in mailbox.raw] == ["ada@example.org"]
    status, page = await asyncio.to_thread(get, site, "/")
    assert status == 200 and "<form" in page

    second = await start(site)
    _, said = await second.communicate()
    assert second.returncode == 75 and b"daemon" in said

    daemon.send_signal(signal.SIGTERM)
    _, log = await asyncio.wait_for(daemon.communicate(), 15)
    assert daemon.returncode == 0, log.decode()[-2000:]
    assert b"Traceback" not in log

    again = await start(site)
    await asyncio.sleep(2.5)
    again.send_signal(signal.SIGTERM)
    await asyncio.wait_for(again.communicate(), 15)
    assert len(mailbox.raw) == 1  # a restart repeats nothing


async def test_an_address_in_use_ends_the_daemon_and_says_so(site: Path, mailbox: Mailbox) -> None:
    port = int((site / "config.toml").read_text().rpartition("port = ")[2].split()[0])
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", port)
    daemon = await start(site)
    _, log = await asyncio.wait_for(daemon.communicate(), 20)
    server.close()
    assert daemon.returncode == 3
    assert f"cannot listen on 127.0.0.1:{port}" in log.decode()


def post(site: Path, path: str, form: str) -> int:
    port = (site / "config.toml").read_text().rpartition("port = ")[2].split()[0]
    with urlopen(f"http://127.0.0.1:{port}{path}", form.encode(), timeout=5) as answer:
        return int(answer.status)


async def test_K31_a_confirmation_leaves_within_two_seconds_of_the_form(
    site: Path, mailbox: Mailbox
) -> None:
    config = (site / "config.toml").read_text()
    local = re.sub(r'base_url = "[^"]*"', 'base_url = "http://localhost:8080"', config)
    (site / "config.toml").write_text(local)  # a public site asks DNS about example.net
    daemon = await start(site)
    await until(lambda: mailbox.raw)  # the first tick is over; the next one is a minute away
    await asyncio.sleep(0.5)
    for name in ("bo", "cy"):
        before = asyncio.get_running_loop().time()
        await asyncio.to_thread(post, site, "/subscribe", f"email={name}%40example.net")
        await until(lambda name=name: any(to == f"{name}@example.net" for to, _ in mailbox.raw))
        assert asyncio.get_running_loop().time() - before < 2
    daemon.send_signal(signal.SIGTERM)
    _, log = await asyncio.wait_for(daemon.communicate(), 15)
    assert daemon.returncode == 0 and b"Traceback" not in log, log.decode()[-2000:]
    assert len(mailbox.raw) == 3


async def test_K31_answers_leave_while_a_day_is_prepared(
    site: Path, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sources and summaries may take minutes; who asks to subscribe meanwhile does not wait."""
    from newsletter import summaries
    from newsletter.app import App
    from newsletter.config import Summaries
    from newsletter.config_loading import load_config
    from newsletter.runtime.daemon import Daemon

    config = load_config(site / "config.toml", {})
    section = Summaries(url="http://localhost:1/v1", model="slow")
    app = App.open(config.model_copy(update={"summaries": section}))
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*_: object) -> dict[int, str]:
        asked.set()
        await go_on.wait()
        return {}

    monkeypatch.setattr(summaries, "write", slow)
    daemon = Daemon(app)
    port = free_port()
    serving = asyncio.create_task(daemon.serve("127.0.0.1", port))
    await asyncio.wait_for(asked.wait(), 20)
    text = (site / "config.toml").read_text().rpartition("port = ")[0]
    (site / "config.toml").write_text(f"{text}port = {port}\n")
    await asyncio.to_thread(post, site, "/subscribe", "email=bo%40example.net")
    await until(lambda: [to for to, _ in mailbox.raw] == ["bo@example.net"], 5)
    go_on.set()
    await until(lambda: len(mailbox.raw) == 2)
    daemon.stop.set()
    await asyncio.wait_for(serving, 30)
    app.close()
    assert sorted(to for to, _ in mailbox.raw) == ["ada@example.org", "bo@example.net"]
