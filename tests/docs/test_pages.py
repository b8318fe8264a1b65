"""Every command, cell and file of the documentation, run as a reader would."""

from __future__ import annotations

import re
from argparse import _SubParsersAction
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from codemad_jupyter.batch.cli import parser
from codemad_jupyter.magics.subcommand_forms import SUBCOMMANDS
from tests.docs.answers import answers
from tests.docs.desk import Desk
from tests.docs.pages import Block, blocks, missing, read
from tests.docs.warm_codemad import warm_codemad
from tests.servers.model_server import ModelServer

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [page for page in sorted(DOCS.glob("*.md")) if page.name != "reference.md"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with warm_codemad(tmp_path_factory.mktemp("programs")) as folder:
        yield folder


@pytest.fixture
def desk(tmp_path: Path, programs: Path, model_server: ModelServer) -> Iterator[Desk]:
    model_server.play(*answers())
    desk = Desk(tmp_path, programs, CODEMAD_ANTHROPIC_BASE_URL=model_server.url)
    yield desk
    desk.close()


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(b.runs for b in read(page))], ids=lambda p: p.stem
)
def test_what_a_page_says_to_do_does_what_it_says(page: Path, desk: Desk) -> None:
    for block in read(page):
        where = f"{page.name}, line {block.line}"
        if block.caption:
            desk.write(block)
        elif block.runs and not block.not_run:
            code, output = desk.run(block)
            assert code == block.ends_with, f"{where} ended with {code}:\n{block.text}\n{output}"
            lacking = missing(block.shows, output)
            assert not lacking, f"{where} does not show “{lacking}” there:\n{block.text}\n{output}"


NOT_RUN = {
    "it installs from a package registry": 1,
    "it goes on until you stop it": 1,
    "tests/batch/test_clusters.py starts clusters; one more would take as long again": 1,
}
"""All that the pages tell a reader to do and no test does, and why."""


def every_block() -> list[Block]:
    return [block for page in PAGES for block in read(page)]


def test_all_but_a_few_blocks_are_run() -> None:
    assert Counter(block.not_run for block in every_block() if block.not_run) == NOT_RUN
    assert sum(block.runs for block in every_block()) > 10 * len(NOT_RUN)


def test_no_command_hides_in_a_block_that_is_not_run() -> None:
    known = (
        "sh",
        "ipython",
        "text",
        "toml",
        "python",
        "diff",
        "markdown",
        "{image}",
        "{include}",
        "{literalinclude}",
    )
    assert {block.language.partition(" ")[0] for block in every_block()} <= {*known, "{toctree}"}
    assert not [
        block.text for block in every_block() if block.language == "text" and "codemad " in block.text
    ]
    files = ("toml", "python")
    assert not [block.text for block in every_block() if block.language in files and not block.caption]


def test_the_readme_shows_nothing_that_no_page_runs() -> None:
    run = {line for block in every_block() if block.runs for line in block.text.splitlines()}
    shown = [block for block in read(DOCS.parent / "README.md") if block.runs]
    lines = [line for block in shown for line in block.text.splitlines()]
    assert [line for line in lines if line not in run and not line.startswith("python3 dev.py ")] == []


def test_every_subcommand_and_every_magic_is_told_of() -> None:
    told = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    (commands,) = (each.choices for each in parser()._actions if isinstance(each, _SubParsersAction))
    forms = [f"codemad {name}" for name in commands] + [f"%codemad {name}" for name in SUBCOMMANDS]
    assert [form for form in forms if not re.search(rf"{form}\b", told)] == []


PAGE = """
<!-- ends with: 3 -->
```sh
false
```

```text
first … second
third
```

<!-- not run: it takes
an hour -->
```sh
sleep 3600
```

```{code-block} toml
:caption: plan.toml
[[job]]
```
"""


def test_a_page_is_read_with_what_it_says_of_its_blocks() -> None:
    command, slow, plan = blocks(PAGE)
    assert (command.text, command.ends_with, command.shows) == ("false\n", 3, ("first … second", "third"))
    assert (slow.not_run, slow.runs, slow.line) == ("it takes an hour", True, 14)
    assert (plan.language, plan.caption, plan.text, plan.runs) == ("toml", "plan.toml", "[[job]]\n", False)


@pytest.mark.parametrize(
    ("output", "lacking"),
    [
        ("first of all\nthe second, and the third", ""),
        ("first of all the   second\nthird", ""),
        ("first, third, second", "third"),
        ("second", "first … second"),
    ],
)
def test_what_a_block_shows_must_come_in_its_order(output: str, lacking: str) -> None:
    assert missing(("first … second", "third"), output) == lacking
