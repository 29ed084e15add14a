"""The first use of the program: fast answers, hints that can be copied, completion."""

import fcntl
import json
import os
import pty
import re
import shlex
import socket
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from pathlib import Path

import pytest
import typer

from newsletter.cli import app, main, output

Capture = pytest.CaptureFixture[str]
PROGRAM = Path(sys.executable).with_name("newsletter")

#: Modules that `--version` and `--help` must not load.
HEAVY = ("sqlalchemy", "numpy", "tantivy", "starlette", "feedparser", "rich", "uvicorn", "jinja2")

LOADED = """
import sys
from newsletter.cli import main
main(sys.argv[1:])
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(*words: str) -> set[str]:
    """Run the program in a fresh interpreter; return the top-level modules that it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("words", ["--version", "--help", "", "completion bash"])
def test_the_first_answer_loads_nothing_heavy(words: str) -> None:
    assert not loaded(*words.split()) & {*HEAVY}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="read from /proc")
@pytest.mark.parametrize("words", ["--version", "--help"])
def test_the_first_answer_needs_little_memory(words: str) -> None:
    peak = "open('/proc/self/status').read().partition('VmHWM:')[2].split()[0]"
    code = LOADED.replace('*sorted({name.partition(".")[0] for name in sys.modules})', peak)
    done = subprocess.run(
        [sys.executable, "-c", code, words], capture_output=True, text=True, check=True
    )
    assert int(done.stderr) < 40_000  # KB


