"""The error tree. Everything the product raises on purpose descends from `NewsletterError`.

NewsletterError              exit 1   something failed
 ├─ ConfigError              exit 3   config.toml, environment or secret files; carries every
     mistake at once
 ├─ InputError               exit 2   what somebody typed: an address, a topic, a CSV line; carries
     the position
 │   ├─ AddressError
 │   └─ QueryError
 ├─ NotFound                 exit 1   a paper, topic, subscriber or issue that does not exist
 ├─ StoreError               exit 1   the database cannot be opened, is locked, damaged, or of
     another schema
 ├─ Unreachable              exit 5   a source or the relay cannot be reached; try again
 ├─ Busy                     exit 75  another run holds the lock
 └─ LetterError              exit 1   a letter that must not be sent: rendering failed or a rule of
     mail.md is broken

An error says what failed (`message`), what state things are in, and the next step (`hint`).
"""


class NewsletterError(Exception):
    code = "error"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(NewsletterError):
    code = "config"
    exit_code = 3

    def __init__(self, mistakes: list[str], *, hint: str = "") -> None:
        super().__init__("\n".join(mistakes), hint=hint)
        self.mistakes = mistakes


class InputError(NewsletterError):
    """`position` counts characters from 1; 0 means the whole input."""

    code = "input"
    exit_code = 2

    def __init__(self, message: str, *, position: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.position = position


class AddressError(InputError):
    code = "address"


class QueryError(InputError):
    code = "query"


class NotFound(NewsletterError):
    code = "not_found"


class StoreError(NewsletterError):
    code = "store"


class Unreachable(NewsletterError):
    code = "unreachable"
    exit_code = 5


class Busy(NewsletterError):
    code = "busy"
    exit_code = 75


class LetterError(NewsletterError):
    code = "letter"
