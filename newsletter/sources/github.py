"""GitHub as a signal: stars of the repositories that recent papers link."""

import re
from collections.abc import Mapping

from newsletter.config import GitHub
from newsletter.errors import ConfigError
from newsletter.models import Ask, Harvest, Signal, SourceState
from newsletter.sources.http import Answer, FetchError, Http, retry_after_s
from newsletter.sources.json_access import load, number, record
from newsletter.sources.source_state import failed

PER_RUN = {"anonymous": 50, "token": 2_000}  #: of 60 and 5,000 an hour
MOST_BLOCKED = 5  #: repositories in a row: then the site itself is refused
RESERVE = 3  #: requests that are left for others with our address

_REPOSITORY = re.compile(
    r"\Ahttps?://(?:www\.)?github\.com/([\w.\-]{1,39})/([\w.\-]{1,100}?)"
    r"(?:\.git)?/?(?:[#?].*|/.*)?\Z"
)


class GitHubSource:
    """Memory: `next`, the paper to begin with when not all could be asked about."""

    name = "github"

    def __init__(self, config: GitHub, http: Http) -> None:
        self._config = config
        self._http = http

    async def fetch(self, ask: Ask) -> Harvest:
        """Read the stars of the papers' repositories, as many as the hourly limit allows; the
        others follow next time.
        """
        token = self._token()
        headers = {"X-GitHub-Api-Version": "2022-11-28"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        papers = _from(ask.memory.get("next", ""), _repositories(ask.repositories))
        limit = PER_RUN["token" if token else "anonymous"]
        signals: list[Signal] = []
        problem: FetchError | None = None
        asked = blocked = 0
        for about, repository in papers[:limit]:
            asked += 1
            try:
                stars, left = await self._stars(repository, headers)
            except FetchError as e:
                problem = e
                blocked = blocked + 1 if e.status == 403 and not e.retry_after_s else 0
                # further requests would not help
                if e.retry_after_s or e.status in (0, 401) or blocked == MOST_BLOCKED:
                    break
                continue
            if stars is not None:
                signals.append(Signal(about, "stars", self.name, stars, ask.now))
            if left is not None and left <= RESERVE:
                break
        memory = {"next": papers[asked][0]} if asked < len(papers) else {}
        if problem and not signals:
            return failed(self.name, problem, memory)
        state = SourceState.FRESH if signals else SourceState.QUIET
        error, wait = (problem.message, problem.retry_after_s) if problem else ("", None)
        return Harvest(self.name, state, (), tuple(signals), (), error, memory, wait)

    async def _stars(
        self, repository: str, headers: Mapping[str, str]
    ) -> tuple[float | None, float | None]:
        """Return the stars, None if the repository is gone, and the remaining requests of this
        hour.
        """
        address = f"{self._config.url.rstrip('/')}/repos/{repository}"
        try:
            answer = await self._http.get(
                address, headers=headers, accept="application/vnd.github+json"
            )
        except FetchError as e:
            if e.status in (404, 451):
                return None, _left(e.answer)
            if e.status == 403 and _left(e.answer) == 0:
                raise FetchError(
                    "GitHub's hourly limit is used up", e.reason, status=403, retry_after_s=3600.0
                ) from e
            if e.status == 403 and e.answer and "retry-after" in e.answer.headers:
                wait = retry_after_s(e.answer.headers)
                raise FetchError(e.message, e.reason, status=403, retry_after_s=wait) from e
            raise
        return number(record(load(answer)).get("stargazers_count")), _left(answer)

    def _token(self) -> str:
        if self._config.token_file is None:
            return self._config.token.get_secret_value()
        try:
            return self._config.token_file.read_text().strip()
        except OSError as e:
            raise ConfigError(
                [f"signals.github.token_file: {self._config.token_file} cannot be read: {e}"]
            ) from e


def _repositories(links: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return papers and their "owner/name", in a fixed order; links to other places are left
    out.
    """
    found = ((about, _REPOSITORY.match(link)) for about, link in sorted(links.items()))
    return [(about, f"{match[1]}/{match[2]}") for about, match in found if match]


def _from(first: str, papers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the papers in a circle, beginning where the last run stopped."""
    start = next((n for n, (about, _) in enumerate(papers) if about >= first), 0)
    return papers[start:] + papers[:start]


def _left(answer: Answer | None) -> float | None:
    return number(answer.headers.get("x-ratelimit-remaining")) if answer else None
