"""The tasks of the retrieval benchmark: commit messages with their files, questions with their cell."""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

QUESTIONS = Path(__file__).with_name("cell_questions.json")
SOURCE = re.compile(r"\.(py|js|ts|tsx|jsx|c|h|cc|cpp|go|rs|java|r|jl|ipynb)$", re.IGNORECASE)
CHORES = re.compile(
    r"\b(bump|publish|sha256|release|changelog|version|typo|pre-commit|dependabot|lint|flake8|black|format)\b"
)
SIGNED = re.compile(r"^(co-authored|signed-off|change-id)", re.IGNORECASE)
SYMBOL = re.compile(r"\w+_\w+|\w+\(\)|[a-z]+[A-Z]\w+|\b[A-Z][a-z]+[A-Z]\w+|\w+\.\w+|`")


@dataclass(frozen=True)
class Task:
    """What is asked, the state of the folder it is asked in, and what would be right."""

    query: str
    commit: str
    files: frozenset[str]
    cells: frozenset[tuple[str, int | None]] = frozenset()

    @property
    def names_symbols(self) -> bool:
        return SYMBOL.search(self.query) is not None


def git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=True).stdout


def commit_tasks(repository: Path, *, count: int, span: int, seed: int = 1) -> list[Task]:
    """A fixed choice of the last commits, oldest first: no merges, at most five files, none named."""
    shape = "--format=%x01%P%x02%B%x03"
    log = git(repository, "log", "--no-merges", f"-n{span}", shape, "--name-status", "--no-renames", "HEAD")
    found = [task for record in log.split("\x01")[1:] for task in _task(record)]
    chosen = random.Random(seed).sample(range(len(found)), min(count, len(found)))
    return [found[at] for at in sorted(chosen, reverse=True)]


def _task(record: str) -> Iterator[Task]:
    head, _, names = record.partition("\x03")
    parent, _, message = head.partition("\x02")
    changes = [line.split("\t") for line in names.splitlines() if "\t" in line]
    files = [change[1] for change in changes]
    lines = [line for line in message.splitlines() if not SIGNED.match(line)]
    query = " ".join(re.sub(r"\(?#\d+\)?|https?://\S+", "", " ".join(lines)).split())[:400]
    told = set(re.findall(r"[a-z_0-9.]+", query.lower()))
    named = any({Path(path).name.lower(), Path(path).stem.lower()} & told for path in files)
    good = 0 < len(files) <= 5 and all(change[0] == "M" for change in changes) and not named
    enough = len(re.findall(r"[A-Za-z]{3,}", query)) >= 8 and not CHORES.search(query.lower())
    if good and enough and any(map(SOURCE.search, files)):
        yield Task(query, parent.split()[0], frozenset(files))


def _shown(repository: Path, blob: str) -> str:
    """The text of a file at a commit; "" where this copy of the repository lacks it."""
    command = ["git", "-C", str(repository), "cat-file", "blob", blob]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stdout


def cell_tasks(name: str, repository: Path) -> list[Task]:
    """The questions about the notebooks of a repository, written by hand.

    Where another cell of the repository has the same text, letter for letter but for blanks, it is as right.
    Notebooks that a partial copy of the repository lacks are left out.
    """
    known = json.loads(QUESTIONS.read_text()).get(name)
    if known is None:
        return []
    commit = known["commit"]
    twins: dict[str, set[tuple[str, int | None]]] = defaultdict(set)
    texts: dict[tuple[str, int], str] = {}
    for path in git(repository, "ls-tree", "-r", "--name-only", "-z", commit).split("\0"):
        if path.endswith(".ipynb") and (text := _shown(repository, f"{commit}:{path}")):
            for number, cell in enumerate(json.loads(text).get("cells", ())):
                texts[path, number] = "".join("".join(cell["source"]).split())
                twins[texts[path, number]].add((path, number))
    return [
        Task(
            item["query"],
            commit,
            frozenset([item["path"]]),
            frozenset(twins[texts[item["path"], item["cell"]]]),
        )
        for item in known["questions"]
    ]


def past_changes(tree: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What the commits up to the state of a work tree said, and the files they changed: none is of later."""
    log = git(tree, "log", "--no-merges", "-n2000", "--format=%x01%B%x02", "--name-only", "--no-renames")
    for record in log.split("\x01")[1:]:
        message, _, names = record.partition("\x02")
        yield message, tuple(name for name in names.splitlines() if name)


def check_out(repository: Path, tree: Path, commit: str) -> None:
    """Bring a work tree to a commit; what a partial copy of the repository lacks is left out."""
    if not tree.exists():
        git(repository, "worktree", "add", "--force", "--detach", "--no-checkout", str(tree), commit)
    git(tree, "update-ref", "--no-deref", "HEAD", commit)
    git(tree, "read-tree", "--reset", commit)
    command = ["git", "-C", str(tree), "checkout-index", "--all", "--force", "--quiet"]
    subprocess.run(command, capture_output=True, check=False)
    git(tree, "clean", "-ffdxq")
