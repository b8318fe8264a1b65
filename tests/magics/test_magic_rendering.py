"""Transcripts become bundles in which nothing runs, nothing is fetched, and nothing differs by chance."""

import re
import time

import pytest

from codemad_jupyter.app.plain_text import PlainStream, plain_text
from codemad_jupyter.magics.render import MAX_DIFF_LINES, bundle
from codemad_jupyter.magics.safe_text import fenced, safe_markdown
from codemad_jupyter.magics.transcript import Change, Prose, Transcript
from codemad_jupyter.protocol.diagnostics import Diagnosis, Problem
from codemad_jupyter.protocol.edits import CellTarget, Edit, FileTarget, Trial, make_hunks, whole_hunk
from codemad_jupyter.protocol.events import (
    EditDiagnosed,
    EditProposed,
    EditSettled,
    EditTried,
    MessageDone,
    Notice,
    TextDelta,
    ToolCalled,
    ToolDone,
)
from codemad_jupyter.protocol.messages import Message

TAG = re.compile(r"<[a-zA-Z/!?]")
ATTACKS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "![x](http://127.0.0.1/leak)",
    "![x][r]\n\n[r]: http://127.0.0.1/leak",
    "[go](javascript:alert(1))",
    "[go]( JaVaScRiPt:alert(1))",
    "[go](javas&#99;ript:alert(1))",
    "[go](javascript&colon;alert(1))",
    "[go](data:text/html,hi)",
    "[go](<javascript:alert(1)>)",
    "[go](/hub/logout)",
    "[go](//evil.example)",
    '[foo]: /url "\n```\n"\n<img src=x onerror=alert(1)>\n',
    "  ```\ninside\n```\n<img src=x onerror=alert(1)>\n```\n",
    "- item\n  ```\nx <img src=x onerror=alert(1)>\n",
    "> ```\n<img src=x onerror=alert(1)>",
    "$$\n```\n$$\n<img src=x onerror=alert(1)>",
    "~~~\n```\n~~~\n<img src=x onerror=alert(1)>",
    "`` ` `` <b onclick=alert(1)>",
    "<!-- --><svg/onload=alert(1)>",
]


def outside_fences(markdown: str) -> str:
    """What a CommonMark renderer reads as prose: fences at the margin are taken out."""
    return re.sub(r"^(`{3,})[^`\n]*\n.*?^\1$", "", markdown, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("attack", ATTACKS)
def test_markdown_is_made_harmless(attack: str) -> None:
    safe = outside_fences(safe_markdown(f"before\n\n{attack}\n\nafter"))
    assert not TAG.search(safe)
    assert "![" not in safe
    assert "]:" not in safe
    for target in re.findall(r"\]\(([^)]*)", safe):
        assert re.match(r"https?://|#|[\w%-][\w./%-]*$", target)
    assert "```" not in safe


def test_fences_are_balanced_and_isolated() -> None:
    safe = safe_markdown("text\n```python\nif a<b: pass\nx = '<b>'\n```\nmore\n```\nopen <i>")
    assert "```python\nif a<b: pass\nx = '<b>'\n```" in safe
    assert safe.endswith("```\nopen <i>\n```")
    assert "text\n\n```python" in safe


def test_what_is_harmless_stays() -> None:
    text = "# Title\n\nA [link](https://example.org/a_(b)) and [file](notes/a.md), `x < 3`, **bold**, a < b"
    assert safe_markdown(text) == text


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert fenced("a\n````\nb").startswith("`````\n")


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]52;c;aGk=\x07x", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x9b31mb", "a\\x9b31mb"),
        ("a\x08b\x00", "a\\x08b\\x00"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        ("one\r\ntwo\rthree\tfour", "one\ntwo\nthree\tfour"),
    ],
)
def test_terminal_sequences_are_taken_out(raw: str, clean: str) -> None:
    assert plain_text(raw) == clean


STREAM = "a\x1b]52;c;aGk=\x07b\x1b[31mred\x1b[0m\r\nc\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x9bd"


@pytest.mark.parametrize("size", range(1, 12))
def test_sequences_cut_in_two_are_taken_out_too(size: int) -> None:
    stream = PlainStream()
    pieces = (STREAM[at : at + size] for at in range(0, len(STREAM), size))
    shown = "".join(stream.add(piece) for piece in pieces) + stream.finish()
    assert shown == plain_text(STREAM) == "abred\nclink \\x9bd"


def test_a_sequence_without_end_is_shown_in_the_end() -> None:
    stream = PlainStream()
    assert stream.add("a\x1b[") == "a"
    assert stream.finish() == "\\x1b["
    assert "\x1b" not in stream.add("\x1b]" + "x" * 5_000) + stream.finish()


def test_a_long_answer_is_made_safe_quickly() -> None:
    began = time.process_time()
    for text in ("[" * 100_000, "](" * 50_000, "`" * 100_000, "<a" * 50_000, "\x1b]" * 50_000):
        safe_markdown(text)
    assert time.process_time() - began < 5


