"""Trending papers in your inbox, once a day, for your topics.

The day goes through `pipeline`: sources are asked (`sources/`), sightings become papers
(`steps/dedupe`), papers get heat (`steps/trend`), topics find them (`steps/match`, `matching/`),
readers get picks (`steps/choose`), picks become letters (`steps/compose`), letters leave through
`dispatch` and `mail/`, and everything is kept in `store/`. `app` joins the rooms; `cli/`, `web/`
and `daemon` are the doors. A file imports only what stands on a floor below it.
"""

__version__ = "0.1.0"
