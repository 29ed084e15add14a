"""words that papers write with a hyphen"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "word_splits",
        sa.Column("whole", sa.String(length=512), nullable=False),
        sa.Column("parts", sa.String(length=512), nullable=False),
        sa.PrimaryKeyConstraint("whole", "parts", name=op.f("pk_word_splits")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("word_splits")
