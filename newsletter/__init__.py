"""Trending papers in your inbox, once a day, for your topics.

`pipeline` is the day in its order; `app` opens a site and runs it: `fetching` asks the sources,
`planning` freezes what is due, and the frozen letters are delivered. `previews` and `site_queries`
look and change nothing. The rooms, as a paper passes through them:

    sources/    one file for each place that shows papers or talks of them; rows in `source_rows`
    text/       titles, authors, identifiers and notation, read by grammar
    steps/      the verbs of the day, pure: fetch, dedupe, trend, match, choose, compose
    matching/   the language of topics, and the index that answers it
    delivery/   claims a frozen letter, builds it, hands it over and records the reply
    mail/       outgoing bytes: MIME, DKIM, SMTP
    inbound/    incoming mail: bounces, complaints, commands of readers
    store/      the only room with SQL: tables, papers, readers, the ledger of letters
    health/     what an operator is told: silent sources, alerts
    web/        pages, feeds and the links in letters
    cli/        commands, one file for each noun
    runtime/    the daemon and the worker
    models/     the nouns that all rooms share

`subscribing` answers who asks to subscribe; `membership` is consent, change and leaving, for pages,
mail and commands alike. `mail_kinds` has a row for each kind of mail. A file imports only what
stands on a floor below it (`pyproject.toml`).
"""

__version__ = "0.1.0"
