"""What cells read, write and change, as a table; the graph; and that no text can break it."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codemad_jupyter.notebooks.dataflow import GIVEN, graph
from codemad_jupyter.notebooks.magic_uses import uses
from codemad_jupyter.notebooks.staleness import stale
from codemad_jupyter.protocol.kernels import Cell, NotebookView

TABLE = [
    line.split(" -> ")
    for line in r"""
x = 1 -> | x |
y = x + 1 -> x | y |
x += 1 -> x | x |
a, (b, *c) = t -> t | a b c |
x: int = y -> y | x |
x: int -> | |
df['a'] = 1 -> df | | df
df.loc[i, 'a'] = v -> df i v | | df
obj.attr = z -> obj z | | obj
obj.a.b += 1 -> obj | | obj
del d['k'] -> d | | d
del x -> x | |
df.drop(columns='a', inplace=True) -> df | | df
df.drop(columns='a', inplace=False) -> df | |
df = df.dropna() -> df | df |
xs.append(1) -> xs | | xs
n = xs.pop() -> xs | n | xs?
d.update(e) -> d e | | d
xs.sort() -> xs | | xs
sorted(xs) -> xs | |
model.fit(X, y) -> model X y | | model?
m = model.fit(X) -> model X | m | model?
df.head() -> df | |
df.to_csv('x') -> df | |
xs = []\nxs.append(1) -> | xs |
random.shuffle(xs) -> random xs | | xs?
setattr(o, 'a', 1) -> o | | o
import numpy as np -> | np |
import a.b.c -> | a |
from a import b as c, d -> | c d |
from a import * -> | |
for i in xs: t += i -> xs t | i? t? |
for i in xs: pass\nprint(i) -> xs i? | i? |
while go: x = 1 -> go | x? |
if c: x = 1 -> c | x? |
if c: x = 1\nelse: x = 2 -> c | x |
if c: x = 1\nelse: raise E -> c E | x |
if __name__ == '__main__': x = 1 -> | x |
with open(p) as fh: data = fh.read() -> p | fh data |
try:\n import a\nexcept ImportError:\n a = None -> | a |
try:\n x = f()\nexcept E as e:\n print(e) -> f E | x? |
[i for i in xs if i > k] -> xs k | |
{k: v for k, v in d.items()} -> d | |
[y for x in xs for y in x] -> xs | |
[(n := x) for x in xs] -> xs | n |
(n := len(xs)) -> xs | n |
x = a if c else b -> a b c | x |
def f(a): return a + g -> | f |
def f(a): return a + g\nf(1) -> g | f |
def f(a=d): pass -> d | f |
def f(a: T) -> T: pass -> T | f |
@dec\ndef f(): pass -> dec | f |
async def f(): await g() -> | f |
await go(x) -> go x | |
def f():\n global n\n n = 1\nf() -> | f n? |
def f(): cache.append(1)\nf() -> cache | f | cache?
def f(d): d['a'] = 1\nf(x) -> x | f | x?
def f(d):\n d = d.copy()\n d['a'] = 1\nf(x) -> x | f |
f = lambda r: r + k -> | f |
f = lambda r: r + k\nf(1) -> k | f |
df.apply(lambda r: r + k) -> df k | |
class A(B):\n k = c\n def m(self): return z -> B c | A |
class A:\n def m(self): return z\nA() -> z | A |
f'{x!r:>{w}}' -> x w | |
match x:\n case [a, *r]: y = a\n case _: y = 0 -> x | a? r? y |
return_ = yield_ -> yield_ | return_ |
%matplotlib inline -> | |
%time y = f(x) -> f x | y |
%timeit -n 10 y = f(x) -> f x | |
%%time\ny = x -> x | y |
%%timeit\ny = x -> x | |
%%capture out\ny = x -> x | y out |
%%bash\necho $HOME -> | |
%%bash --out text\nls -> | text |
%%html\n<b>x</b> -> | |
%%writefile a.py\nx = y -> | |
%%sql res << select * from t where a = :b -> b? | res |
%run other.py -> | |
!ls {folder} -> folder? | |
files = !ls $folder -> folder? | files |
x = %timeit -o f() -> f | x |
%store x -> x | |
%store -r x -> | x |
x? -> x? | |
%%codemad\nplot x by y -> | |
%%R -i df -o res\nres <- df -> df | res |
%xdel x -> x | |
x.y.z -> x | |
""".strip().splitlines()
]


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line[0])
def test_what_a_cell_does_with_names(line: list[str]) -> None:
    source, expected = " -> ".join(line[:-1]).replace("\\n", "\n"), line[-1]
    found = uses(source)
    assert not found.unknown
    kinds = [
        {
            u.name + "?" * (not u.certain)
            for u in found.uses
            if u.kind == kind and u.name not in GIVEN and u.name.isidentifier()
        }
        for kind in ("read", "write", "mutate")
    ]
    assert kinds == [set(part.split()) for part in (expected + " | |").split("|")[:3]]


def test_the_table_is_large_enough() -> None:
    assert len(TABLE) >= 80


def notebook(*sources: str, counts: tuple[int | None, ...] = ()) -> NotebookView:
    numbers = counts or tuple(range(1, len(sources) + 1))
    cells = (
        Cell(id=f"c{at}", cell_type="code", source=source, execution_count=numbers[at])
        for at, source in enumerate(sources)
    )
    return NotebookView(path="n.ipynb", cells=tuple(cells))


def test_who_feeds_whom() -> None:
    flow = graph(notebook("df = load()", "df = clean(df)", "df['a'] = 1", "z = 3", "print(df)"))
    assert flow.upstream("c4") == {"c0", "c1", "c2"}
    assert flow.downstream("c1") == {"c2", "c4"}
    assert flow.needed_for("c4") == ("c0", "c1", "c2")
    assert flow.missing["c0"] == {"load"}


def test_a_function_reads_what_is_there_when_it_is_called() -> None:
    flow = graph(notebook("def f(): return k", "g = f", "k = 1", "g()", "k = 2"))
    assert flow.upstream("c3") == {"c0", "c1", "c2"}
    assert flow.missing["c0"] == frozenset()


def test_a_rerun_renews_inputs_that_were_changed_in_place() -> None:
    flow = graph(notebook("df = make()", "df['a'] = 1", "print(df)", "other = 2"))
    assert flow.minimal_rerun(["c1"]) == ("c0", "c1", "c2")
    assert flow.minimal_rerun(["c2"]) == ("c2",)
    assert flow.minimal_rerun(["c3"]) == ("c3",)


def test_a_change_through_another_name_counts() -> None:
    flow = graph(notebook("a = [1]", "b = a", "b.append(2)", "print(a)"))
    assert "c2" in flow.upstream("c3")


def test_setup_of_the_process_is_needed() -> None:
    flow = graph(notebook("import numpy as np", "np.random.seed(0)", "y = 1", "x = np.random.rand()"))
    assert flow.needed_for("c3") == ("c0", "c1")


def test_stale_cells() -> None:
    view = notebook("x = 1", "y = x", "print(y)", "w = v", "(", counts=(9, 2, 3, None, None))
    found = {(reason.cell, reason.kind) for reason in stale(view)}
    assert {("c1", "newer_input"), ("c1", "out_of_order"), ("c2", "stale_input")} <= found
    assert {("c3", "never_run"), ("c3", "missing"), ("c4", "unknown")} <= found
    assert "c0" not in {cell for cell, _ in found}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(), max_size=4))
def test_no_text_can_break_it(sources: list[str]) -> None:
    view = notebook(*sources)
    flow = graph(view)
    stale(view, flow)
    assert flow.order == tuple(cell.id for cell in view.cells)


@pytest.mark.parametrize(
    "source", ["(" * 5000, "x" + ".a" * 20000, "-" * 9000 + "1", "%%time\n" * 300, "\0", "\ud800"]
)
def test_odd_texts(source: str) -> None:
    assert graph(notebook(source)).order == ("c0",)


@pytest.mark.parametrize("body", ["xs.append(1)", "x{i} = x{j} + 1", "def f{i}(): return f{j}()\nf{i}()"])
def test_ten_thousand_cells(body: str) -> None:
    view = notebook("xs = []; x0 = 0\ndef f0(): pass", *(body.format(i=i, j=i - 1) for i in range(1, 10_000)))
    began = time.process_time()
    flow = graph(view)
    flow.minimal_rerun(["c0"])
    flow.needed_for("c9999")
    stale(view, flow)
    assert time.process_time() - began < 20
