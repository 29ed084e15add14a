"""what waits, in the order in which it is taken: a claim reads its letters and no more"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WAITS = sa.text("state IN ('pending', 'deferred', 'claimed', 'dot')")


def _replace(*columns: str) -> None:
    op.drop_index("ix_deliveries_open", table_name="deliveries")
    op.create_index(
        "ix_deliveries_open", "deliveries", columns, sqlite_where=_WAITS, postgresql_where=_WAITS
    )


def upgrade() -> None:
    _replace("next_at", "id")


def downgrade() -> None:
    _replace("next_at")
