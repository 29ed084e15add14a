"""Secrets that stand in addresses, taken out of text that people and logs get to see."""

import re

MASK = "**********"
#: The password of an address, up to the last "@" before its path.
_PASSWORD = re.compile(r"(?P<before>[a-z][a-z0-9+.-]*://[^/?#@:\s]*:)[^/?#\s]+(?=@)", re.I)
#: Options of an address that hold a secret; "password=" also in a connection string.
_OPTION = re.compile(
    r"(?P<before>(?:(?<=[?&;\s])|\A)(?:password|passwd|pwd|sslpassword|secret|token|access_token|"
    r"api_?key|apikey)=)(?!\s)[^&;#\s'\"]+",
    re.I,
)


def without_secrets(text: str) -> str:
    """Return text with the passwords and keys of addresses masked; everything else stays."""
    if "://" not in text and "=" not in text:
        return text
    return _OPTION.sub(rf"\g<before>{MASK}", _PASSWORD.sub(rf"\g<before>{MASK}", text))
