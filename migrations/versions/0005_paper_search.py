"""the search index of papers: FTS5 on SQLite, a tsvector on PostgreSQL; `db migrate` fills it"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE paper_search USING fts5(title, body, people, fields,"
            " tokenize = 'unicode61 remove_diacritics 0')"
        )
        return
    op.execute(
        "CREATE TABLE paper_search (paper BIGINT PRIMARY KEY"
        " REFERENCES papers (key) ON DELETE CASCADE, terms TSVECTOR NOT NULL)"
    )
    op.execute("CREATE INDEX ix_paper_search_terms ON paper_search USING GIN (terms)")


def downgrade() -> None:
    op.execute("DROP TABLE paper_search")
