"""The command line itself: help that names everything, usage errors, parameters, what kernels get to see."""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from codemad_jupyter.batch.cli import main, parser
from codemad_jupyter.batch.kernel_environment import asked_models, kernel_environment
from codemad_jupyter.batch.parameters import inject, read_parameters, read_value, unnamed
from codemad_jupyter.protocol.errors import UsageError
from tests.waiting import LIMIT


def subparsers() -> dict[str, argparse.ArgumentParser]:
    actions = parser()._actions
    return next(a.choices for a in actions if isinstance(a, argparse._SubParsersAction))


def test_help_lists_every_subcommand() -> None:
    text = parser().format_help()
    documented = {
        "run", "record", "cassette", "ask", "apply", "attach", "audit", "batch", "merge", "verify", "check",
        "checkpoints", "blame", "agents", "context", "config", "doctor", "gateway", "index", "keys", "logs",
        "mcp", "memory", "plan", "relay", "roles", "models", "permissions", "search", "sessions", "sql",
        "backup", "restore", "export-data", "erase", "team", "trust"
    }  # fmt: skip
    assert set(subparsers()) == documented
    for name in subparsers():
        assert f"\n    {name}" in text
    assert "--version" in text
    assert "130" in text


@pytest.mark.parametrize(
    "name",
    [
        "run",
        "record",
        "cassette",
        "ask",
        "apply",
        "doctor",
        "models",
        "trust",
        "config",
        "keys",
        "permissions",
        "audit",
    ],
)
def test_help_of_a_subcommand_lists_every_option(name: str) -> None:
    sub = subparsers()[name]
    text = " ".join(sub.format_help().split())
    for action in sub._actions:
        assert action.help, f"{action.dest} has no help"
        for option in action.option_strings or [action.metavar]:
            assert str(option) in text
        expanded = sub._get_formatter()._expand_help(action)
        assert " ".join(expanded.split()) in text
    assert "exit codes" in text


def test_examples_of_the_help_are_commands_that_make_sense() -> None:
    lines = [line for sub in subparsers().values() for line in (sub.epilog or "").splitlines()]
    examples = [shlex.split(line) for line in lines if line.startswith("  codemad ")]
    assert {words[1] for words in examples} >= {"run", "batch", "ask", "config", "keys", "sessions", "sql"}
    for words in examples:
        parser().parse_args(words[1 : words.index("<") if "<" in words else None])


@pytest.mark.parametrize(
    ("arguments", "usage", "said"),
    [
        (["rum", "a.ipynb"], "usage: codemad [-h]", "there is no 'rum'; did you mean run?"),
        (["sessions", "lst"], "usage: codemad sessions [-h]", "there is no 'lst'; did you mean list?"),
        (["cassette", "x", "y"], "usage: codemad cassette", "choose from show, check, prune"),
        (["search", "x", "--rot", "y"], "usage: codemad search", "unknown arguments: --rot y"),
        (["config", "list", "a", "b", "c"], "usage: codemad config", "unknown arguments: c"),
    ],
)
def test_a_slip_is_named_with_what_was_meant(
    arguments: list[str], usage: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    err = capsys.readouterr().err
    assert err.startswith(usage)
    assert said in err
    assert len(err) < 600


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["team", "x", "--agents", "9"], "A team has 2 to 6 agents, not 9. Give --agents 3."),
        (["mcp", "serve", "x"], "codemad mcp serve takes no NAME."),
        (["batch", "."], ". is a folder. Name a TOML file"),
    ],
)
def test_what_makes_no_sense_is_said_in_words_of_the_command(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"codemad: {said}")


