"""Real errors, raised by real code: the mended cell runs."""

import pandas as pd
import pytest


@pytest.mark.parametrize(
    "words",
    [
        "fix the last error",
        "what went wrong?",
        "please fix this",
        "why does this fail?",
        "debug this cell",
        "explain the error",
        "this doesn't work",
        "repair my code",
        "I get a NameError",
        "/fix",
    ],
)
def test_a_missing_import(room, words):
    here = room()
    here.cell("x = np.arange(3)\nx.sum()", run=True)
    text = here.ask(words)
    assert here.replaced == "c1"
    assert here.value == 3
    assert "`NameError` (cell 1, line 1)" in text
    assert "import numpy as np" in here.proposed


@pytest.mark.parametrize(
    ("source", "mended"),
    [
        ("df.head()\npd.DataFrame()", "import pandas as pd\ndf.head()\npd.DataFrame()"),
        ("sum(pricess)", "sum(prices)"),
        ("Prices[0]", "prices[0]"),
        (
            "train_test_split([1, 2])",
            "from sklearn.model_selection import train_test_split\ntrain_test_split([1, 2])",
        ),
        ("qqqq(prices)\n", None),
        ("json.dumps(prices)", "import json\njson.dumps(prices)"),
        ("'pricess', pricess, len(pricess)", "'pricess', prices, len(prices)"),
        ("é = 'é'; é + str(pricess)", "é = 'é'; é + str(prices)"),
    ],
)  # fmt: skip
def test_names(room, source, mended):
    here = room(prices=[1, 2], df=pd.DataFrame({"a": [1]}))
    here.cell(source, run=True)
    here.ask("fix the error")
    if mended is None:
        assert not here.proposed
    else:
        assert here.proposed == mended
        assert here.after


def test_a_name_from_a_cell_that_did_not_run(room):
    here = room()
    here.cell("rate = 0.5")
    here.cell("rate * 2", run=True)
    text = here.ask("fix it: the error")
    assert "Cell 1 defines it" in text
    assert not here.proposed


@pytest.mark.parametrize(
    ("source", "mended"),
    [
        ("df['Mean_Radius'].mean()", "df['mean radius'].mean()"),
        ("df[['diagnosis', 'mean raduis']].head()", "df[['diagnosis', 'mean radius']].head()"),
        ("df.groupby('diagnosys')['mean radius'].mean()", "df.groupby('diagnosis')['mean radius'].mean()"),
        ("df.sort_values('worst-area')", "df.sort_values('worst area')"),
        ("df.drop(columns=['mean perimiter'])", "df.drop(columns=['mean perimeter'])"),
        ("title = 'Mean Area'\ndf['Mean Area'].max()", "title = 'Mean Area'\ndf['mean area'].max()"),
        ("df[['meen radius', 'meen texture']]", "df[['mean radius', 'mean texture']]"),
        ("df.mean_radius.max()", "df['mean radius'].max()"),
        ("df.Diagnosis.unique()", "df['diagnosis'].unique()"),
        ("df.group_by('diagnosis').size()", "df.groupby('diagnosis').size()"),
        ("df.sort_valeus('mean area')", "df.sort_values('mean area')"),
        ("df['diagnosis'].value_count()", "df['diagnosis'].value_counts()"),
        ("pd.read_cvs", "pd.read_csv"),
        ("'abc'.uppercase()", "'abc'.upper()"),
        ("[1].push(2)", "[1].append(2)"),
        ("np.float(3)", "np.float64(3)"),
    ],
)
def test_keys_and_attributes(room, cancer, source, mended):
    import numpy as np

    here = room(df=cancer, pd=pd, np=np)
    here.cell(source, run=True)
    text = here.ask("fix the last error")
    assert here.proposed == mended, text
    assert here.after, text


def test_a_key_without_a_likeness_proposes_nothing(room, iris):
    here = room(iris=iris, settings={"a": 1})
    here.cell("iris['zzzz']", run=True)
    text = here.ask("fix the error")
    assert "No column has a similar name" in text
    assert "`species`" in text
    assert not here.proposed
    here.cell("settings['b']", run=True)
    assert "`KeyError`" in here.ask("fix the error")
    assert here.proposed in ("",) or "species" not in here.proposed


@pytest.mark.parametrize(
    ("module", "distribution"), [("cv2", "opencv-python"), ("xgboost", "xgboost"), ("bs4", "beautifulsoup4")]
)
def test_known_modules_are_installed_by_their_right_name(room, module, distribution):
    here = room()
    cell = here.cell(f"import {module}")
    here.error = error(f"No module named '{module}'", f"import {module}")
    text = here.ask("fix the error")
    assert here.proposed == f"%pip install {distribution}"
    assert here.before == cell
    assert f"`{distribution}`" in text


def error(message: str, source: str, name: str = "ModuleNotFoundError"):
    from codemad_jupyter.protocol.kernels import LastError

    return LastError(name=name, message=message, cell_source=source, line=1)


def test_sklearn_comes_from_scikit_learn(room):
    here = room()
    source = "from sklearn.svm import SVC"
    here.cell(source)
    here.error = error("No module named 'sklearn'", source)
    here.ask("fix the error")
    assert here.proposed == "%pip install scikit-learn"


