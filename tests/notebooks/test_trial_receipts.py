# ruff: noqa: E501
"""What a trial shows and what its receipt says, from forks of a real kernel; and that the kernel feels nothing."""

import asyncio
import os
from typing import Any

import pytest

from codemad_jupyter.notebooks.live import LiveKernel
from codemad_jupyter.protocol.edits import Receipt, Trial
from tests.waiting import LIMIT

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork") or os.uname().sysname != "Linux", reason="forks on Linux"
)

SETUP = """
import functools
import numpy as np, pandas as pd
df = pd.DataFrame({"a": np.arange(5.0), "b": list("vwxyz"), "d": pd.date_range("2020", periods=5, tz="UTC")})
alias = df
box = [df]
arr = np.zeros((1000, 1000))
view = arr[5:10]
lonely = np.ones(10)
items = [1, 2, 3]
text = "abc"
class C: pass
obj = C()
obj.v = 1
def grow(): items.append(9)
later = functools.partial(grow)
class Loud:
    def __repr__(self): open("/nowhere/at/all")
    __eq__ = __hash__ = __len__ = __getattr__ = __repr__
loud = Loud()
"""


@pytest.fixture(scope="module")
def prepared() -> list[bool]:
    """Says whether the module's kernel has its variables."""
    return []


@pytest.fixture
async def stocked(kernel: LiveKernel, prepared: list[bool]) -> LiveKernel:
    if not prepared:
        assert (await kernel.execute(f"%matplotlib inline\n{SETUP}", timeout=60)).ok
        prepared.append(True)
    return kernel


def receipt_of(trial: Trial) -> Receipt:
    assert trial.receipt is not None, trial
    return trial.receipt


@pytest.mark.parametrize(
    ("code", "added", "in_place", "rebound", "deleted"),
    [
        ("df['c'] = 1", "", "df alias box", "", ""),
        ("df.loc[0, 'a'] = 99.0", "", "df alias box", "", ""),
        ("df.loc[0, 'a'] = df.loc[0, 'a']", "", "", "", ""),
        ("df.rename(columns={'a': 'z'}, inplace=True)", "", "df alias box", "", ""),
        ("df.mean(numeric_only=True); df.describe(); df[df.a > 2]", "", "", "", ""),
        ("df = df.copy()", "", "", "", ""),
        ("df = df.head(2)", "", "", "df", ""),
        ("box[0].drop(index=0, inplace=True)", "", "df alias box", "", ""),
        ("view[:] = 7", "", "arr view", "", ""),
        ("arr[0, 0] = 1e-300", "", "arr", "", ""),
        ("arr.sum(); arr * 2", "", "", "", ""),
        ("arr += 0", "", "", "", ""),
        ("lonely.sort()", "", "", "", ""),
        ("lonely[3] = 8", "", "lonely", "", ""),
        ("grow()", "", "items", "", ""),
        ("later()", "", "items", "", ""),
        ("globals()['items'].append(1)", "", "items", "", ""),
        ("items.sort()", "", "", "", ""),
        ("items[1] = 5", "", "items", "", ""),
        ("obj.v = 2", "", "obj", "", ""),
        ("obj.v", "", "", "", ""),
        ("loud", "", "", "", ""),
        ("text = 'abc'", "", "", "", ""),
        ("text = 'abd'", "", "", "text", ""),
        ("del items\nnew = arr + 1\nfor i in range(3): pass", "new i", "", "", "items"),
        ("import math as m\n_hidden = 3", "m", "", "", ""),
    ],
)
async def test_receipts(
    stocked: LiveKernel, code: str, added: str, in_place: str, rebound: str, deleted: str
) -> None:
    trial = await stocked.try_code(code)
    receipt = receipt_of(trial)
    changed = {change.after.name: change for change in receipt.changed}
    assert {state.name for state in receipt.added} == set(added.split())
    # An object that cannot be looked into may hold anything: only that is named beyond what was expected.
    assert {name for name, change in changed.items() if change.in_place} == set(in_place.split())
    assert {name for name, change in changed.items() if not change.in_place} == set(rebound.split())
    assert set(receipt.deleted) == set(deleted.split())
    assert not receipt.truncated


async def test_shapes_types_and_hashes(stocked: LiveKernel) -> None:
    change = receipt_of(
        await stocked.try_code("df['c'] = range(5); df['a'] = df['a'].astype('int8')")
    ).changed[0]
    assert (change.before.shape, change.after.shape) == ((5, 3), (5, 4))
    assert change.before.dtypes[0] == "float64"
    assert change.after.dtypes[0] == "int8"
    assert change.before.digest
    assert change.after.digest not in ("", change.before.digest)
    assert change.certain
    again = receipt_of(
        await stocked.try_code("df['c'] = range(5); df['a'] = df['a'].astype('int8')")
    ).changed[0]
    assert again.after.digest == change.after.digest, "the same content has the same hash"


def data_of(trial: Trial, number: int = -1) -> dict[str, Any]:
    data: dict[str, Any] = trial.outputs[number]["data"]
    return data


