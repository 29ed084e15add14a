"""acronyms that papers introduce; `db migrate` and the daemon fill it"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "acronyms",
        sa.Column("paper", _KEY, nullable=False),
        sa.Column("short", sa.String(length=16), nullable=False),
        sa.Column("long", sa.String(length=256), nullable=False),
        sa.Column("terms", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper"], ["papers.key"], name=op.f("fk_acronyms_paper_papers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("paper", "short", name=op.f("pk_acronyms")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_acronyms_short_terms", "acronyms", ["short", "terms", "long"])
    op.create_index("ix_acronyms_terms", "acronyms", ["terms"])


def downgrade() -> None:
    op.drop_index("ix_acronyms_terms", table_name="acronyms")
    op.drop_index("ix_acronyms_short_terms", table_name="acronyms")
    op.drop_table("acronyms")
