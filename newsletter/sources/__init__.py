"""Plug-ins that look at the world. Each is one file and fills the port `Source`; they do not know
each other.

They share `http` (the client), `parsing` (documents), `json_access` and `source_state` (what
silence means). A new source is a class here and a row in `newsletter/source_rows.py`; `registry`
makes what is configured.
"""
