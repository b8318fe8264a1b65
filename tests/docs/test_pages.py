"""Every command, cell and file of the documentation, run as a reader would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from codemad_jupyter.batch.cli import parser
from codemad_jupyter.magics.subcommand_forms import SUBCOMMANDS
from tests.docs.desk import Desk
from tests.docs.pages import SHELL, blocks, missing, read
from tests.docs.warm_codemad import warm_codemad

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [page for page in sorted(DOCS.glob("*.md")) if page.name != "reference.md"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with warm_codemad(tmp_path_factory.mktemp("programs")) as folder:
        yield folder


@pytest.fixture
def desk(tmp_path: Path, programs: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, programs)
    yield desk
    desk.close()


@pytest.mark.parametrize("page", [page for page in PAGES if any(b.runs for b in read(page))], ids=lambda p: p.stem)
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
