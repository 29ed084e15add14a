"""What a test needs and a machine may not have: on a laptop the test is skipped, in CI it fails."""

import os
import shutil
from importlib import import_module
from types import ModuleType
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the running test and say what it needs; fail it if CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} (nothing is skipped in CI)", pytrace=False)
    pytest.skip(what)


def program(*names: str) -> str:
    """Find the first of these programs on the path."""
    for name in names:
        if found := shutil.which(name):
            return found
    missing(f"no {names[0]} on this machine: apt-get install {names[0]}")


def package(name: str, extra: str) -> ModuleType:
    """Import a package that an extra brings."""
    try:
        return import_module(name)
    except ImportError:
        missing(f"{name} is not installed: pip install -e '.[{extra}]'")
