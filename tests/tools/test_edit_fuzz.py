"""Any text as a file and any text as an edit: it lands where it must, or is refused and nothing changes."""

import json
import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tests.tools.edit_cases_foreign  # noqa: F401  (adds its cases)
from codemad_jupyter.tools.edits.cell_places import on_disk
from codemad_jupyter.tools.edits.changes import Refused
from codemad_jupyter.tools.edits.formats import parse
from codemad_jupyter.tools.edits.plan import plan
from codemad_jupyter.tools.edits.writing import write
from tests.tools.edit_cases import CASES, Files

WORDS = st.sampled_from(
    ["a", "b = 1", "", " ", "\tx", "    y()", "\u2019q\u2019", "z\u00a0", "...", "\u00e9", "# x"]
)
LINE_ENDS = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r\n", "\r"])
LINES = st.lists(st.tuples(WORDS, LINE_ENDS), min_size=0, max_size=8)
ENCODINGS = st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"])
MODEST = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def joined(rows: list[tuple[str, str]]) -> str:
    return "".join(word + end for word, end in rows)


def encoded(text: str, encoding: str) -> bytes:
    return (
        text.replace("\u2019", "'").encode(encoding, "replace")
        if encoding == "latin-1"
        else text.encode(encoding)
    )


def applied(files: Files, text: str) -> tuple[dict[str, bytes], Refused | None]:
    """The files afterwards, and the refusal."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, data in files.items():
            (root / name).write_bytes(data)
        refused = None
        try:
            write(on_disk(root, plan(root, parse(text))))
        except Refused as error:
            refused = error
        after = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
        return after, refused


@MODEST
@given(head=LINES, tail=LINES, encoding=ENCODINGS, end=LINE_ENDS, bare=st.booleans())
def test_one_line_changes_and_every_other_byte_stays(
    head: list[tuple[str, str]], tail: list[tuple[str, str]], encoding: str, end: str, bare: bool
) -> None:
    above = joined(head)
    below = "" if bare else end + joined(tail)
    before, after = (
        encoded(f"{above}MARK one{below}", encoding),
        encoded(f"{above}MARK two{below}", encoding),
    )
    edit = json.dumps({"path": "f", "old_string": "MARK one", "new_string": "MARK two"})
    found, refused = applied({"f": before}, edit)
    assert found == {"f": after} or (
        refused is not None and refused.cause == "encoding" and found == {"f": before}
    )


@MODEST
@given(
    rows=LINES,
    at=st.integers(0, 7),
    size=st.integers(1, 3),
    blanks=st.sampled_from(["", " ", "\t"]),
    new=LINES,
)
def test_a_block_lands_at_its_only_place(
    rows: list[tuple[str, str]], at: int, size: int, blanks: str, new: list[tuple[str, str]]
) -> None:
    lines = [f"{word}{number}" for number, (word, _) in enumerate(rows)]
    ends = ["\r\n" if end == "\r\n" else "\n" for _, end in rows]
    block, made = lines[at : at + size], [f"{word}!" for word, _ in new]
    if not block:
        return
    text = "f\n<<<<<<< SEARCH\n" + "".join(f"{line}{blanks}\n" for line in block)
    text += "=======\n" + "".join(f"{line}\n" for line in made) + ">>>>>>> REPLACE\n"
    before = "".join(line + end for line, end in zip(lines, ends, strict=True)).encode()
    found, refused = applied({"f": before}, text)
    assert refused is None or refused.cause == "placeholder", refused
    if refused is not None:
        assert found == {"f": before}
        return
    head = "".join(line + end for line, end in zip(lines[:at], ends[:at], strict=True)).encode()
    stop = at + len(block)
    tail = "".join(line + end for line, end in zip(lines[stop:], ends[stop:], strict=True)).encode()
    assert found["f"].startswith(head)
    assert found["f"].endswith(tail)
    middle = found["f"][len(head) : len(found["f"]) - len(tail)].decode()
    assert middle.replace("\r\n", "\n") == "".join(f"{line}\n" for line in made)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**9))
def test_a_mangled_edit_is_applied_whole_or_refused(seed: int) -> None:
    """Cases of the table with characters and lines dropped, doubled and swapped never end otherwise."""
    dice = random.Random(seed)
    case = dice.choice(CASES)
    text = case.text
    for _ in range(dice.randint(1, 4)):
        parts = text.splitlines(keepends=True) if dice.random() < 0.6 else list(text[:5_000])
        if not parts:
            break
        at, other = dice.randrange(len(parts)), dice.randrange(len(parts))
        match dice.randrange(4):
            case 0:
                del parts[at]
            case 1:
                parts.insert(other, parts[at])
            case 2:
                parts[at], parts[other] = parts[other], parts[at]
            case _:
                parts.insert(
                    at,
                    dice.choice(
                        ["\r", "\0", " ", "@@\n", "+", "-", "\u2028", "\\", '"', "*** ", "=======\n"]
                    ),
                )
        text = "".join(parts)
    files = {name: data for name, data in case.before.items() if "/" not in name}
    found, refused = applied(files, text)
    if refused is not None:
        assert found == files


@MODEST
@given(text=st.text(max_size=200), name=st.text(min_size=1, max_size=30))
def test_any_text_and_any_name_end_in_a_refusal_or_an_edit(text: str, name: str) -> None:
    for told in (text, json.dumps({"path": name, "old_string": "", "new_string": text})):
        found, refused = applied({}, told)
        assert not (refused and found)
