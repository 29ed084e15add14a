"""Operations that share a transaction: each gets its own result, and one that fails does not affect
others.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text

from newsletter.store.db import open_engine, reading, writing
from newsletter.web.db_batch import DbBatch


async def test_acts_of_one_moment_share_a_transaction_and_a_failure_is_its_own(
    tmp_path: Path,
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'acts.db'}")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE act (n INTEGER PRIMARY KEY)"))
    commits: list[int] = []
    event.listen(engine, "commit", lambda _: commits.append(1))

    def adding(n: int, *, fails: bool = False) -> Callable[[Connection], int]:
        def act(connection: Connection) -> int:
            connection.execute(text("INSERT INTO act VALUES (:n)"), {"n": n})
            if fails:
                raise ValueError(f"number {n}")
            return n

        return act

    batch = DbBatch(engine)
    assert await asyncio.gather(*(batch.write(adding(n)) for n in range(50))) == list(range(50))
    assert len(commits) == 1
    acts = (batch.write(adding(n, fails=n == 61)) for n in range(60, 63))
    first, second, third = await asyncio.gather(*acts, return_exceptions=True)
    assert (first, third) == (60, 62) and isinstance(second, ValueError)
    with pytest.raises(ValueError, match="number 70"):
        await batch.write(adding(70, fails=True))
    commits.clear()
    count = text("SELECT count(*) FROM act")
    found = await asyncio.gather(
        *(batch.read(lambda connection: connection.scalar(count)) for _ in range(50))
    )
    assert found == [52] * 50 and len(commits) == 1
    with reading(engine) as connection:
        kept = set(connection.scalars(text("SELECT n FROM act")))
    assert kept == {*range(50), 60, 62}
    engine.dispose()
