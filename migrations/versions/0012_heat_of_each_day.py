"""heat of each day, for lists of a week and a month"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "trends",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("paper", _KEY, nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("field", sa.String(length=128), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["paper"], ["papers.key"], name=op.f("fk_trends_paper_papers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("day", "paper", name=op.f("pk_trends")),
    )
    op.create_index(op.f("ix_trends_paper"), "trends", ["paper"])


def downgrade() -> None:
    op.drop_table("trends")
