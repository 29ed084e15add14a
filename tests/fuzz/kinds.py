"""What is fuzzed: a kind has samples, shapes of its own, and a way to feed one input."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.changes import changed

#: One input, and the exceptions that are its designed end.
Feed = Callable[[bytes], None]


@dataclass(frozen=True)
class Kind:
    """samples: real and written ones. shapes: make an input out of nothing. feed: raises when the
    product is at fault, and only then.
    """

    samples: tuple[bytes, ...]
    shapes: tuple[Callable[[Random], bytes], ...]
    feed: Feed
    most_bytes: int
    slow_s: float  #: an input that takes longer is reported
    close: Callable[[], None] = lambda: None

    def make(self, random: Random) -> bytes:
        """Make an input: a changed sample in three of four cases, else a shape, also changed."""
        if self.shapes and random.random() < 0.25:
            raw = random.choice(self.shapes)(random)
            if random.random() < 0.5:
                return raw[: self.most_bytes]
        else:
            raw = random.choice(self.samples)
        return changed(raw, self.samples, random, self.most_bytes)


def files(folder: Path, patterns: tuple[str, ...], most: int) -> tuple[bytes, ...]:
    """Give the first `most` bytes of the files of a folder, in the order of their names."""
    found = sorted({path for one in patterns for path in folder.glob(one) if path.is_file()})
    return tuple(path.read_bytes()[:most] for path in found)
