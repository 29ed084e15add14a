"""Versions with known vulnerabilities: of this Python, of the parser of feeds, and of the libraries
for mail and pages.
"""

import pyexpat
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

#: (package, the first version without the vulnerability, the vulnerability)
FLOORS = (
    ("aiosmtplib", "5.1.3", "CVE-2026-53533, command injection"),
    ("aiosmtpd", "1.4.6", "CVE-2024-34083, STARTTLS injection"),
    ("starlette", "1.0.1", "CVE-2026-48710, host header"),
    ("jinja2", "3.1.6", "CVE-2025-27516, sandbox escape"),
    ("python-multipart", "0.0.27", "CVE-2024-53981, denial of service"),
)
#: The first release of each Python without CVE-2026-1299 (line breaks in the headers of a mail).
PYTHON_FLOORS = {(3, 11): 15, (3, 12): 13, (3, 13): 12, (3, 14): 3}
#: The first expat that limits how much an XML document may grow.
EXPAT_FLOOR = (2, 4, 1)


@dataclass(frozen=True)
class Check:
    state: str  #: ok | warn | fail
    subject: str
    fact: str
    advice: str = ""
    is_unreachable: bool = False  #: only another machine does not answer


def check_versions(
    python: tuple[int, int, int] = sys.version_info[:3],
    expat: tuple[int, int, int] = pyexpat.version_info,
) -> list[Check]:
    """Compare versions with the least safe ones. An old Python is only a warning: distributions
    correct it without a new number.
    """
    found = [check for floor in FLOORS if (check := _package(*floor))]
    floor = PYTHON_FLOORS.get(python[:2], 0)
    if python[2] < floor:
        said = f"Python {_dotted(python)}: CVE-2026-1299, line breaks in headers"
        advice = (
            f"update it to {python[0]}.{python[1]}.{floor}, unless your distribution has mended it"
        )
        found.append(Check("warn", "Versions", said, advice))
    if expat < EXPAT_FLOOR:
        said = f"expat {_dotted(expat)}: CVE-2013-0340, a small feed may fill the memory"
        found.append(
            Check(
                "fail", "Versions", said, f"use a Python with expat {_dotted(EXPAT_FLOOR)} or later"
            )
        )
    return found or [
        Check("ok", "Versions", "no known hole in Python and what mail and pages are made with")
    ]


def _package(name: str, floor: str, why: str) -> Check | None:
    try:
        have = version(name)
    except PackageNotFoundError:
        return Check("fail", "Versions", f"{name} is missing", f"pip install '{name}>={floor}'")
    if _numbers(have) < _numbers(floor):
        return Check(
            "fail", "Versions", f"{name} {have}: {why}", f"pip install -U '{name}>={floor}'"
        )
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdecimal())


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
