"""Cells as plain Python, and which problems are none. Pure values."""

from pathlib import Path

import pytest

from codemad_jupyter.context.diagnostics.documents import CodeCell, Document, text_document
from codemad_jupyter.context.diagnostics.magics import magic_words, opaque, plain
from codemad_jupyter.context.diagnostics.noise import Known, kept
from codemad_jupyter.context.diagnostics.servers import SERVERS, Place, choose
from codemad_jupyter.context.diagnostics.sheets import sheet
from codemad_jupyter.protocol.diagnostics import Diagnosis, Problem, problem_lines


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%matplotlib inline\nx = 1", "\nx = 1"),
        ("if x:\n    !ls {x}\n    %timeit f()", "if x:\n    pass\n    pass"),
        ("files = !ls *.py\nfiles", 'files = eval("")  # noqa\nfiles'),
        ("a, b = %store -r x", 'a, b = eval("")  # noqa'),
        ("!pip install \\\n    pandas\nx", "\n\nx"),
        ("df?\n?df\ndf.head??\nx", "\n\n\nx"),
        ("%%bash\nfor i in 1; do\n  !\ndone", "\n\n\n"),
        ("\n%%time\nx = f()", "\n\nx = f()"),
        ("%%html\n<b>", "\n"),
        ('text = """\n%not a magic\n!neither\n"""\n%magic', 'text = """\n%not a magic\n!neither\n"""\n'),
        ("x = (a\n% b)\ny = a % b", "x = (a\n% b)\ny = a % b"),
        ("x = a \\\n% b", "x = a \\\n% b"),
        ("x != y\nx = y != z", "x != y\nx = y != z"),
        ("s = 'it''s'  # a ' quote\n%who", "s = 'it''s'  # a ' quote\n"),
        ("s = 'open\n%who", "s = 'open\n"),
        ("", ""),
    ],
)
def test_only_what_ipython_alone_knows_is_blanked(source: str, expected: str) -> None:
    assert plain(source) == expected
    assert plain(source).count("\n") == source.count("\n")


def test_a_huge_cell_is_blanked_in_one_pass() -> None:
    source = "x = [1, 2, 3]  # '''\n" * 10_000 + "%who\n"
    assert plain(source).endswith("'''\n\n")


def test_what_a_shell_line_uses_is_used() -> None:
    assert magic_words("for f in x:\n    !echo {f} $np") == {"echo", "f", "np"}
    shown = Document("n.ipynb", "python", cells=(CodeCell("a", "import np.linalg as np\n!echo {np}"),))
    unused = [problem(f"`{name}` imported but unused", code="F401") for name in ("np", "os")]
    assert kept(unused, shown, UNKNOWN, NOWHERE, "ty") == unused[1:]


@pytest.mark.parametrize("source", ["%run a.py", "x\n%load_ext sql", "from os import *", "%pylab"])
def test_cells_that_define_unseen_names_are_known(source: str) -> None:
    assert opaque(source)
    assert not opaque("x = 'run'\nimport os")


def problem(text: str, **more: object) -> Problem:
    return Problem.model_validate({"path": "n.ipynb", "cell": "a", "line": 1, "text": text, **more})


NOTEBOOK = Document("sub/n.ipynb", "python", cells=(CodeCell("a", "x"), CodeCell("b", "y")))


UNKNOWN, NOWHERE = Known(), Path("/nowhere")


def told(problems: list[Problem], known: Known = UNKNOWN, root: Path = NOWHERE) -> list[str]:
    return [each.text for each in kept(problems, NOTEBOOK, known, root, "ty")]


def test_names_of_the_kernel_are_defined() -> None:
    here = [problem("Undefined name `df`", code="F821"), problem("Undefined name `dg`", code="F821")]
    assert told(here, Known(frozenset({"df"}))) == ["Undefined name `dg`"]
    assert told(here, Known(more=True)) == []
    given = [problem(f"Name `{name}` used when not defined", code="unresolved-reference")
             for name in ("display", "_", "_i12", "In", "get_ipython")]  # fmt: skip
    assert told(given) == []
    file = Document("a.py", "python", text="x")
    assert kept(here[:1], file, Known(frozenset({"df"})), NOWHERE, "ty") == here[:1]


