"""Explaining cells, docstrings, test skeletons and searching, on real source."""

import ast
import importlib.util

import pytest

AREA = """import math


def circle_area(radius: float, *, digits: int = 2) -> float:
    if radius < 0:
        raise ValueError("negative")
    return round(math.pi * radius**2, digits)
"""


@pytest.mark.parametrize(
    "words",
    [
        "explain this cell",
        "what does this cell do?",
        "explain cell 1",
        "walk me through this code",
        "describe the cell c1",
        "what is this code doing",
        "explain the first cell",
        "summarise this cell",
    ],
)
def test_cells_are_explained(room, words):
    here = room()
    here.cell(
        "import pandas as pd\nraw = pd.read_csv('in.csv')\nfor n in range(3):\n    df['x'] = df['x'] * n\n"
        "clean = clean.dropna()\nclean.to_csv('out.csv')"
    )
    text = here.ask(words)
    assert "It imports: `pandas`" in text
    assert "It reads these names from earlier cells: `df`, `clean`" in text
    assert "It changes in place: `df`" in text
    assert "Files it reads: `in.csv`" in text
    assert "Files it writes: `out.csv`" in text
    assert "1 loops and 0 branches" in text
    assert "loops over `range(3)`" in text
    assert not here.proposed


def test_cells_are_chosen_by_number_id_and_function(room):
    here = room()
    here.cell("a = 1")
    here.cell(AREA)
    here.cell("# Title", cell_type="markdown")
    here.cell("b = 2")
    assert "sets `a`" in here.ask("explain cell 1")
    assert "defines the function `circle_area`" in here.ask("explain the function circle_area")
    assert "not code" in here.ask("explain cell 3")
    assert "sets `b`" in here.ask("explain the last cell")
    assert "no cell 9" in here.ask("explain cell 9")
    assert "sets `a`" in here.ask("what does cell c1 do")
    here.active = None
    assert here.ask("explain this cell").endswith("or click into one.")


def test_pasted_and_broken_code(room):
    here = room()
    assert "sets `x` to `1 + 1`" in here.ask("explain this:\n```python\nx = 1 + 1\n```")
    here.cell("for x in")
    assert "cannot be read as Python" in here.ask("explain this cell")
    here.cell("")
    assert "is empty" in here.ask("explain this cell")


@pytest.mark.parametrize(
    "words",
    [
        "write a docstring for circle_area",
        "add docstring to circle_area",
        "document the function circle_area",
        "docstring",
        "please generate a Google docstring for `circle_area`",
        "circle_area needs a doc string",
        "document circle_area()",
    ],
)
def test_a_google_docstring(room, words):
    here = room()
    here.cell(AREA)
    text = here.ask(words)
    assert here.replaced == "c1", text
    function = next(n for n in ast.parse(here.proposed).body if isinstance(n, ast.FunctionDef))
    doc = ast.get_docstring(function)
    assert doc == (
        "Circle area.\n\nArgs:\n    radius (float): The radius.\n"
        "    digits (int, optional): The digits. Defaults to 2.\n\n"
        "Returns:\n    float: The result.\n\n"
        "Raises:\n    ValueError: When the input does not allow a result."
    )
    assert here.after["circle_area"](1.0) == 3.14


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): return x",
        "class A:\n    def f(self, x):\n        return x",
        "@staticmethod\ndef f(a, /, b=1, *c, d, **e):\n    yield a",
        'async def f(\n    x: \'a"""b\' = \'"""\',\n):\n    pass',
        "def f():\n\n    # note\n    @property\n    def inner(): return 1\n    return inner",
        "def f(x, y='\\\\'):\n\tif x:\n\t\treturn y",
        "x = 'é'; y = 2\ndef f(é='ü'): return é; z = 3",
    ],
)
@pytest.mark.parametrize("style", ["google", "numpy"])
def test_docstrings_fit_any_function(room, source, style):
    here = room()
    here.cell(source)
    here.ask(f"write a {style} docstring for f")
    nodes = [n for n in ast.walk(ast.parse(here.proposed)) if getattr(n, "name", "") == "f"]
    assert ast.get_docstring(nodes[0]), here.proposed
    before = [ast.dump(n) for n in ast.walk(ast.parse(source)) if getattr(n, "name", "") == "f"]
    nodes[0].body.pop(0)
    assert ast.dump(nodes[0]) == before[0]


