"""How much room checkpoints of notebooks take, what pruning leaves, and stores of the first schema."""

import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from codemad_jupyter.protocol.errors import NotFound
from codemad_jupyter.store.checkpoints import CheckpointRecord
from codemad_jupyter.store.migrations import MIGRATIONS
from codemad_jupyter.store.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "s.duckdb", workspace="w")
    await opened.create_session("s", title="", model="m")
    yield opened
    await opened.close()


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def notebook(cells: int, size: int) -> dict[str, Any]:
    chance = random.Random(7)
    image = {"output_type": "display_data", "metadata": {}}
    return {
        "nbformat_minor": 5,
        "cells": [
            {
                "id": f"c{n}",
                "cell_type": "code",
                "source": f"x = {n}\n",
                "metadata": {},
                "execution_count": n,
                "outputs": [{**image, "data": {"image/png": chance.randbytes(size).hex()}}],
            }
            for n in range(cells)
        ],
        "nbformat": 4,
        "metadata": {"b": 1, "a": 2},
    }


def record(id: str, document: dict[str, Any]) -> CheckpointRecord:
    return CheckpointRecord(
        id=id, session="s", run=None, reason="manual", at=float(id[1:]), notebooks={"n.ipynb": document}
    )


async def test_a_hundred_checkpoints_of_a_large_notebook_take_little_more_than_one(
    store: Store, tmp_path: Path
) -> None:
    document = notebook(50, 50_000)  # 5 MB
    assert len(json.dumps(document)) > 5_000_000
    for n in range(100):
        cells = [dict(cell) for cell in document["cells"]]
        cells[n % 50] = {**cells[n % 50], "source": f"x = 'change {n}'\n", "outputs": []}
        await store.save_checkpoint(record(f"c{n}", {**document, "cells": cells}))
    last = await store.checkpoint("c99")
    assert json.dumps(last.notebooks["n.ipynb"]) == json.dumps({**document, "cells": cells}), "order too"
    assert last.size > 4_900_000
    await store.close()
    assert bytes_in(tmp_path) < 12_000_000


async def test_removed_checkpoints_take_their_own_cells_along_and_no_others(store: Store) -> None:
    one, two = notebook(2, 100), notebook(3, 100)
    await store.save_checkpoint(record("c1", one))
    await store.save_checkpoint(record("c2", two))
    await store.update_checkpoint("c2", name="kept ☕")
    assert len(await store.database.read(lambda c: c.execute("select * from parts").fetchall())) == 3
    await store.remove_checkpoints(["c1"])
    assert (await store.checkpoint("c2")).notebooks == {"n.ipynb": two}
    assert [(each.name, each.notebooks) for each in await store.outline()] == [("kept ☕", {"n.ipynb": {}})]
    with pytest.raises(NotFound):
        await store.checkpoint("c1")
    await store.update_checkpoint("c2", notebooks={"n.ipynb": one})
    await store.remove_checkpoints([])
    assert len(await store.database.read(lambda c: c.execute("select * from parts").fetchall())) == 2
    assert sum(sum(cells.values()) for cells in (await store.room()).values()) > 100


async def test_a_store_of_the_first_schema_is_migrated_with_its_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    document = notebook(2, 10)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table meta (key varchar primary key, value varchar not null)")
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("insert into meta values ('schema_version', '1'), ('workspace', '\"w\"')")
        row = ["c", "s", None, "run", 1.0, None, "null", json.dumps({"n.ipynb": document}), "{}", "null", 1]
        connection.execute("insert into checkpoints values (?,?,?,?,?,?,?,?,?,?,?)", row)
    store = await Store.open(path, workspace="w")
    old = await store.checkpoint("c")
    assert (old.name, old.notebooks) == ("", {"n.ipynb": document})
    await store.save_checkpoint(record("c2", document))
    assert [each.id for each in await store.checkpoints("s")] == ["c", "c2"]
    await store.remove_checkpoints([])
    assert (await store.checkpoint("c")).notebooks == (await store.checkpoint("c2")).notebooks
    await store.close()
