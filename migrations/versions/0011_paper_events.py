"""what became of papers after they were shown, and which letter told it"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "paper_events",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("paper", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper"],
            ["papers.key"],
            name=op.f("fk_paper_events_paper_papers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_events")),
        sa.UniqueConstraint(
            "paper", "kind", "reference", name=op.f("uq_paper_events_paper_kind_reference")
        ),
    )
    op.create_index(op.f("ix_paper_events_at"), "paper_events", ["at"])
    op.add_column("deliveries", sa.Column("events", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("deliveries") as batch:
        batch.drop_column("events")
    op.drop_index(op.f("ix_paper_events_at"), table_name="paper_events")
    op.drop_table("paper_events")
