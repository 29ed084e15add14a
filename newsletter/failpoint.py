"""Points at which a test may kill, stop or break a real process.

NEWSLETTER_FAILPOINT=body:KILL:3 kills it at the third "body". Actions: KILL, STOP, ABRT (signals),
RAISE. Without the variable nothing happens.
"""

import os
import signal

_NAME, _, _REST = os.environ.get("NEWSLETTER_FAILPOINT", "").partition(":")
_ACTION, _, _NUMBER = _REST.partition(":")
_left = int(_NUMBER or 1)


def failpoint(name: str) -> None:
    """Mark the moment between two steps that a crash may separate."""
    if name == _NAME:
        _fire()


def _fire() -> None:
    global _left
    _left -= 1
    if _left == 0:
        if _ACTION == "RAISE":
            raise RuntimeError(f"failpoint {_NAME}")
        os.kill(os.getpid(), signal.Signals[f"SIG{_ACTION}"])
