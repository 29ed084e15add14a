"""evidence about addresses with its source; how many papers the next try of a letter brings"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ANSWERS = sa.text("state IN ('pending', 'deferred', 'claimed', 'dot') AND issue IS NULL")


def upgrade() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("subscriber", _KEY, nullable=False),
        sa.Column("delivery", _KEY, nullable=True),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="", nullable=False),
        sa.Column("reply", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_doubted", sa.SmallInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber"],
            ["subscribers.id"],
            name=op.f("fk_evidence_subscriber_subscribers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["delivery"],
            ["deliveries.id"],
            name=op.f("fk_evidence_delivery_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("delivery", "source", name=op.f("uq_evidence_delivery_source")),
    )
    op.create_index(op.f("ix_evidence_subscriber"), "evidence", ["subscriber"])
    op.execute(
        "INSERT INTO evidence (subscriber, delivery, source, cause, status, reply, at, is_doubted) "
        "SELECT d.subscriber, r.delivery, "
        "CASE r.kind WHEN 'complaint' THEN 'complaint' ELSE 'bounce' END, "
        "CASE r.kind WHEN 'hard' THEN 'gone' WHEN 'mass' THEN 'gone' WHEN 'full' THEN 'full' "
        "WHEN 'policy' THEN 'sender' WHEN 'complaint' THEN 'complaint' ELSE 'later' END, "
        "r.status, r.reply, r.at, CASE r.kind WHEN 'mass' THEN 1 ELSE 0 END "
        "FROM returned r JOIN deliveries d ON d.id = r.delivery"
    )
    op.drop_table("returned")
    op.add_column(
        "deliveries", sa.Column("pick_limit", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_index(
        "ix_deliveries_answers",
        "deliveries",
        ["next_at", "id"],
        sqlite_where=_ANSWERS,
        postgresql_where=_ANSWERS,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_answers", table_name="deliveries")
    op.drop_column("deliveries", "pick_limit")
    op.create_table(
        "returned",
        sa.Column("delivery", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="", nullable=False),
        sa.Column("reply", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery"],
            ["deliveries.id"],
            name=op.f("fk_returned_delivery_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery", name=op.f("pk_returned")),
    )
    op.execute(
        "INSERT INTO returned (delivery, kind, status, reply, at) "
        "SELECT delivery, CASE WHEN is_doubted = 1 THEN 'mass' WHEN cause = 'gone' THEN 'hard' "
        "WHEN cause = 'full' THEN 'full' WHEN cause = 'complaint' THEN 'complaint' "
        "WHEN cause = 'sender' THEN 'policy' ELSE 'temporary' END, status, reply, at "
        "FROM evidence WHERE source IN ('bounce', 'complaint') AND delivery IS NOT NULL "
        "AND id IN (SELECT MIN(id) FROM evidence WHERE source IN ('bounce', 'complaint') "
        "GROUP BY delivery)"
    )
    op.drop_index(op.f("ix_evidence_subscriber"), table_name="evidence")
    op.drop_table("evidence")
