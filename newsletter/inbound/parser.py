"""Read mail in a child process with a time limit."""

import atexit
import json
import selectors
import subprocess
import sys
import threading
import time
from typing import Any

#: Most bytes of a mail that are accepted, and that are read: reports have their content at the
#: beginning.
MOST_BYTES, READ_BYTES = 1_000_000, 256_000
#: Seconds that one mail may take, and that a new child may take to start.
TIME_S, START_S = 5.0, 20.0
#: A child is replaced after this many mails, to free its memory.
MAILS_A_CHILD = 2_000


class UnreadableError(Exception):
    """A mail that could not be read. The text is a sentence for the operator."""


class Parser:
    """A child process that reads mail; started when first needed. Thread-safe."""

    def __init__(self, time_s: float = TIME_S) -> None:
        self._time_s = time_s
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._mails = 0

    def ask(self, op: str, raw: bytes, **more: Any) -> Any:
        """Ask one question about a mail (see `parse_child`). Raises: UnreadableError."""
        raw = raw[:READ_BYTES]
        with self._lock:
            child = self._begin()
            question = json.dumps({"op": op, "size": len(raw), **more}).encode() + b"\n"
            try:
                line = self._exchange(child, question + raw)
                answer = json.loads(line)
            except TimeoutError as e:
                self._end()
                raise UnreadableError(f"it could not be read in {self._time_s:g} s") from e
            except (OSError, ValueError) as e:
                self._end()
                raise UnreadableError("the process that read it ended") from e
        if "error" in answer:
            raise UnreadableError(f"it could not be read: {answer['error']}")
        return answer["answer"]

    def close(self) -> None:
        with self._lock:
            self._end()

    def _begin(self) -> subprocess.Popen[bytes]:
        self._mails += 1
        if self._mails > MAILS_A_CHILD or (self._child and self._child.poll() is not None):
            self._end()
        if self._child is None:
            self._mails = 1
            self._child = subprocess.Popen(
                [sys.executable, "-m", "newsletter.inbound.parse_child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._child

    def _exchange(self, child: subprocess.Popen[bytes], question: bytes) -> bytes:
        """Write a question and read the answer's line, within the time limit."""
        if child.stdin is None or child.stdout is None:
            raise OSError("no pipes")
        limit = self._time_s + (START_S if self._mails == 1 else 0)
        writer = threading.Thread(target=_write, args=(child.stdin, question), daemon=True)
        writer.start()  # the child reads a whole mail before it does anything
        deadline, line = time.monotonic() + limit, b""
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError
                piece = child.stdout.read1(65_536)  # type: ignore[attr-defined]  # a BufferedReader
                if not piece:
                    raise OSError("the child ended")
                line += piece
        writer.join()
        return line

    def _end(self) -> None:
        if (child := self._child) is None:
            return
        self._child = None
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                _close(pipe)
        child.wait()


def _write(pipe: Any, data: bytes) -> None:
    try:
        pipe.write(data)
        pipe.flush()
    except (OSError, ValueError):
        return  # the reader finds the pipe closed too


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:
        return


#: One child for all incoming mail of this process.
PARSER = Parser()
atexit.register(PARSER.close)
