"""whether a reader gets papers from outside their topics"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "subscribers", sa.Column("outside", sa.SmallInteger(), server_default="1", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("subscribers", "outside")
