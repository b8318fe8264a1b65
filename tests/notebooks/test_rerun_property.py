"""After an edit, the minimal re-run gives what running everything again gives: in a real IPython shell.

Small notebooks are made at random from statements of many kinds, all run from top to bottom, then a cell
is edited. Then only what `rerun_after` names is run, or the whole notebook in a fresh namespace: the
variables must be the same. Running more than needed is allowed, and measured.
"""

import random

import pytest

from codemad_jupyter.notebooks.dataflow import graph
from codemad_jupyter.protocol.kernels import Cell, NotebookView

NAMES = ("a", "b", "c", "d", "e")
STATEMENTS = (
    "{x} = [{n}]",
    "{x} = [{n}, {n}]",
    "{x} = {y}",
    "{x} = {y} + [{n}]",
    "{x} = list({y})",
    "{x} = [{y}, {n}]",
    "{x} = [{y}]\n{x}[0].append({n})",
    "{x} = [v for v in {y}]",
    "{x} = {y}[:1] + {z}",
    "{x} += [{n}]",
    "{x}.append({n})",
    "{x}.append({y})\nif len({x}) > 6: {x}.clear()",
    "{x}[0:0] = [{n}]",
    "{x}.insert(0, {n})",
    "t = {x}\nt.append({n})",
    "for {x} in [[1], [{n}]]: pass",
    "if len({y}) > 2:\n    {x} = [{n}]",
    "try:\n    {x} = [{y}[9]]\nexcept IndexError:\n    {z}.append({n})",
    "def f(p): return p + {y}",
    "def f(p):\n    p.append({n})\n    return p",
    "def f(p):\n    global {x}\n    {x} = [{n}]\n    return [len(p)]",
    "f = lambda p: p + [len({y})]",
    "{x} = f({y})",
    "f({x})",
    "g = f\n{x} = g([{n}])",
    "{x} = [*{y}, len({z})]",
    "({x}, {y}) = ([{n}], [len({z})])",
    "match {y}:\n    case [only]:\n        {x} = [only]\n    case _:\n        {x} = [{n}]",
    "if (w := len({y})) > 1: {x} = [w]",
    "it = iter([1, 2, {n}, 4, 5, 6, 7, 8, 9, 10, 11, 12])",
    "{x} = [next(it, 0)]",
    "box = {{'k': {y}}}",
    "box['k'] = {y}",
    "box['k'].append({n})",
    "{x} = box['k']",
    "class K:\n    def __init__(self, v): self.v = v\n    def grow(self): return [self.v.append({n})]",
    "k = K({y})",
    "{x} = k.grow()",
    "{x} = k.v",
    "del {x}\n{x} = [{n}]",
    "exec('{x} = [{n}]')",
    "%time {x} = [{n}]",
    "%%capture out\n{x} = {y} + [{n}]",
    "%%time\n{x}.append({n})",
    "import random as r\nr.seed({n})",
    "import random as r\n{x} = [r.randint(0, 99)]",
)
SETUP = (
    *(f"{name} = ['{name}']" for name in NAMES),
    "def f(p): return [len(p)]",
    "g = f",
    "it = iter([3] * 40)",
    "box = {'k': [0]}",
    "import random as r\nr.seed(0)",
    "class K:\n    def __init__(self, v): self.v = v\n    def grow(self): return [0]",
    "k = K([1])",
)
STATE = """
def _plain(v, depth=0):
    if isinstance(v, list) and depth < 8: return ['l', [_plain(x, depth + 1) for x in v]]
    if isinstance(v, dict): return ['d', {k: _plain(x, depth + 1) for k, x in v.items()}]
    if type(v).__name__ == 'K': return ['K', _plain(v.v, depth + 1)]
    if callable(v): return ['f', getattr(getattr(v, '__code__', None), 'co_code', b'').hex(),
                            repr(getattr(getattr(v, '__code__', None), 'co_consts', ''))[:0]]
    return repr(v)[:60] if isinstance(v, (int, str, float)) else type(v).__name__
"""


class Runner:
    """Namespaces of one real IPython shell, which understands magics as a kernel does."""

    def __init__(self) -> None:
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        self.shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
        self.base = set(self.shell.user_ns)

    def begin(self) -> None:
        for name in set(self.shell.user_ns) - self.base:
            del self.shell.user_ns[name]
        self.shell.run_cell(STATE)

    def run(self, source: str) -> bool:
        return bool(self.shell.run_cell(source, silent=True).success)

    def state(self) -> object:
        space = self.shell.user_ns
        names = (*NAMES, "f", "g", "box", "k", "w", "t")
        left = [space["_plain"](space[name]) for name in names if name in space]
        drawn = self.shell.user_ns["r"].getstate() if "r" in space else None
        return left, drawn, list(space["it"]) if "it" in space else None


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner()


def statement(choice: random.Random) -> str:
    x, y, z = choice.choices(NAMES, k=3)
    return choice.choice(STATEMENTS).format(x=x, y=y, z=z, n=choice.randint(1, 9))


def view(sources: list[str]) -> NotebookView:
    cells = (Cell(id=f"c{n}", cell_type="code", source=source) for n, source in enumerate(sources))
    return NotebookView(path="n.ipynb", cells=tuple(cells))


def whole(runner: Runner, sources: list[str]) -> bool:
    runner.begin()
    return all([runner.run(source) for source in sources])


def missed(runner: Runner, seed: int) -> tuple[str, int, int]:
    """What differs ("" for nothing), and how many cells were run again of how many."""
    choice = random.Random(seed)
    before = [*SETUP, *("\n".join([statement(choice)]) for _ in range(choice.randint(3, 9)))]
    at = choice.randrange(len(SETUP), len(before))
    after = list(before)
    after[at] = statement(choice)
    if not whole(runner, after):
        return "", 0, 0
    wanted = runner.state()
    if not whole(runner, before):
        return "", 0, 0
    flow, old = graph(view(after)), graph(view(before))
    again = flow.rerun_after(old, [f"c{at}"])
    for name in flow.left_over(old, [f"c{at}"]):
        runner.shell.user_ns.pop(name, None)
    for cell in again:
        runner.run(after[int(cell[1:])])
    found = runner.state()
    if found == wanted:
        return "", len(again), len(before)
    return (
        f"seed {seed}, cell {at} was {before[at]!r}\n"
        + "\n---\n".join(f"c{n}{' *' * (f'c{n}' in again)}: {source}" for n, source in enumerate(after)),
        len(again),
        len(before),
    )


def test_a_minimal_rerun_gives_the_same_variables(runner: Runner) -> None:
    ran = total = tried = 0
    for seed in range(150):
        difference, again, cells = missed(runner, seed)
        assert not difference, difference
        ran, total, tried = ran + again, total + cells, tried + bool(cells)
    assert tried > 120
    assert ran < 0.5 * total
