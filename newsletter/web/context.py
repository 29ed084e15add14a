"""What every page needs: the site, its templates, the time, the database, the curated topics."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from newsletter.app import App
from newsletter.web.db_batch import DbBatch
from newsletter.web.kept import Kept
from newsletter.web.topic_cache import TopicCache
from newsletter.web.view import View
from newsletter.why import Explainer


@dataclass(frozen=True)
class PageContext:
    app: App
    view: View
    clock: Callable[[], datetime]  #: tells the time; tests set it
    batch: DbBatch
    topics: TopicCache
    explainer: Explainer
    kept: Kept = field(default_factory=Kept)  #: cache of the public pages
