"""What the caller says about the site, and the addresses in its letters. Nothing is signed here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What letters say about the site."""

    name: str
    base_url: str
    operator: str = ""  #: who runs it, and where
    source_url: str = ""  #: where the source code is


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses in a letter. Those that name its reader hold `SLOT` where the letter's token
    goes, so they are the same in every letter.
    """

    preferences: str
    unsubscribe: str
    view: str  #: this letter in the browser
    how: str  #: how papers are picked
    archive: str
    feedback: str  #: stands before "/more/KEY" and "/less/KEY", with the `Paper.key` of a paper
