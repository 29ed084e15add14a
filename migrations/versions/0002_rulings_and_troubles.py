"""papers that are one by the operator's word; since when a source is in trouble"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "merged_papers",
        sa.Column("paper", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("into", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper"],
            ["papers.key"],
            name=op.f("fk_merged_papers_paper_papers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["into"], ["papers.key"], name=op.f("fk_merged_papers_into_papers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("paper", name=op.f("pk_merged_papers")),
    )
    with op.batch_alter_table("merged_papers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_merged_papers_into"), ["into"], unique=False)
    with op.batch_alter_table("sources", schema=None) as batch_op:
        batch_op.add_column(sa.Column("troubled_since", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("troubles", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("sources", schema=None) as batch_op:
        batch_op.drop_column("troubles")
        batch_op.drop_column("troubled_since")
    op.drop_table("merged_papers")
