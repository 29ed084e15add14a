"""Decompress bodies with a limit, so that a decompression bomb stops at the limit and not in memory
(faults.md R10). The bytes received count too: a body may decompress to nothing (K19).
"""

import zlib
from typing import Protocol

#: Parts that one gzip body may have; each costs time, also when nothing is in it.
MAX_MEMBERS = 10_000


class BodyError(Exception):
    """A body that cannot be used. `reason`: too-large | truncated | encoding | protocol."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Inflater(Protocol):
    """Takes a body chunk by chunk as it was received, and returns it decompressed."""

    def feed(self, chunk: bytes) -> bytes:
        """Raises: BodyError as soon as the limit is exceeded."""
        ...

    def finish(self) -> None:
        """Raises: BodyError if the body ended too early."""
        ...


def inflater(encoding: str, max_bytes: int) -> Inflater:
    """Return a decompressor for the Content-Encoding header. We advertise gzip and deflate;
    anything else is refused (C08).
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return _Plain(max_bytes)
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _Zlib(max_bytes, is_gzip=encoding != "deflate")
    raise BodyError(
        f"the body is encoded as {encoding[:40]!r}, which was not asked for", "encoding"
    )


class _Plain:
    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size = 0

    def feed(self, chunk: bytes) -> bytes:
        self._size += len(chunk)
        if self._size > self._max_bytes:
            raise BodyError(f"the body is larger than {self._max_bytes:,} bytes", "too-large")
        return chunk

    def finish(self) -> None:
        """The protocol has checked the length already."""


class _Zlib(_Plain):
    def __init__(self, max_bytes: int, *, is_gzip: bool) -> None:
        super().__init__(max_bytes)
        self._is_gzip = is_gzip
        self._stream = zlib.decompressobj(31) if is_gzip else None
        self._has_input = False
        self._received = 0
        self._members = 1

    def feed(self, chunk: bytes) -> bytes:
        if not chunk:
            return b""
        self._has_input = True
        self._received += len(chunk)
        if self._received > self._max_bytes:
            raise BodyError(
                f"the compressed body is larger than {self._max_bytes:,} bytes", "too-large"
            )
        if self._stream is None:
            # "deflate" means a zlib stream, but some servers send a raw one; the first byte tells
            # (RFC 1950 2.2).
            self._stream = zlib.decompressobj(15 if chunk[0] & 0x0F == 8 else -15)
        parts = []
        while chunk:
            if self._stream.eof:
                if not self._is_gzip or not chunk.startswith(b"\x1f"):
                    break  # padding after the end
                self._members += 1
                if self._members > MAX_MEMBERS:
                    raise BodyError(
                        f"the compressed body has more than {MAX_MEMBERS:,} parts", "too-large"
                    )
                self._stream = zlib.decompressobj(31)  # a further member, RFC 1952 2.2
            try:
                parts.append(
                    super().feed(self._stream.decompress(chunk, self._max_bytes - self._size + 1))
                )
            except zlib.error as e:
                raise BodyError(f"the compressed body is damaged: {e}", "truncated") from e
            chunk = self._stream.unused_data
        return b"".join(parts)

    def finish(self) -> None:
        if self._has_input and (self._stream is None or not self._stream.eof):
            raise BodyError("the compressed body is cut off", "truncated")
