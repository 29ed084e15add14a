"""refused summaries are remembered with their papers"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "papers", sa.Column("summary_refused", sa.Text(), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("papers", "summary_refused")
