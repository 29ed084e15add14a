"""records before a merge"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("merged_papers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("before", sa.JSON(), server_default="{}", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("merged_papers", schema=None) as batch_op:
        batch_op.drop_column("before")
