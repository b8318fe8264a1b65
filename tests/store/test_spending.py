"""What calls used: kept over restarts, shared by processes, and counted even where it cannot be written."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from codemad_jupyter.protocol.supply import Account, Charge, Spent
from codemad_jupyter.store.spending import Spending

MONTH = 31 * 86_400.0
AT = 1_795_000_000.0


def charge(session: str = "s", *, at: float = AT, cost: float | None = 0.5, notebook: str = "n") -> Charge:
    account = Account(session=session, notebook=notebook, purpose="code")
    return Charge(at=at, model="a/b", account=account, tokens=100, cost=cost, seconds=2.0)


async def test_charges_are_counted_by_session_notebook_and_person(tmp_path: Path) -> None:
    spending = Spending(tmp_path / "new" / "spending")
    assert await spending.spent("user", "") == Spent()
    for each in (charge(), charge("t"), charge("t", notebook="m", cost=None), charge(at=AT - 2 * MONTH)):
        await spending.record(each)
    assert await spending.spent("session", "s") == Spent(calls=2, cost=1.0, tokens=200, seconds=4.0)
    assert (await spending.spent("notebook", "n")).calls == 3
    assert await spending.spent("session", "t") == Spent(
        calls=2, cost=0.5, tokens=200, seconds=4.0, unpriced=1
    )
    assert (await spending.spent("user", "", since=AT - MONTH)).calls == 3
    again = await Spending(tmp_path / "new" / "spending").spent("user", "")
    assert again == await spending.spent("user", "")
    files = sorted((tmp_path / "new" / "spending").iterdir())
    assert len(files) == 2
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


async def test_other_processes_are_seen_and_lines_do_not_mix(tmp_path: Path) -> None:
    spending = Spending(tmp_path)
    await spending.record(charge())
    assert (await spending.spent("user", "")).calls == 1
    script = f"""
import asyncio, pathlib
from codemad_jupyter.protocol.supply import Account, Charge
from codemad_jupyter.store.spending import Spending

async def main():
    spending = Spending(pathlib.Path({str(tmp_path)!r}))
    for number in range(100):
        await spending.record(Charge(at={AT}, model="m/" + "x" * number, account=Account(), tokens=1))

asyncio.run(main())
"""
    others = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for _ in range(50):
        await spending.record(charge())
    for other in others:
        _, said = await asyncio.wait_for(other.communicate(), 60)
        assert other.returncode == 0, said
    assert (await spending.spent("user", "")).calls == 251


def damage(folder: Path) -> None:
    with next(folder.iterdir()).open("ab") as added:
        added.write(b'{"at": 1\nnot json\n{"at": 5, "mod')  # the last line is not whole yet


async def test_a_damaged_line_costs_that_line_alone(tmp_path: Path) -> None:
    spending = Spending(tmp_path)
    await spending.record(charge())
    damage(tmp_path)
    await spending.record(charge())
    fresh = Spending(tmp_path)
    assert (await fresh.spent("user", "")).calls == 1
    await fresh.record(charge())
    assert (await fresh.spent("user", "")).calls == 2


async def test_what_cannot_be_written_counts_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("no folder")
    spending = Spending(tmp_path / "taken")
    await spending.record(charge())
    await spending.record(charge())
    assert (await spending.spent("session", "s")).calls == 2
