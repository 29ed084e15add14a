"""A small IMAP server for tests: one folder, the commands of imaplib that are used, one thread."""

import base64
import re
import socket
import socketserver
import ssl
import threading
from typing import Any


class ImapServer:
    """Mails by UID, with flags; `log` has the commands, `faults` answers that are given instead."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.mails: dict[int, bytes] = {}
        self.flags: dict[int, set[str]] = {}
        self.validity = 7
        self.has_keywords = True
        self.password = "secret"
        self.log: list[str] = []
        self.faults: dict[str, str] = {}
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer._talk(self)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> "ImapServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, raw: bytes, *flags: str) -> int:
        uid = max(self.mails, default=0) + 1
        self.mails[uid], self.flags[uid] = raw, set(flags)
        return uid

    def _talk(self, connection: Any) -> None:
        def say(text: str) -> None:
            connection.wfile.write(f"{text}\r\n".encode())

        say("* OK ready")
        for line in connection.rfile:
            tag, _, command = line.decode().strip().partition(" ")
            self.log.append(command)
            verb = command.upper().partition(" ")[0]
            key = next((key for key in self.faults if command.upper().startswith(key)), "")
            if key:
                if self.faults[key] == "close":
                    connection.connection.shutdown(socket.SHUT_RDWR)
                    return
                say(f"{tag} {self.faults[key]}")
            elif verb == "CAPABILITY":
                say("* CAPABILITY IMAP4rev1")
                say(f"{tag} OK done")
            elif verb == "LOGIN":
                is_right = f'"{self.password}"' in command
                say(f"{tag} {'OK' if is_right else 'NO'} login")
            elif verb == "AUTHENTICATE":
                say("+ ")
                given = base64.b64decode(next(connection.rfile)).decode()
                self.log.append(given)
                is_right = given.endswith(f"\0{self.password}")
                say(f"{tag} {'OK' if is_right else 'NO'} login")
            elif verb in ("SELECT", "EXAMINE"):
                say(f"* {len(self.mails)} EXISTS")
                say(f"* OK [UIDVALIDITY {self.validity}] valid")
                say(f"{tag} OK [READ-WRITE] selected")
            elif verb == "UID":
                self._uid(command, say, connection)
                refused = "STORE" in command and not self.has_keywords
                say(f"{tag} {'NO' if refused else 'OK'} done")
            elif verb == "LOGOUT":
                say("* BYE")
                say(f"{tag} OK bye")
                return
            else:
                say(f"{tag} BAD unknown")

    def _uid(self, command: str, say: Any, connection: Any) -> None:
        if found := re.match(r"UID SEARCH UID (\d+):\*", command):
            first = int(found[1])
            uids = [uid for uid in self.mails if uid >= first] or [*self.mails][-1:]
            say("* SEARCH " + " ".join(map(str, uids)))
        elif found := re.match(r"UID FETCH (\d+) \(FLAGS BODY\.PEEK\[\]<0\.(\d+)>\)", command):
            uid = int(found[1])
            if uid in self.mails:
                raw, flags = self.mails[uid][: int(found[2])], " ".join(sorted(self.flags[uid]))
                say(f"* {uid} FETCH (UID {uid} FLAGS ({flags}) BODY[]<0> {{{len(raw)}}}")
                connection.wfile.write(raw + b")\r\n")
        elif (
            found := re.match(r"UID STORE (\d+) \+FLAGS\.SILENT \((\w+)\)", command)
        ) and self.has_keywords:
            self.flags[int(found[1])].add(found[2])