def test_modules_beside_the_notebook_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "near.py").write_text("")
    missing = [problem(f"Cannot resolve imported module `{name}`", code="import-not-found")
               for name in ("near", "far.away", "planned", "pkg.part")]  # fmt: skip
    known = Known(files=frozenset({"sub/planned.py", "pkg/part.py"}))
    assert told(missing, known, tmp_path) == ["Cannot resolve imported module `far.away`"]


def test_two_servers_say_it_once() -> None:
    both = [
        problem("Undefined name `q`", code="F821", server="ruff", column=1),
        problem("Name `q` used when not defined", code="unresolved-reference", server="ty", column=1),
        problem("Unused", code="F401", server="ruff", cell="b"),
    ]
    assert told(both) == ["Name `q` used when not defined", "Unused"]
    assert told(both[:1]) == ["Undefined name `q`"]


@pytest.mark.parametrize(
    "path", ["a b#c?.ipynb", "ü/\U0001d4b3%20.ipynb", "new\nline.ipynb", "\udcff.ipynb", "-rf.ipynb"]
)
def test_hostile_names_become_proper_addresses(path: str) -> None:
    shown = sheet(Document(path, "python", cells=(CodeCell("#<&", "x"),)), Path("/w s"), notebooks=True)
    for uri in (shown.uri, shown.parts[0].uri):
        assert uri.isascii()
        assert not set(uri) & set(' "<>\n')
    assert shown.parts[0].uri == "vscode-notebook-cell" + shown.uri.removeprefix("file") + "#c0"


def test_odd_diagnostics_are_taken_as_far_as_they_make_sense() -> None:
    shown = sheet(Document("a.py", "python", text="x"), Path("/w"), notebooks=True)
    odd = [
        {"message": "no range"},
        {"message": None, "range": {"start": {"line": 10**9, "character": -5}}, "code": {"a": 1}, "tags": 3},
        {"message": "hint", "severity": 4},
        {"message": "m" * 10_000, "range": {"start": {"line": "x"}}},
    ]
    found = shown.problems({shown.uri: odd}, "odd")
    assert [(each.line, each.column) for each in found] == [(1, 1), (10**9 + 1, 1), (1, 1)]
    assert len(found[2].text) == 500


def test_no_program_inside_an_untrusted_folder_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "env" / "bin"
    folder.mkdir(parents=True)
    for name in ("ruff", "ty", "gopls"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}::.:env/bin")
    monkeypatch.chdir(tmp_path)
    for language in ("python", "go"):
        used = choose(language, Place(tmp_path, tmp_path / "env", False)).used
        assert not [program for _, program in used if Path(program).is_relative_to(tmp_path)]
    trusted = choose("go", Place(tmp_path, tmp_path / "env", True))
    assert [program for _, program in trusted.used] == [str(folder / "gopls")]
    elsewhere = choose("go", Place(tmp_path / "other", tmp_path / "env", False))
    assert not elsewhere.used
    assert [server.name for server in elsewhere.distrusted] == ["gopls"]


def test_each_server_can_be_had_somehow() -> None:
    assert all(server.install and server.languages for server in SERVERS)
    assert {server.role for server in SERVERS if "python" in server.languages} == {"types", "lint"}
    assert text_document("notes.txt", "") is None


def test_problems_are_told_in_lines() -> None:
    found = (problem("wrong", server="ty", code="c"), problem("odd", cell="b", severity="warning"))
    diagnosis = Diagnosis(problems=(*found, *found), more=3)
    lines = problem_lines(diagnosis, path="n.ipynb", cell="a", most=2)
    assert lines == ["line 1: error: wrong [ty c]", "cell b, line 1: warning: odd", "… and 5 more"]
