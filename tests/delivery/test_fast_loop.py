"""Delivery on uvloop, in a process of its own: this one runs on asyncio's loop."""

import asyncio
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

from tests.faults.server import Server
from tests.faults.site import NOW, ROOT, check, make_site
from tests.needs import missing

SCRIPT = """
import asyncio, sys
from datetime import datetime
from pathlib import Path

import uvloop

from newsletter import event_loop
from newsletter.app import App
from newsletter.config_loading import load_config

async def deliver():
    assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
    app = App.open(load_config(Path(sys.argv[1]), {}))
    return await app.deliver(datetime.fromisoformat(sys.argv[2]))

done = event_loop.run(deliver())
assert not done.problems, done.problems
"""


async def test_letters_leave_on_uvloop_too(tmp_path: Path) -> None:
    if PathFinder.find_spec("uvloop") is None:  # this process does without
        missing("uvloop is not installed: pip install -e '.[fast]'")
    async with Server() as server:
        site = make_site(tmp_path, 9, server.port, connections=2)
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / "config.toml"), NOW.isoformat()]
        ended = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=60
        )
    assert ended.returncode == 0, ended.stderr
    check(site, server)
    assert site.states() == {"sent": 9}
