"""counts of letters that were deleted by age"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "removed_letters",
        sa.Column(
            "issue", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False
        ),
        sa.Column("state", sa.String(16)),
        sa.Column("number", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("issue", "state", name="pk_removed_letters"),
    )


def downgrade() -> None:
    op.drop_table("removed_letters")
