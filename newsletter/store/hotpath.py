"""The three statements that every letter needs, its row, a fence and an outcome, compiled once.

Building them anew costs more than running them.
When and why they run is in `ledger`.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Dialect, and_, bindparam, func, literal_column, or_, select, update
from sqlalchemy.dialects import sqlite

from newsletter.models import DeliveryState, Receipt
from newsletter.store.db import database_seconds, insert_into
from newsletter.store.tables import DeliveryRow

D: Any = DeliveryRow.__table__  # type: ignore[attr-defined]

#: What is written of a row when it is planned.
FROZEN = ("issue", "subscriber", "kind", "state", "due_at", "expires_at", "address_version", "picks", "papers")


class HotPath:
    """Row, fence and outcome as text for one database's driver, and the values they take."""

    def __init__(self, dialect: Dialect, may_be_mailed: Any) -> None:
        self._is_sqlite = dialect.name == "sqlite"
        named = sqlite.dialect(paramstyle="named") if self._is_sqlite else dialect
        adding = insert_into(dialect, D).on_conflict_do_nothing(index_elements=["issue", "subscriber"])
        self.add = str(adding.compile(dialect=named, column_keys=FROZEN))
        mine = and_(D.c.id == bindparam("delivery"), D.c.claim_token == bindparam("token"))
        states = or_(*(D.c.state == literal_column(f"'{state}'") for state in ("claimed", "dot", "held")))
        known = ("state", "code", "enhanced", "reply", "phase", "relay", "settled_at")
        settling = update(D).where(mine, states).values(
            **{name: bindparam(f"new_{name}", type_=D.c[name].type) for name in known},
            claims=literal_column("0"), attempts=D.c.attempts + literal_column("1"),
            ambiguous=D.c.ambiguous + bindparam("again", type_=D.c.ambiguous.type),
            next_at=func.coalesce(bindparam("not_before", type_=D.c.next_at.type), D.c.next_at),
        )  # fmt: skip
        self.settle = str(settling.compile(dialect=named))
        seconds = database_seconds(dialect.name)
        chosen = D.c.id == func.any(bindparam("ids", [], type_=ARRAY(BigInteger)))
        if self._is_sqlite:
            chosen = D.c.id.in_(select(literal_column("value")).select_from(func.json_each(bindparam("ids", 0))))
        owned = and_(D.c.state == "claimed", D.c.claim_token == bindparam("token", ""), D.c.lease_until > seconds)
        fencing = update(D).where(chosen, owned, may_be_mailed).values(state="dot", dot_at=seconds)
        compiled = fencing.returning(D.c.id).compile(dialect=named, compile_kwargs={"render_postcompile": True})
        self.fence = str(compiled)
        self._constants = {name: str(value) for name, value in compiled.params.items() if name not in ("ids", "token")}
        as_stored = D.c.settled_at.type.dialect_impl(dialect).bind_processor(dialect)
        self.moment = lru_cache(maxsize=64)(as_stored or (lambda moment: moment))

    def rows(self, ids: Sequence[int], token: str) -> dict[str, Any]:
        return {**self._constants, "ids": json.dumps(ids) if self._is_sqlite else ids, "token": token}

    def outcome(self, receipt: Receipt, token: str) -> dict[str, Any]:
        is_put_off = receipt.state is DeliveryState.DEFERRED and receipt.retry_at is not None
        return {
            "delivery": receipt.delivery, "token": token, "new_state": receipt.state.value, "new_code": receipt.code,
            "new_enhanced": receipt.enhanced, "new_reply": receipt.reply, "new_phase": receipt.phase,
            "new_relay": receipt.relay, "new_settled_at": self.moment(receipt.at),
            "not_before": int(receipt.retry_at.timestamp()) if is_put_off and receipt.retry_at else None,
            "again": int(receipt.phase == "dot" and receipt.code // 100 not in (2, 4, 5)),
        }  # fmt: skip
