"""The three statements that every letter needs: its row, a fence and an outcome, as prepared SQL.

Building them for each letter would cost more than running them. `ledger_plan` and `ledger_life` say
when they run.
"""

import json
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Dialect,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import sqlite

from newsletter.mail_kinds import KINDS
from newsletter.models import DeliveryState, Receipt
from newsletter.store.db import chunks, database_seconds, insert_into
from newsletter.store.tables import deliveries, subscribers

#: The columns that are written when a row is planned, in the order of the table.
FROZEN = (
    "issue",
    "subscriber",
    "kind",
    "state",
    "due_at",
    "expires_at",
    "picks",
    "papers",
    "events",
    "address_version",
)


class LedgerSql:
    """SQL text of row, fence and outcome for one database driver, and their parameters."""

    def __init__(self, dialect: Dialect, may_be_mailed: Any) -> None:
        self._is_sqlite = dialect.name == "sqlite"
        named = sqlite.dialect(paramstyle="named") if self._is_sqlite else dialect
        of_kind: Any = type(dialect)
        positional = of_kind(paramstyle="qmark" if self._is_sqlite else "format")
        adding = insert_into(dialect, deliveries).on_conflict_do_nothing(
            index_elements=["issue", "subscriber"]
        )
        self._add = str(adding.compile(dialect=positional, column_keys=FROZEN))
        self._row = self._add[self._add.index("VALUES ") + 7 : self._add.index(" ON CONFLICT")]
        self.settle = str(_settling().compile(dialect=named))
        seconds = database_seconds(dialect.name)
        chosen = deliveries.c.id == func.any(bindparam("ids", [], type_=ARRAY(BigInteger)))
        if self._is_sqlite:
            chosen = deliveries.c.id.in_(
                select(literal_column("value")).select_from(func.json_each(bindparam("ids", 0)))
            )
        owned = and_(
            deliveries.c.state == "claimed",
            deliveries.c.claim_token == bindparam("token", ""),
            deliveries.c.lease_until > seconds,
        )
        fencing = (
            update(deliveries)
            .where(chosen, owned, may_be_mailed)
            .values(state="dot", dot_at=seconds)
        )
        compiled = fencing.returning(deliveries.c.id).compile(
            dialect=named, compile_kwargs={"render_postcompile": True}
        )
        self.fence = str(compiled)
        self._constants = {
            name: str(value)
            for name, value in compiled.params.items()
            if name not in ("ids", "token")
        }
        as_stored = deliveries.c.settled_at.type.dialect_impl(dialect).bind_processor(dialect)
        self.moment = lru_cache(maxsize=64)(as_stored or (lambda moment: moment))

    def add(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert planned rows (values of `FROZEN`), except for readers with one of that issue."""
        for part in chunks(rows, 200):
            adding = self._add.replace(self._row, ", ".join([self._row] * len(part)))
            connection.exec_driver_sql(adding, tuple(chain.from_iterable(part)))

    def rows(self, ids: Sequence[int], token: str) -> dict[str, Any]:
        return {
            **self._constants,
            "ids": json.dumps(ids) if self._is_sqlite else ids,
            "token": token,
        }

    def outcome(self, receipt: Receipt, token: str) -> dict[str, Any]:
        is_put_off = receipt.state is DeliveryState.DEFERRED and receipt.retry_at is not None
        return {
            "delivery": receipt.delivery,
            "token": token,
            "new_state": receipt.state.value,
            "new_code": receipt.code,
            "new_enhanced": receipt.enhanced,
            "new_reply": receipt.reply,
            "new_phase": receipt.phase,
            "new_relay": receipt.relay,
            "new_settled_at": self.moment(receipt.at),
            "not_before": int(receipt.retry_at.timestamp())
            if is_put_off and receipt.retry_at
            else None,
            "new_picks": receipt.picks or None,
            "again": int(receipt.phase == "dot" and receipt.code // 100 not in (2, 4, 5)),
        }


def _settling() -> Any:
    """Build the statement that records an outcome if this worker still has the row."""
    mine = and_(
        deliveries.c.id == bindparam("delivery"), deliveries.c.claim_token == bindparam("token")
    )
    states = or_(
        *(
            deliveries.c.state == literal_column(f"'{state}'")
            for state in ("claimed", "dot", "held")
        )
    )
    known = ("state", "code", "enhanced", "reply", "phase", "relay", "settled_at")
    return (
        update(deliveries)
        .where(mine, states)
        .values(
            **{name: bindparam(f"new_{name}", type_=deliveries.c[name].type) for name in known},
            claims=literal_column("0"),
            attempts=deliveries.c.attempts + literal_column("1"),
            ambiguous=deliveries.c.ambiguous
            + bindparam("again", type_=deliveries.c.ambiguous.type),
            pick_limit=func.coalesce(
                bindparam("new_picks", type_=deliveries.c.pick_limit.type),
                deliveries.c.pick_limit,
            ),
            next_at=func.coalesce(
                bindparam("not_before", type_=deliveries.c.next_at.type), deliveries.c.next_at
            ),
        )
    )


def may_be_mailed() -> Any:
    """Build the condition that a reader wants this kind of mail at this address.

    It is false for an unknown kind.
    """
    wanted = or_(
        *(
            and_(deliveries.c.kind == kind.name, subscribers.c.state.in_(kind.readers))
            for kind in KINDS.values()
            if kind.readers
        )
    )
    return exists().where(
        subscribers.c.id == deliveries.c.subscriber,
        subscribers.c.address_version == deliveries.c.address_version,
        wanted,
    )


@cache
def statements(dialect: Dialect) -> LedgerSql:
    return LedgerSql(dialect, may_be_mailed())
