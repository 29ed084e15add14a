"""A Postfix of its own on loopback: it takes what the site sends, delivers to mailboxes of
example.org, and hands what is for the site's domain to its LMTP listener.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.needs import missing, program

#: Bytes of a mailbox; no message may be larger.
FULL = 60_000
_DAEMONS = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mx.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
smtpd_reject_unlisted_recipient = no
virtual_mailbox_domains = example.org
virtual_mailbox_maps = inline:{{ full@example.org=full, here@example.org=here }}
virtual_mailbox_base = {folder}/boxes
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_mailbox_limit = {limit}
message_size_limit = {limit}
relay_domains = papers.example.org, away.example.org
transport_maps = inline:{{ papers.example.org=lmtp:inet:[127.0.0.1]:{lmtp}, \
away.example.org=smtp:[127.0.0.1]:{nobody} }}
delay_warning_time = 1s
maximal_queue_lifetime = 4s
bounce_queue_lifetime = 20s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
disable_dns_lookups = yes
smtpd_forbid_bare_newline = yes
"""


class Postfix:
    """Runs inside `with`. Mailboxes: here@example.org takes mail, full@example.org has no space
    left; nobody listens where mail to away.example.org goes; all other addresses do not exist.
    """

    def __init__(self, port: int, lmtp_port: int) -> None:
        """`port`: where it listens."""
        self.program = program("postfix")
        if os.geteuid() != 0:
            missing("Postfix starts for root only")
        #: Not below pytest's folder, which is closed to Postfix's own user.
        self.folder = Path(tempfile.mkdtemp(prefix="newsletter-postfix-"))
        self.port, self._lmtp_port = port, lmtp_port

    def __enter__(self) -> "Postfix":
        self.folder.chmod(0o755)
        for name in ("etc", "queue", "data", "boxes"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        shutil.chown(self.folder / "boxes", 65534, 65534)
        main = _MAIN.format(
            folder=self.folder, limit=FULL, lmtp=self._lmtp_port, nobody=free_port()
        )
        (self.folder / "etc" / "main.cf").write_text(main)
        (self.folder / "etc" / "master.cf").write_text(_DAEMONS.format(port=self.port))
        box = self.folder / "boxes" / "full"
        box.write_bytes(b"From a@example.org\n\n" + b"x" * (FULL - 100) + b"\n\n")
        shutil.chown(box, 65534, 65534)
        command = [self.program, "-c", str(self.folder / "etc"), "start-fg"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, process_group=0
        )
        self._wait()
        return self

    def _wait(self) -> None:
        for _ in range(200):
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                    if connection.recv(99).startswith(b"220"):
                        return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"Postfix does not answer:\n{self.log()}")

    def __exit__(self, *_: object) -> None:
        stop = [self.program, "-c", str(self.folder / "etc"), "stop"]
        subprocess.run(stop, capture_output=True, timeout=20, check=False)
        self._process.kill()
        self._process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def box(self, name: str) -> str:
        """All that was delivered to a mailbox."""
        path = self.folder / "boxes" / name
        return path.read_text("utf-8", "replace") if path.exists() else ""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
