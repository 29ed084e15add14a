"""papers that people picked, and what was learned from them"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "picks",
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("title_key", sa.String(length=64), server_default="", nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("paper", _KEY, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper"], ["papers.key"], name=op.f("fk_picks_paper_papers"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_picks")),
    )
    for column in ("paper", "title_key"):
        op.create_index(f"ix_picks_{column}", "picks", [column])
    op.create_table(
        "tastes",
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("picks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("model", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("field", name=op.f("pk_tastes")),
    )


def downgrade() -> None:
    op.drop_table("tastes")
    op.drop_table("picks")