def test_a_terminal_that_lacks_letters(tmp_path: Path) -> None:
    done = run("--help", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u20" in done.stdout


def test_nobody_to_write_to(tmp_path: Path) -> None:
    closed = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    done = run("ask", "what can you do", cwd=tmp_path, before=[sys.executable, "-c", closed])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with Path("/dev/full").open("w") as full:
        done = run("config", "get", "max_steps", cwd=tmp_path, stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith("codemad: The output cannot be written: No space left")
    assert len(done.stderr.splitlines()) == 1


def run(
    *words: str, cwd: Path, before: Sequence[str] = (), stdout: Any = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    own.update(environment, CODEMAD_DATA_DIR=str(cwd / "data"))
    command = [*before, *([] if before else [sys.executable]), "-m", "codemad_jupyter.batch.cli", *words]
    return subprocess.run(
        command, cwd=cwd, env=own, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=LIMIT
    )


def test_help_and_version_are_light() -> None:
    code = (
        "import sys, codemad_jupyter.batch.cli as cli\n"
        "cli.main(['--version'])\n"
        "heavy = {'nbformat', 'duckdb', 'pydantic', 'jupyter_client', 'IPython'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT)
    assert (done.returncode, done.stdout.split()[0]) == (0, "codemad"), done.stderr


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: codemad" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["run"],
        ["run", "a.ipynb"],
        ["run", "a.ipynb", "-o", "b.ipynb", "--polcy", "auto"],
        ["run", "a.ipynb", "-o", "b.ipynb", "--policy", "always"],
        ["run", "a.ipynb", "-o", "b.ipynb", "--timeout", "-1"],
        ["run", "a.ipynb", "-o", "b.ipynb", "--timeout", "soon"],
        ["ask"],
    ],
)
def test_bad_usage_exits_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-2.5", -2.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("None", None),
        ("x y", "x y"),
        ("", ""),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("1e999", "1e999"),
        ("[1]", "[1]"),
        ('"q"', '"q"'),
        ("007", "007"),
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
    ],
)
def test_values_are_read_as_what_they_look_like(text: str, value: object) -> None:
    assert read_value(text) == value
    assert type(read_value(text)) is type(value)


@pytest.mark.parametrize("text", ["x", "=1", "a b=1", "1a=1", "class=1", "x;y=1", "--x=1"])
def test_what_is_no_parameter_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no parameter"):
        read_parameters([text], [])


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="given twice"):
        read_parameters(["a=1"], ["a=2"])


def cell(source: str = "", *tags: str) -> dict[str, object]:
    return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source}


HOSTILE = "'; import os; os.system('x') #\n\"\"\"\\"


def test_injected_text_stays_text() -> None:
    new = cell()
    inject([], {"a": HOSTILE, "n": 3, "t": True, "z": None}, new)
    found: dict[str, object] = {}
    exec(str(new["source"]), found)  # noqa: S102 - that it is harmless is the point
    assert (found["a"], found["n"], found["t"], found["z"]) == (HOSTILE, 3, True, None)


def test_a_parameter_that_no_cell_names() -> None:
    cells = [
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "region = 'north'"},
        {"cell_type": "code", "metadata": {"tags": ["injected-parameters"]}, "source": "regiom = 'south'"},
        {"cell_type": "code", "metadata": {}, "source": "print(year_)"},
        {"cell_type": "markdown", "metadata": {}, "source": "The year."},
    ]
    assert unnamed(cells, {"region": "south", "regiom": "south", "year": 3}) == ["regiom", "year"]


def test_where_the_injected_cell_goes() -> None:
    plain, tagged, old = cell("1"), cell("2", "parameters"), cell("3", "injected-parameters")
    assert [c["source"] for c in inject([plain], {}, cell())] == ["# Parameters", "1"]
    assert [c["source"] for c in inject([plain, tagged], {}, cell())] == ["1", "2", "# Parameters"]
    assert [c["source"] for c in inject([tagged, old, plain], {}, cell())] == ["2", "# Parameters", "1"]


def test_kernels_see_no_key_and_no_token() -> None:
    environ = {
        "ANTHROPIC_API_KEY": "a",
        "OPENAI_API_KEY": "o",
        "CODEMAD_COMPATIBLE_KEY": "c",
        "JUPYTERHUB_API_TOKEN": "h",
        "JUPYTER_TOKEN": "j",
        "CODEMAD_KERNEL_TOKEN": "k",
        "CODEMAD_JUPYTER_URL": "u",
        "WEATHER_API_KEY": "mine",
        "PATH": "/bin",
    }
    assert kernel_environment(environ, []) == {"WEATHER_API_KEY": "mine", "PATH": "/bin"}
    assert set(kernel_environment(environ, ["openai/gpt-x"])) == {"OPENAI_API_KEY", "WEATHER_API_KEY", "PATH"}
    assert "CODEMAD_COMPATIBLE_KEY" in kernel_environment(environ, ["compatible/m"])
    assert "JUPYTER_TOKEN" not in kernel_environment(environ, ["litellm/x/y"])


def test_the_models_a_notebook_asks() -> None:
    assert asked_models(["x = 1", "print('%%codemad')"]) == set()
    assert asked_models(["%%codemad -m a/b\nhi", "%codemad what", "%%codemad --model=c/d -n\nx"]) == {
        "a/b",
        "c/d",
        "",
    }
