"""when letters of an issue were planned"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "plannings",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("issue", _KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue"],
            ["issues.id"],
            name=op.f("fk_plannings_issue_issues"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plannings")),
    )
    op.create_index(op.f("ix_plannings_issue"), "plannings", ["issue"])


def downgrade() -> None:
    op.drop_index(op.f("ix_plannings_issue"), table_name="plannings")
    op.drop_table("plannings")