@pytest.mark.parametrize(
    ("source", "mended"),
    [
        ("import panda as pd\npd.DataFrame()", "import pandas as pd\npd.DataFrame()"),
        ("from matplotlb import pyplot", "from matplotlib import pyplot"),
        ("import Json\nJson.dumps(1)", "import json\njson.dumps(1)"),
    ],
)
def test_misspelt_modules_are_never_installed(room, source, mended):
    here = room()
    here.cell(source, run=True)
    text = here.ask("fix the error")
    assert here.proposed == mended
    assert "pip" not in here.proposed
    assert here.after, text


def test_unknown_modules_are_never_installed(room):
    here = room()
    here.cell("import qqzzy_things", run=True)
    text = here.ask("fix the error")
    assert not here.proposed
    assert "propose no installation" in text


def test_a_module_of_the_workspace_is_pointed_at(room, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "qqzzy_things.py").write_text("x = 1\n")
    here = room()
    here.cell("import qqzzy_things", run=True)
    assert "`lib/qqzzy_things.py`" in here.ask("fix the error")


def test_a_missing_file_is_found_in_the_workspace(room, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "data" / "Sales_2025.csv").write_text("a\n1\n")
    (tmp_path / "data" / "other.csv").write_text("a\n1\n")
    monkeypatch.chdir(tmp_path / "work")
    here = room(pd=pd)
    here.cell("df = pd.read_csv('sales_2025.csv')\nlen(df)", run=True)
    text = here.ask("fix the error")
    assert here.proposed == "df = pd.read_csv('../data/Sales_2025.csv')\nlen(df)"
    assert here.value == 1
    assert "`data/Sales_2025.csv`" in text
    here.cell("open('nothing_like_it.xml')", run=True)
    assert "no .xml files" in here.ask("fix the error")
    assert not here.proposed


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("total = 0\nfor n in range(3)\n    total += n\ntotal", 3),
        ("if 1 > 0  # always\n    x = 1\nx", 1),
        ("def f(a)\n    return a\nf(4)", 4),
        ("len([1, 2, 3", 3),
        ("max((1, 2)", 2),
        ("d = {'a': [1, 2], 'b': [3]\nlen(d)", 2),
        ("len('abc)", 3),
        ('text = "abc\nlen(text)', 3),
        ("len('it's')", 4),
        ("len(\"abc')", 3),
        ("x = '''abc", None),
        ("print 'a'", None),
        ("x = 3\nif x = 3:\n    y = 1\ny", 1),
        ("sum([1, 2))", 3),
        ("sum([1, 2]))", 3),
        ("sum([1 2])", 3),
        ("def f():\nreturn 1\nf()", 1),
        ("def f(x:\n    return x\nf(2)", 2),
        ("  x = 5\nx", 5),
        ("class A\n    pass\nA.__name__", "A"),
        ("for i in range(3:\n    pass\ni", 2),
        ("x = [1,\n     2\nsum(x)", 3),
        ("while True\n    break\n7", 7),
    ],
)
def test_syntax(room, source, value):
    here = room()
    here.cell(source, run=True)
    text = here.ask("fix the error")
    assert here.proposed, text
    assert here.value == value, here.proposed
    assert "`SyntaxError`" in text or "`IndentationError`" in text


def test_syntax_behind_magics(room):
    here = room()
    here.cell("%matplotlib inline\n!ls\nfor n in range(2)\n    pass")
    here.error = error("expected ':' (cell, line 3)", here.cells[0]["source"], "SyntaxError")
    here.ask("fix the error")
    assert here.proposed == "%matplotlib inline\n!ls\nfor n in range(2):\n    pass"


@pytest.mark.parametrize("source", ["x = = 3", "@@@@ ???", "def (:", "return return"])
def test_hopeless_syntax_is_said_plainly(room, source):
    here = room()
    here.cell(source, run=True)
    assert "I propose" in here.ask("fix the error") or here.proposed


@pytest.mark.parametrize(
    "source", ["1 / 0", "[1][5]", "'a' + 1", "int('x')", "assert 1 == 2", "raise RuntimeError('boo')"]
)
def test_other_errors_are_explained_without_a_change(room, source):
    here = room()
    here.cell(source, run=True)
    text = here.ask("fix the error")
    assert here.error.name in text
    assert "propose none" in text
    assert not here.proposed


def test_no_error_at_all(room):
    assert "remembers no error" in room().ask("fix the last error")


def test_without_the_cell_the_mended_code_is_inserted(room):
    here = room()
    here.run("math.sqrt(4)")
    text = here.ask("fix the error")
    assert not here.replaced
    assert here.value == 2.0
    assert "import math" in here.proposed
    here.notebook = False
    text = here.ask("fix the error")
    assert "```python\nimport math\nmath.sqrt(4)\n```" in text


def test_of_equal_cells_the_active_one_is_mended(room):
    here = room()
    here.cell("math.pi")
    here.cell("math.pi", run=True)
    here.cell("math.pi")
    here.active = "c2"
    here.ask("fix the error")
    assert here.replaced == "c2"