async def test_outputs(stocked: LiveKernel) -> None:
    frame = await stocked.try_code("print('before')\ndf")
    assert [output["output_type"] for output in frame.outputs] == ["stream", "execute_result"]
    assert frame.outputs[0]["text"] == "before\n"
    assert "<table" in data_of(frame)["text/html"]
    assert (await stocked.try_code("df;")).outputs == ()
    assert (
        data_of(await stocked.try_code("await __import__('asyncio').sleep(0, 'slept')"))["text/plain"]
        == "'slept'"
    )
    plot = await stocked.try_code("import matplotlib.pyplot as plt\nax = plt.plot([1, 2])")
    assert data_of(plot)["image/png"].startswith("iVBOR")
    failed = await stocked.try_code("def f():\n    return 1 / 0\nf()")
    error = failed.outputs[-1]
    assert (error["ename"], error["evalue"]) == ("ZeroDivisionError", "division by zero")
    assert any("return 1 / 0" in line for line in error["traceback"])
    assert not any("trial_child" in line for line in error["traceback"])
    shown = await stocked.try_code(
        "from IPython.display import display, clear_output, HTML\nprint('gone'); clear_output()\n"
        "h = display(HTML('<i>one</i>'), display_id='x'); h.update(HTML('<i>two</i>'))"
    )
    assert [data_of(shown, at)["text/html"] for at in range(len(shown.outputs))] == ["<i>two</i>"]


async def test_outputs_are_bounded_and_masked(stocked: LiveKernel) -> None:
    code = "import os\nfor i in range(200_000): print('line', i)\nprint(os.environ['CANARY_API_KEY'])"
    text = (await stocked.try_code(code, timeout=30)).outputs[0]["text"]
    assert len(text) < 25_000
    assert text.startswith("line 0\n")
    assert text.endswith("line 199999\n[masked]\n")
    assert "characters left out" in text
    both = await stocked.try_code("print('x' * 99_999)\ndf")
    assert "<table" in data_of(both)["text/html"]
    images = await stocked.try_code(
        "from IPython.display import display, Image\n"
        "png = bytes.fromhex('89504e470d0a1a0a')\n"
        "for size in (9, 2_000_000, 9, 9, 9, 9): display(Image(png + bytes(size), format='png'))"
    )
    kept = ["image/png" in output["data"] for output in images.outputs]
    assert kept == [True, False, True, True, True, False]
    assert "image/png of 2" in data_of(images, 1)["text/plain"]
    native = await stocked.try_code("import ctypes; c = ctypes.CDLL(None); c.puts(b'below'); c.fflush(None)")
    assert native.outputs[-1]["text"] == "below\n"


async def test_what_it_showed_until_it_was_killed(stocked: LiveKernel) -> None:
    late = await stocked.try_code("print('so far')\nimport time; time.sleep(60)", timeout=5)
    assert (late.status, late.outputs[0]["text"]) == ("skipped", "so far\n")
    crashed = await stocked.try_code("print('so far')\nimport ctypes; ctypes.string_at(0)")
    assert (crashed.status, crashed.outputs[0]["text"]) == ("failed", "so far\n")


EVERYTHING = """(lambda: (
    __import__('hashlib').sha256(__import__('pickle').dumps(
        [df, arr, items, sorted(k for k in globals() if not k.startswith('_')), obj.v, text])).hexdigest(),
    [id(v) for v in (df, arr, items, obj, box, loud)], [__import__('sys').getrefcount(v) for v in (df, arr, items, obj)],
    __import__('os').getcwd(), sorted(__import__('os').environ.items()), files(),
    __import__('random').getstate()[1][:5], np.random.get_state()[1][:5].tolist(), plt.get_fignums(),
    len(get_ipython().history_manager.input_hist_raw), len(get_ipython().user_ns['Out']),
    __import__('threading').active_count(), __import__('signal').getsignal(2).__name__,
))()"""


# Sockets, events and the journal of the history come and go with clients and IPython's saving thread,
# whose SQLite also opens the profile's folder to sync it.
FILES = """
import os
def files():
    links = []
    for name in os.listdir('/proc/self/fd'):
        try: links.append(os.readlink('/proc/self/fd/' + name))
        except OSError: pass
    saving = ('history.sqlite', 'profile_default')
    return sorted(link for link in links if link.startswith('/') and not any(name in link for name in saving))
"""


async def test_the_live_kernel_is_byte_identical(stocked: LiveKernel) -> None:
    quiet = "import matplotlib.pyplot as plt, random\nrandom.seed(3); fig = plt.figure()\nplt.close('all')"
    assert (await stocked.execute(quiet + FILES, timeout=30)).ok

    async def look() -> str:
        # The look itself adds one entry to the history and none to Out of its own.
        result = await stocked.execute(f"print({EVERYTHING})", timeout=30)
        assert result.ok, result.traceback
        return str(result.outputs[0]["text"])

    await look()
    first = await look()
    harm = (
        "import os, random, signal\ndf['new'] = 1; arr[:] = 3; items.clear(); obj.v = 9; del text\n"
        "random.random(); np.random.rand(); os.chdir('/'); os.environ['X'] = 'y'; plt.plot([1]); 5"
    )
    trial = await stocked.try_code(harm)
    assert trial.status == "passed", trial
    assert len(receipt_of(trial).changed) >= 6
    second = await look()
    numbers = [eval(text) for text in (first, second)]  # noqa: S307
    history = [state[9] for state in numbers]
    assert history[1] == history[0] + 1
    assert numbers[0][:9] == numbers[1][:9]
    assert numbers[0][10:] == numbers[1][10:]


async def test_the_kernel_answers_while_a_trial_hangs(stocked: LiveKernel) -> None:
    hanging = asyncio.ensure_future(stocked.try_code("while True: pass", timeout=10))
    await asyncio.sleep(0.6)
    for number in range(3):
        result = await stocked.execute(f"{number} + 1", timeout=LIMIT)
        assert result.outputs[0]["data"]["text/plain"] == str(number + 1)
    assert not hanging.done()
    assert (await hanging).status == "skipped"