def test_an_open_site_loads_what_fetches_and_plans_only_when_it_does() -> None:
    code = LOADED.replace(
        "from newsletter.cli import main\nmain(sys.argv[1:])", "import newsletter.app"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = set(done.stderr.split())
    assert "sqlalchemy" in found and not found & {"numpy", "tantivy", "feedparser", "httpx2"}


def test_a_command_looks_for_garbage_seldom_and_not_at_its_end() -> None:
    code = """
import atexit, gc, sys
atexit.register(lambda: print(gc.get_threshold()[0], gc.get_freeze_count() > 0, file=sys.stderr))
from newsletter.cli import run
run()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=True
    )
    assert done.stderr.split() == ["10000", "True"]


def commands() -> list[str]:
    found = []

    def walk(command: object, path: str) -> None:
        children = getattr(command, "commands", None)
        found.append(path)
        for name, child in (children or {}).items():
            walk(child, f"{path} {name}".strip())

    walk(typer.main.get_command(app), "")
    return found


def test_the_help_of_no_command_loads_anything_heavy() -> None:
    every = f"for words in {commands()!r}:\n    main([*words.split(), '--help'])\n"
    code = LOADED.replace("main(sys.argv[1:])\n", every)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stderr.split()) & {*HEAVY}


def complete(shell: str, line: str) -> list[str]:
    """Return the program's completions at the cursor, as the shell's own script asks for them."""
    words = line.split(" ")
    asked = {
        "bash": {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }
    environment = {**os.environ, "_NEWSLETTER_COMPLETE": f"complete_{shell}", **asked[shell]}
    done = subprocess.run([PROGRAM], env=environment, capture_output=True, text=True)
    return re.findall(r"^[\"(]*([\w-]+)", done.stdout.replace("((", "\n"), re.M)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_completes_commands_and_their_options(shell: str) -> None:
    assert "subscribers" in complete(shell, "newsletter sub")
    assert complete(shell, "newsletter -C site/config.toml subscribers im")[-1] == "import"
    assert "--dry-run" in complete(shell, "newsletter --json subscribers import --")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_where_a_file_may_stand_no_command_is_offered(shell: str) -> None:
    assert complete(shell, "newsletter -C s") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_calls_the_program_back(shell: str, capsys: Capture) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"_NEWSLETTER_COMPLETE=complete_{shell}" in script and "newsletter" in script


def test_bash_completes_with_the_script_that_is_printed(tmp_path: Path) -> None:
    script = subprocess.run([PROGRAM, "completion", "bash"], capture_output=True, text=True).stdout
    (tmp_path / "completion.sh").write_text(script)
    typed = (
        f"source {tmp_path}/completion.sh; COMP_WORDS=(newsletter -C x.toml topics te); "
        'COMP_CWORD=4; _newsletter_completion newsletter; echo "${COMPREPLY[@]}"'
    )
    path = f"{PROGRAM.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", typed], env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.stdout.split() == ["test"]


def test_an_unknown_shell_is_a_mistake_of_usage(capsys: Capture) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "tcsh" in capsys.readouterr().err


# -- hints -----------------------------------------------------------------------------------------


def test_a_hint_names_the_program_as_it_was_called_with_its_configuration(tmp_path: Path) -> None:
    config = tmp_path / "my site" / "config.toml"
    elsewhere = {**os.environ, "PATH": os.defpath}
    made = subprocess.run(
        [PROGRAM, "-C", config, "init"], env=elsewhere, capture_output=True, text=True
    )
    assert f"{PROGRAM} -C '{config}' doctor" in made.stdout
    asked = subprocess.run(
        [PROGRAM, "subscribers", "show", "nobody@uni-a.org", "-C", config],
        env=elsewhere,
        capture_output=True,
        text=True,
    )
    hint = asked.stderr.splitlines()[-1].partition(": ")[2]
    done = subprocess.run(hint, shell=True, capture_output=True, text=True)
    assert hint.startswith(str(PROGRAM)) and done.returncode == 0, hint


def test_a_hint_is_short_where_the_program_is_on_the_path(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
    asked = subprocess.run(
        ["newsletter", "status"], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert str(PROGRAM.parent) not in asked.stderr


def test_usage_lines_name_the_program_as_it_was_called(capsys: Capture) -> None:
    assert main(["topics", "list", "--nonsense"], program="./bin/newsletter") == 2
    assert "./bin/newsletter topics list --help" in capsys.readouterr().err


def test_words_about_a_newsletter_are_no_command() -> None:
    output.begin("./bin/newsletter").name_config("x.toml")
    try:
        assert output.as_called("see: newsletter topics list") == (
            "see: ./bin/newsletter -C x.toml topics list"
        )
        assert output.as_called("/srv/newsletter is full") == "/srv/newsletter is full"
        assert output.as_called("newsletter -C demo/config.toml status") == (
            "./bin/newsletter -C demo/config.toml status"
        )
    finally:
        output.begin()


def test_the_hint_about_a_missing_configuration_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`init` refuses -C beside --dir, so the hint names only what was given."""
    monkeypatch.chdir(tmp_path)
    for options in ([], ["-C", "lab/site.toml"]):
        assert main([*options, "status"]) == 3
        hint = capsys.readouterr().err.strip().splitlines()[-1].partition(": ")[2]
        words = shlex.split(hint)
        assert words[0] == "newsletter" and "DIR" not in words
        assert main(words[1:]) == 0
        assert main([*options, "config", "check"]) == 0
        capsys.readouterr()


# -- init and doctor -------------------------------------------------------------------------------


def test_init_writes_the_file_that_is_named(tmp_path: Path, capsys: Capture) -> None:
    config = tmp_path / "library" / "papers.toml"
    assert main(["-C", str(config), "init"]) == 0
    assert config.exists() and (config.parent / "secret.key").exists()
    assert not (config.parent / "config.toml").exists()
    assert main(["-C", str(config), "status"]) == 0


def test_init_writes_what_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_CONFIG", str(tmp_path / "a" / "x.toml"))
    assert main(["init"]) == 0 and (tmp_path / "a" / "x.toml").exists()
    assert main(["init", "--dir", str(tmp_path / "b")]) == 0
    assert (tmp_path / "b" / "config.toml").exists()


def test_init_refuses_two_places_and_a_folder(tmp_path: Path, capsys: Capture) -> None:
    assert main(["-C", str(tmp_path / "x.toml"), "init", "--dir", str(tmp_path / "y")]) == 2
    assert main(["-C", str(tmp_path), "init"]) == 2
    assert shlex.quote(str(tmp_path / "config.toml")) in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def test_doctor_with_the_relay_down_ends_with_5(tmp_path: Path, capsys: Capture) -> None:
    config = tmp_path / "config.toml"
    assert main(["-C", str(config), "init"]) == 0
    text = config.read_text().replace("port = 587", f"port = {closed_port()}")
    config.write_text(text)
    assert main(["-C", str(config), "doctor"]) == 5
    config.write_text(f'{text}\n[dkim]\ndomain = "x.org"\nselector = "s"\nkey_file = "nofile"\n')
    assert main(["-C", str(config), "doctor"]) == 3  # what is set up wrongly comes first


# -- tables ----------------------------------------------------------------------------------------


def on_a_terminal(columns: int, *words: str) -> str:
    """Run the program on a terminal of this width; return the screen."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    environment["TERM"] = "xterm"
    process = subprocess.Popen([PROGRAM, *words], stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait(30) == 0, shown
    return shown.decode()


def test_a_path_in_a_table_is_never_broken_over_lines(tmp_path: Path) -> None:
    folder = tmp_path / ("a-folder-with-a-long-name" * 3)
    assert main(["init", "--dir", str(folder)]) == 0
    shown = on_a_terminal(60, "-C", str(folder / "config.toml"), "config", "show")
    assert str(folder / "secret.key") in shown
    assert f"sqlite:///{folder / 'newsletter.db'}" in shown


def test_an_address_in_a_table_is_never_broken_over_lines(tmp_path: Path) -> None:
    config = str(tmp_path / "config.toml")
    email = f"{'long-name-of-a-reader' * 3}@library.uni-a.org"
    assert main(["-C", config, "init"]) == 0
    assert main(["-C", config, "subscribers", "add", email]) == 0
    assert email in on_a_terminal(40, "-C", config, "subscribers", "list")


# -- the demo --------------------------------------------------------------------------------------


def test_the_demo_refuses_a_port_that_is_taken_before_it_plays(
    tmp_path: Path, capsys: Capture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["demo", "--serve", "--port", port, "--dir", str(tmp_path / "d")]) == 2
    assert f"port {port}" in capsys.readouterr().err and not (tmp_path / "d").exists()


def test_the_demo_serves_on_the_port_that_is_named(tmp_path: Path) -> None:
    port = closed_port()
    words = ["demo", "--serve", "--port", str(port), "--dir", str(tmp_path / "d"), "--json"]
    with subprocess.Popen([PROGRAM, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["letters"]
        try:
            assert "Letters" in first_page(f"http://localhost:{port}/outbox")
        finally:
            process.terminate()


def first_page(url: str) -> str:
    """A page of a server that is about to start."""
    for _ in range(100):
        try:
            with urllib.request.urlopen(url) as page:
                return str(page.read())
        except OSError:
            time.sleep(0.1)
    pytest.fail("no page")


@pytest.mark.parametrize(
    ("cell", "is_whole"),
    [
        ("2026-11-25T12:30Z", True),
        ("2026-11-25T12:30:05Z", True),
        ("2026-11-25", True),
        ("ada@example.org", True),
        ("/etc/newsletter", True),
        ("see /etc", False),
        ("2026-11-25 was quiet", False),
        ("word", False),
    ],
)
def test_paths_addresses_and_moments_are_never_broken_over_lines(cell: str, is_whole: bool) -> None:
    assert output._is_whole(cell) is is_whole
