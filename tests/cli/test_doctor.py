"""What `doctor` says about the places that returned mail is fetched from."""

import json
import mailbox
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from newsletter import cli
from newsletter.cli.checks import check_returned_mail
from newsletter.config import Config
from tests.faults.site import make_site
from tests.inbound.imap_server import ImapServer

Capture = pytest.CaptureFixture[str]


def asked(folder: Path, capsys: Capture, bounces: str) -> list[dict[str, Any]]:
    """Run `doctor` on a site with these lines in [bounces]; return its checks of returned mail."""
    (folder / "password").write_text("secret")
    (folder / "password").chmod(0o600)
    site = make_site(folder, 1, smtp=f"[bounces]\n{bounces}\n")
    capsys.readouterr()
    ended = cli.main(["-C", str(site.folder / "config.toml"), "--no-input", "--json", "doctor"])
    said = capsys.readouterr().out
    assert "secret" not in said.replace("secret.key", "")
    checks = json.loads(said)["checks"]
    found = [check for check in checks if check["subject"] == "Returned mail"]
    assert ended == (5 if all(check["is_unreachable"] for check in _failed(checks)) else 3)
    return found


def _failed(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [check for check in checks if check["state"] == "fail"]


def imap(port: int, folder: str = "Returns") -> str:
    return f'imap = "imap://papers@127.0.0.1:{port}/{folder}"\nimap_password_file = "password"'


def test_doctor_logs_in_and_opens_the_folder_without_changing_it(
    tmp_path: Path, capsys: Capture
) -> None:
    with ImapServer() as server:
        server.add(b"From: a@example.net\r\n\r\nx\r\n", "\\Recent")
        (check,) = asked(tmp_path, capsys, imap(server.port))
        assert (check["state"], check["advice"]) == ("ok", "")
        assert check["fact"] == "imap 127.0.0.1: login works, the folder Returns can be read"
        assert [line.split()[0] for line in server.log if "CAPABILITY" not in line] == [
            "LOGIN",
            "EXAMINE",
            "LOGOUT",
        ]
        assert server.flags == {1: {"\\Recent"}}


@pytest.mark.parametrize(
    ("fault", "answer", "fact", "advice"),
    [
        ("LOGIN", "NO wrong password", "wrong password", "check the user in bounces.imap and "),
        ("EXAMINE", "NO no such folder", "the folder Returns cannot", "make the folder, or name "),
        ("EXAMINE", "close", "", "check host and port in bounces.imap"),
    ],
)
def test_doctor_says_what_a_mail_server_refuses(
    tmp_path: Path, capsys: Capture, fault: str, answer: str, fact: str, advice: str
) -> None:
    with ImapServer() as server:
        server.faults[fault] = answer
        (check,) = asked(tmp_path, capsys, imap(server.port))
    assert (check["state"], check["is_unreachable"]) == ("fail", answer == "close")
    assert check["fact"].startswith("imap 127.0.0.1: ") and fact in check["fact"]
    assert "b'" not in check["fact"] and check["advice"].startswith(advice)


def test_doctor_says_that_no_mail_server_answers(tmp_path: Path, capsys: Capture) -> None:
    (check,) = asked(tmp_path, capsys, imap(1))
    assert (check["state"], check["is_unreachable"]) == ("fail", True)
    assert "refused" in check["fact"] and "host and port" in check["advice"]


def test_doctor_looks_at_the_maildir(tmp_path: Path, capsys: Capture) -> None:
    box = tmp_path / "box"
    (check,) = asked(tmp_path, capsys, f'maildir = "{box}"')
    assert (check["state"], check["fact"]) == ("warn", f"{box} does not exist yet")
    assert "your mail server" in check["advice"] and not box.exists()
    mailbox.Maildir(box, create=True)
    (found,) = check_returned_mail(Config.model_validate({"bounces": {"maildir": box}}))
    assert (found.state, found.advice) == ("ok", "")


@pytest.mark.parametrize("wrong", ["a file", "no maildir", "no parent"])
def test_doctor_says_why_a_maildir_cannot_be_read(
    tmp_path: Path, capsys: Capture, wrong: str
) -> None:
    box = tmp_path / "box"
    if wrong == "a file":
        box.write_text("")
    elif wrong == "no maildir":
        box.mkdir()
    else:
        box = tmp_path / "none" / "box"
    (check,) = asked(tmp_path, capsys, f'maildir = "{box}"')
    said = {
        "a file": f"{box}/cur: Not a directory",
        "no maildir": f"{box}/cur: No such file or directory",
        "no parent": f"{box.parent}: No such file or directory",
    }
    assert (check["state"], check["fact"]) == ("fail", said[wrong])
    assert "bounces.maildir" in check["advice"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_doctor_says_that_a_maildir_belongs_to_somebody_else() -> None:
    with tempfile.TemporaryDirectory() as folder:
        box = Path(folder) / "box"
        mailbox.Maildir(box, create=True)
        for one in (Path(folder), box, *box.iterdir()):
            one.chmod(0o755)
        config = Config.model_validate({"bounces": {"maildir": box}})
        os.seteuid(65_534)
        try:
            (check,) = check_returned_mail(config)
        finally:
            os.seteuid(0)
    assert (check.state, check.fact) == ("fail", f"{box}/cur: Permission denied")
    assert "the user that runs newsletter" in check.advice