def an_insert(source: str, title: str = "Plot") -> Edit:
    target = CellTarget(notebook="n.ipynb", op="insert", cell="0a1b2c3d")
    return Edit(id="edit-123", target=target, title=title, after=source, hunks=whole_hunk("", source))


def a_replace(before: str, after: str) -> Edit:
    target = CellTarget(notebook="n.ipynb", op="replace", cell="0a1b2c3d")
    return Edit(
        id="e", target=target, title="Change", before=before, after=after, hunks=make_hunks(before, after)
    )


def test_an_edit_is_shown_as_a_diff_in_three_forms() -> None:
    shown = bundle(Change(1, an_insert("x = '<b>'\nprint(x)")))
    assert "+ x = &#x27;&lt;b&gt;&#x27;" in shown["text/html"]
    assert "```diff\n+ x = '<b>'\n+ print(x)\n```" in shown["text/markdown"]
    assert "+ x = '<b>'\n+ print(x)" in shown["text/plain"]
    assert "Waiting: %codemad apply 1" in shown["text/plain"]
    assert "var(--jp-" in shown["text/html"]


def test_no_bundle_holds_ids() -> None:
    for shown in (bundle(Change(1, an_insert("x"))), bundle(Change(1, a_replace("a\n", "b\n")))):
        for text in shown.values():
            assert "0a1b2c3d" not in text
            assert "edit-123" not in text


@pytest.mark.parametrize("title", ["<img src=x onerror=alert(1)>", "![x](http://h/l)", "a\x1b]52;c;x\x07b"])
def test_titles_and_paths_are_content_too(title: str) -> None:
    file = Edit(
        id="e", target=FileTarget(path=f"{title}.py", exists=False), title=title, after="x\n",
        hunks=whole_hunk("", "x\n"),
    )  # fmt: skip
    shown = bundle(Change(1, file))
    without_style = re.sub(r"<style>.*?</style>", "", shown["text/html"])
    tags = set(re.findall(r"</?([a-z]+)", without_style))
    assert tags <= {"div", "pre", "span", "b", "small", "br"}
    assert "onerror" not in re.sub(r"&lt;.*?&gt;", "", without_style)
    assert not TAG.search(outside_fences(shown["text/markdown"]))
    assert "![" not in outside_fences(shown["text/markdown"])
    assert "\x1b" not in "".join(shown.values())


def test_a_huge_diff_is_cut_with_a_count() -> None:
    shown = bundle(Change(1, an_insert("x = 1\n" * 5_000)))
    assert shown["text/plain"].count("+ x = 1") == MAX_DIFF_LINES
    assert "4,600 more lines" in shown["text/plain"]


def test_events_make_segments_in_order() -> None:
    transcript = Transcript(first_number=3)
    for event in (
        TextDelta(message="m1", text="I will "),
        TextDelta(message="m1", text="plot"),
        MessageDone(id="m1", message=Message.assistant("I will plot."), model="x/y"),
        ToolCalled(call="c1", tool="insert_cell", arguments={}, risk="write"),
        EditProposed(edit=an_insert("x = 1")),
        EditTried(edit="edit-123", trial=Trial(status="failed", method="fork", detail="NameError: y")),
        ToolDone(call="c1", tool="insert_cell", status="ok", summary="proposed a cell", content="{}"),
        TextDelta(message="m2", text="Done."),
        Notice(level="warning", code="retry", text="Trying again."),
        EditSettled(edit="edit-123", status="accepted", hunks={0: "accepted"}),
    ):
        transcript.add(event)
    first, change, last = transcript.segments
    assert isinstance(first, Prose)
    assert isinstance(change, Change)
    assert bundle(first)["text/plain"] == "I will plot.\n[insert_cell] proposed a cell"
    assert bundle(first)["text/markdown"] == "I will plot.\n\n- `insert_cell` proposed a cell"
    assert change.number == 3
    assert "it failed: NameError: y" in bundle(change)["text/plain"]
    assert "Applied." in bundle(change)["text/plain"]
    assert bundle(last)["text/plain"] == "Done.\nTrying again."


def test_problems_that_a_proposal_would_bring_stand_below_it() -> None:
    transcript = Transcript()
    edit = an_insert("x = 1")
    path, cell = edit.place
    evil = "<img src=x onerror=alert(1)> [a](javascript:b)"
    problems = [Problem(path=path, cell=cell, line=n, text=f"{evil} {n}", server="ty") for n in range(1, 8)]
    transcript.add(EditProposed(edit=edit))
    transcript.add(EditDiagnosed(edit=edit.id, diagnosis=Diagnosis(problems=tuple(problems), more=1)))
    [change] = transcript.segments
    shown = bundle(change)
    assert f"It would bring: line 1: error: {evil} 1 [ty]; line 2:" in shown["text/plain"]
    assert "line 5:" in shown["text/plain"]
    assert "… and 3 more" in shown["text/plain"]
    assert "<img" not in shown["text/html"]
    assert "<img" not in shown["text/markdown"]


def test_a_denied_tool_is_remembered() -> None:
    transcript = Transcript()
    transcript.add(ToolDone(call="c", tool="run_code", status="denied", summary="needs approval", content=""))
    assert transcript.denied == ["run_code: needs approval"]
