"""What the venue does for its file: SQLite's write-ahead log is copied back when nobody waits for an answer."""

from __future__ import annotations

import shutil
import sqlite3

from darwin_paper import storage
from paper_cases import SYMBOLS, run, show

from darwin_core.testing.broker_base import sample_order


def test_after_many_commits_a_submit_leaves_a_file_that_is_whole_without_its_log(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_COMMITS", 3)

    async def case(broker):
        path = broker.deployed.folder / "paper.sqlite"

        async def here():
            shutil.copy(path, copy := tmp_path / "copy.sqlite")
            connection = sqlite3.connect(copy)
            try:
                return (
                    connection.execute("select count(*) from sqlite_master").fetchone()[0]
                    and (connection.execute("select count(*) from orders").fetchone()[0])
                )
            finally:
                connection.close()

        for minute in (1, 2, 3):
            await show(broker, minute)
        assert not await here()  # a bar never waits for that
        await broker.submit(sample_order(SYMBOLS[0], 1.0))
        assert await here() == 1
        await broker.submit(sample_order(SYMBOLS[1], 1.0))
        assert await here() == 1

    run(case, tmp_path / "venue")