def test_docstrings_that_exist_and_functions_that_do_not(room):
    here = room()
    here.cell('def f():\n    """Done."""')
    assert "has a docstring already" in here.ask("write a docstring for f")
    assert "I find no function `g_missing`" in here.ask("write a docstring for g_missing")
    here.cell("def h(): pass\ndef k(): pass")
    assert "Which function do you mean" in here.ask("write a docstring")
    assert not here.proposed


def test_a_docstring_in_a_file(room, tmp_path):
    (tmp_path / "shapes.py").write_text(AREA)
    here = room()
    here.notebook = False
    here.ask("write a numpy docstring for circle_area")
    assert here.path == "shapes.py"
    assert "Parameters\n    ----------" in here.proposed
    ast.parse(here.proposed)


@pytest.mark.parametrize(
    "words",
    [
        "write tests for circle_area",
        "pytest for circle_area",
        "add a unit test for `circle_area`",
        "generate test cases for circle_area",
        "test the function circle_area",
        "make a pytest skeleton for circle_area()",
    ],
)
def test_tests_in_a_cell_run(room, words, capsys):
    here = room()
    here.cell(AREA, run=True)
    text = here.ask(words)
    assert here.after, text
    assert "3 tests of circle_area passed" in capsys.readouterr().out
    assert "def test_circle_area_needs_its_arguments" in here.proposed


@pytest.mark.parametrize(
    "source",
    [
        "def f(df):\n    return df.describe()",
        "def f(path: Path) -> str:\n    return str(path)",
        "def f(names: list[str], *, flag: bool) -> list:\n    return sorted(names)",
        "def f():\n    pass",
        "def f(values, scale=2):\n    for value in values:\n        yield value * scale",
    ],
)
def test_example_values_follow_types_and_names(room, source):
    from pathlib import Path

    here = room(Path=Path)
    here.cell(source, run=True)
    text = here.ask("write tests for f")
    assert here.after, text
    assert "passed" in here.proposed


def test_a_failing_guess_is_said(room):
    here = room()
    here.cell("def f(colour):\n    return {'red': 1}[colour]", run=True)
    assert "trial run failed" in here.ask("write tests for f")


def test_tests_for_a_file_go_into_a_new_file(room, tmp_path, monkeypatch):
    (tmp_path / "shapes.py").write_text(AREA)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_circle_area.py").write_text("")
    here = room()
    here.ask("write tests for circle_area")
    assert here.path == "tests/test_circle_area_2.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    target = tmp_path / here.path
    target.write_text(here.proposed)
    spec = importlib.util.spec_from_file_location("generated", target)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.test_circle_area_runs()
    module.test_circle_area_needs_its_arguments()


@pytest.mark.parametrize(
    "words",
    [
        "where is circle_area defined?",
        "where do I use circle_area",
        "search for circle_area",
        "find circle_area in the workspace",
        'which file contains "circle_area"?',
        "look for circle_area in my project",
        "usages of circle_area",
    ],
)
def test_searching(room, tmp_path, words):
    (tmp_path / "shapes.py").write_text(AREA)
    text = room().ask(words)
    assert "- `shapes.py:4`: `def circle_area(radius: float, *, digits: int = 2) -> float:`" in text


def test_searching_in_vain(room):
    assert "nowhere" in room().ask("where is zebra_crossing used?")
    assert "What shall I look for" in room().ask("search in the files")
