"""Trending papers in your inbox, once a day, for your topics.

`pipeline` runs one day in order. `app` opens a site and runs it: `fetching` asks the sources,
`planning` stores the letters that are due, and `delivery/` sends them. `previews` and
`site_queries` only read.

The packages, in the order in which a paper passes through them:

  sources/     one file per place that shows papers or mentions them; rows in `source_rows`
  text/        titles, authors, identifiers and notation
  steps/       the steps of the day, without network and tables:
               fetch, dedupe, trend, match, choose, compose
  matching/    the query language of topics, and the index that answers queries
  delivery/    claims a stored letter, builds it, hands it to the relay, records the reply
  mail/        outgoing bytes: MIME, DKIM, SMTP
  inbound/     incoming mail: bounces, complaints, commands of readers
  store/       the only package with SQL: tables, papers, readers, the ledger of letters
  health/      what the operator is told: silent sources, alerts
  web/         pages, feeds, and the pages behind the links in letters
  cli/         commands, one file per noun
  runtime/     the daemon and the worker
  models/      the value types that all packages share

`subscribing` answers requests to subscribe. `membership` has consent, change and leaving, for
pages, mail and commands alike. `mail_kinds` has one row per kind of mail. A file imports only from
the layers below it (`pyproject.toml`).
"""

__version__ = "0.1.0"
