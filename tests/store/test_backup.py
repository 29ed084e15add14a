"""Part H: a copy of the database that is taken while it is written, and what a restore makes of
it.
"""

import threading
from pathlib import Path

from tests.faults.site import finished, make_site


def test_H13_a_backup_while_writing_opens_and_its_restore_sends_nothing_again(
    tmp_path: Path,
) -> None:
    site = make_site(tmp_path, 5)
    site.run_sql("UPDATE deliveries SET state = 'dot', dot_at = 1 WHERE id = 1")
    is_done = threading.Event()

    def write() -> None:
        while not is_done.is_set():
            site.run_sql("UPDATE subscribers SET epoch = epoch + 1")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        code, _, err = finished(site.newsletter("db", "backup", str(tmp_path / "copy.db")))
    finally:
        is_done.set()
        writer.join()
    assert code == 0, err
    code, _, err = finished(site.newsletter("db", "restore", str(tmp_path / "copy.db"), "--yes"))
    assert code == 0, err
    assert site.states() == {"held": 5}
