"""papers that readers gave as examples"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "seeds",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("subscriber", _KEY, nullable=False),
        sa.Column("paper", _KEY, nullable=True),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("title_key", sa.String(length=64), server_default="", nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper"], ["papers.key"], name=op.f("fk_seeds_paper_papers"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["subscriber"],
            ["subscribers.id"],
            name=op.f("fk_seeds_subscriber_subscribers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seeds")),
        sa.UniqueConstraint("subscriber", "name", name=op.f("uq_seeds_subscriber_name")),
    )
    for column in ("name", "paper", "title_key"):
        op.create_index(f"ix_seeds_{column}", "seeds", [column])


def downgrade() -> None:
    op.drop_table("seeds")
