"""Tables taken out of a real kernel, and asked in SQL."""

import sys
from pathlib import Path

import pytest

from codemad_jupyter.notebooks.live import LiveKernel
from codemad_jupyter.protocol.errors import KernelError
from codemad_jupyter.tools.data import query_data
from tests.tools.using import bare_context, use

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sandboxes here are Linux's")
MADE = """
import datetime, decimal, pandas as pd
class Odd:
    def __str__(self): raise SystemExit('run')
    __repr__ = __str__
class Mine(pd.DataFrame):
    @property
    def shape(self): raise SystemExit('run')
df = pd.DataFrame({
    'n': [1, 2, None], 'i': [1, 2, 3], 'b': [True, False, True], 's': ['a', None, 'c'],
    't': pd.to_datetime(['2024-01-02', None, '2024-03-04']),
    'z': pd.to_datetime(['2024-01-02', None, '2024-03-04'], utc=True),
    'o': [Odd(), 1, 'x'], 'd': [datetime.date(2024, 1, 2), None, decimal.Decimal('1.5')],
    'S': ['x', 'y', 'z'], 'inf': [float('inf'), 1.0, 2.0],
})
mine = Mine({'a': [1]})
series = pd.Series([1, 2], name='v')
big = pd.DataFrame({'x': range(100_000)})
text = 'no table'
"""


async def test_tables_with_all_kinds_of_columns(clean: LiveKernel, tmp_path: Path) -> None:
    assert (await clean.execute(MADE, timeout=60)).ok
    context = bare_context(tmp_path, kernel=clean)
    found = await use(query_data, context, sql="FROM df", frames=["df"])
    assert "error" not in found, found
    kinds = {each["name"]: each["type"] for each in found["columns"]}
    assert kinds == {
        "n": "DOUBLE",
        "i": "BIGINT",
        "b": "BOOLEAN",
        "s": "VARCHAR",
        "t": "TIMESTAMP",
        "z": "TIMESTAMP WITH TIME ZONE",
        "o": "VARCHAR",
        "d": "VARCHAR",
        "S_2": "VARCHAR",
        "inf": "DOUBLE",
    }
    first, second, third = found["rows"]
    assert first[:5] == [1.0, 1, True, "a", "2024-01-02 00:00:00"]
    assert (first[6], second[6], third[6]) == ("<Odd>", "1", "x")
    assert second[3] is None
    assert second[4] is None
    assert (first[9], third[7]) == ("inf", "1.5")
    joined = "SELECT v, a FROM series, mine ORDER BY v"
    assert (await use(query_data, context, sql=joined, frames=["series", "mine"]))["rows"] == [[1, 1], [2, 1]]
    total = await use(query_data, context, sql="SELECT sum(x) FROM big", frames=["big"])
    assert total["rows"] == [[4999950000]]
    after = await clean.execute(
        "[name for name in dir() if 'export' in name or 'codemad' in name]", timeout=30
    )
    assert "'text/plain': '[]'" in str(after.outputs)
    with pytest.raises(KernelError, match="more than"):
        await clean.export("big", cells=1000)
    for name, said in (("text", "no table"), ("gone", "no variable"), ("a b'; DROP", "no variable")):
        with pytest.raises(KernelError, match=said):
            await clean.export(name, cells=1000)
