"""Sources of papers and signals. Each is one file and implements the interface `Source`; they do
not import each other.

They share `http` (the client), `parsing` (documents), `json_access` and `source_state` (what
silence means). A new source is a class here and a row in `newsletter/source_rows.py`; `registry`
creates the configured ones.
"""
