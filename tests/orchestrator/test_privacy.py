"""The pure parts of what is sent: levels of values, names after @, masking of what comes in pieces."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from codemad_jupyter.config.levels import Levels
from codemad_jupyter.config.redaction import PLACEHOLDER, Redactor, masked_places
from codemad_jupyter.gateway.configuration import GatewayConfig
from codemad_jupyter.orchestrator.masking import masked_event, masked_part
from codemad_jupyter.orchestrator.mentions import Mentions, ranked
from codemad_jupyter.orchestrator.pointing import Pointed, attachments_of, pointed
from codemad_jupyter.orchestrator.privacy import leaves
from codemad_jupyter.orchestrator.streaming import StreamMask
from codemad_jupyter.protocol import edits, kernels
from codemad_jupyter.protocol.commands import Target
from codemad_jupyter.protocol.errors import KernelError, StoreError
from codemad_jupyter.protocol.events import ToolDone
from codemad_jupyter.protocol.kernels import Cell, Column, ExecutionResult, KernelReport, LastError, Variable
from codemad_jupyter.protocol.mentions import Mention
from codemad_jupyter.protocol.messages import ThinkingPart
from codemad_jupyter.tools.bare_messages import bare_message
from codemad_jupyter.tools.data_levels import LEVELS, NEEDS, limited, limited_file
from codemad_jupyter.tools.result_levels import limited_result
from tests.waiting import LIMIT

KEY = "sk-proj-Zx81kQmT4vBn7Lw02RsYpE6uHd9JcAf3"


def test_every_field_of_a_value_says_what_it_needs_or_counts_as_output() -> None:
    """The list names no field that is gone, and every value that a kernel or a trial gives is in it."""
    for value, needs in NEEDS.items():
        gone = set(needs) - set(value.model_fields) - {"minimum", "maximum", "mean", "examples"}
        assert not gone, (value, gone)
    values = {
        each
        for module in (kernels, edits)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, BaseModel) and each.__module__ == module.__name__
    }
    written = {edits.Hunk, edits.FileTarget, edits.CellTarget, edits.CellChange, edits.Edit}
    assert values - written <= set(NEEDS)


def test_a_value_nobody_listed_tells_nothing_below_outputs() -> None:
    class Novel(BaseModel):
        data: str = "private"

    for level in LEVELS:
        told = str(limited_result("new_tool", {}, Novel(), risk="read", level=level))
        assert ("private" in told) == (level in ("outputs", "images"))
        plain = str(limited_result("new_tool", {}, {"rows": ["private"]}, risk="execute", level=level))
        assert ("private" in plain) == (level in ("outputs", "images"))


def test_a_new_field_of_a_listed_value_is_an_output() -> None:
    class Wider(Variable):
        values: tuple[str, ...] = ("private",)

    value = Wider(name="x", type="list", kind="collection")
    assert "private" not in str(limited(value, "samples"))


def test_levels_of_a_report() -> None:
    column = Column(name="age", dtype="int64", missing=3, unique=40)
    frame = Variable(name="df", type="DataFrame", kind="dataframe", shape=(9, 1), columns=(column,))
    text = Variable(name="s", type="str", kind="text", shape=(5,), preview="'Alice'")
    report = KernelReport(variables=(frame, text))
    told = {level: limited(report, level) for level in LEVELS}
    assert told["schema"].variables[0].columns == (Column(name="age", dtype="int64"),)
    assert told["schema"].variables[0].shape == (9, 1)
    assert told["statistics"].variables[0].columns == (column,)
    assert told["statistics"].variables[1].preview == ""
    assert told["samples"] == told["outputs"] == told["images"] == report
    cell = Cell(id="a", cell_type="code", source="x", outputs_text="one\ntwo")
    assert limited(cell, "samples").outputs_text == "[withheld at data level samples: 2 lines]"


def test_results_of_code_keep_their_shape() -> None:
    png = {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure>"}}
    result = ExecutionResult(
        ok=False, error_name="KeyError", error_message="'bob'", traceback="a\nb", outputs=(png,)
    )
    low = limited(result, "samples")
    assert (low.traceback, low.error_message) == ("[withheld at data level samples: 2 lines]", "'bob'")
    assert low.outputs == ({"output_type": "display_data", "formats": ["image/png", "text/plain"]},)
    assert limited(result, "outputs").outputs[0]["data"]["image/png"] == "[image withheld]"
    assert limited(result, "schema").error_message == "'…'"


@pytest.mark.parametrize(
    ("name", "message", "library", "expected"),
    [
        ("KeyError", "'radius'", True, "'radius'"),
        ("KeyError", "'alice'", True, "'…'"),
        ("ValueError", "could not convert to float: 'alice 7'", True, "could not convert to float: '…'"),
        ("ValueError", "no patient john", False, "…"),
        ("SecretError", "radius alice", True, "…"),
        ("TypeError", "mean() takes 41 of df", True, "mean() takes … of df"),
        ("ValueError", "it's Ann's and Bob's", True, "it'…'s and …'s"),
        ("ValueError", "", True, ""),
    ],
)  # fmt: skip
def test_messages_without_values(name: str, message: str, library: bool, expected: str) -> None:
    assert bare_message(name, message, known="df['radius'].mean()", library=library) == expected


def test_the_last_error_keeps_its_place_and_loses_its_values() -> None:
    error = LastError(
        name="ValueError",
        message="invalid literal for int(): 'alice'",
        cell_source="int(row)",
        frames=("cell [1] line 1 in <module>: int(row)", "/lib/x.py:3 in convert"),
        detail={"near": "alice"},
    )
    low = limited(error, "statistics")
    assert low.message == "invalid literal for int(): '…'"
    assert (low.cell_source, low.frames, low.detail) == (error.cell_source, error.frames, {})


def test_files_of_data_go_as_data() -> None:
    assert limited_file("a/b.py", "x = 1", "schema") == "x = 1"
    assert limited_file("d.csv", "a,b\n1,2\n", "schema").startswith("a,b\n[withheld")
    assert "1" not in limited_file("d.csv", "1,2\n", "schema", start=2).replace("1 line", "")
    assert "x" not in limited_file("d.json", "xxx", "statistics").replace("[withheld", "")
    raw = '{"image/png": "iVBORw0", "image/svg+xml": [\n "<svg/>",\n "' + "QUJD" * 20 + '\\n"]}'
    told = limited_file("n.ipynb", raw, "outputs")
    assert not any(part in told for part in ("iVBORw0", "<svg/>", "QUJDQUJD"))
    assert limited_file("n.ipynb", raw, "images") == raw


CODE = "from numba import njit\n@njit\ndef f(): pass\n\n@app.get('/x')\nasync def g(): ..."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plot @df and @file:src/a.py.", [(None, "df"), ("file", "src/a.py")]),
        ("mail me@example.org or a.b@c", []),
        ("@cell:ab12-34 vs @var:x, (@y)", [("cell", "ab12-34"), ("variable", "x"), (None, "y")]),
        ('open @file:"my data.csv" now', [("file", "my data.csv")]),
        (CODE, []),
        ("why does @njit fail?", [(None, "njit")]),
        ("`@decorated` and @@twice and x@y", []),
        ("@session:0a1b @output:c1", [("session", "0a1b"), ("output", "c1")]),
        ("see https://x.org/@name", []),
    ],
)
def test_names_after_an_at_sign(text: str, expected: list[tuple[str | None, str]]) -> None:
    assert list(pointed(text)) == [Pointed(*each) for each in expected]  # type: ignore[arg-type]


def test_what_stands_between_fences_names_nothing() -> None:
    text = "see @var:a\n```py\n@file:b\n```\nand @var:c\n````\n```\n@file:d\n```\n````\n~~~\n@file:not.closed"
    assert [each.name for each in pointed(text)] == ["a", "c"]


def test_a_bare_name_counts_only_where_something_is_called_so() -> None:
    found = attachments_of("@df @nobody @c1 @a.py", variables={"df", "c1"}, cells={"c1"}, files={"a.py"})
    assert [(each.kind, each.name) for each in found] == [
        ("variable", "df"),
        ("variable", "c1"),
        ("file", "a.py"),
    ]


def streamed(redact: Redactor, text: str, chance: random.Random) -> tuple[str, list[str]]:
    mask, pieces, at = StreamMask(redact), [], 0
    while at < len(text):
        size = chance.randint(1, 12)
        pieces += list(mask.add(text[at : at + size]))
        at += size
    return "".join([*pieces, *mask.rest()]), pieces


def test_a_secret_in_pieces_is_masked_however_it_is_cut() -> None:
    redact, chance = Redactor(["a phrase of words", "tok-12345678"]), random.Random(3)
    pem = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0B\n" * 6 + "-----END PRIVATE KEY-----"
    text = (
        f"Here it is: {KEY}, and a phrase of words; tok-12345678\n```py\npassword = 'correct-horse'\n"
        f"a phrase of nothing\n{pem}\n```\npostgresql://scott:tiger-tiger@db/x "
        "and Bearer abcdefgh12345678 end"
    )
    for _ in range(300):
        shown, pieces = streamed(redact, text, chance)
        assert shown == redact(text)
        assert masked_places(shown) == 7
        assert len(pieces) > 10


def test_ordinary_text_streams_word_by_word() -> None:
    mask = StreamMask(Redactor())
    assert list(mask.add("one tw")) == ["one "]
    assert list(mask.add("o three")) == ["two "]
    assert list(mask.rest()) == ["three"]


def test_thinking_is_whole_or_gone_and_names_stay() -> None:
    redact = Redactor()
    assert masked_part(ThinkingPart(text="fine", signature="x" * 40), redact) is not None
    assert masked_part(ThinkingPart(text=f"it is {KEY}", signature="y"), redact) is None
    event = ToolDone(call=KEY, tool="t", status="ok", summary=KEY, content=f"a {KEY}")
    clean: Any = masked_event(event, redact)
    assert clean.call == KEY
    assert PLACEHOLDER.fullmatch(clean.summary)
    assert KEY not in clean.content


@pytest.mark.parametrize(
    ("model", "url", "fallbacks", "expected"),
    [
        ("codemad/offline", "", (), False),
        ("ollama/llama", "http://127.0.0.1:11434", (), False),
        ("ollama/llama", "http://localhost:11434", ("openai/gpt-6-sol",), True),
        ("ollama/llama", "http://gpu.example:11434", (), True),
        ("compatible/x", "", (), True),
    ],
)
def test_what_leaves_the_machine(model: str, url: str, fallbacks: tuple[str, ...], expected: bool) -> None:
    config = GatewayConfig(**({"ollama_base_url": url} if url else {}))
    assert leaves(model, config, fallbacks) is expected


def test_a_level_that_cannot_be_kept_holds_all_the_same(tmp_path: Path) -> None:
    levels = Levels(tmp_path / "gone", default="outputs")
    with pytest.raises(StoreError, match="holds for now"):
        levels.choose("schema", "n.ipynb")
    assert levels.of("n.ipynb") == "schema"
    assert levels.of("m.ipynb") == "outputs"
    kept = Levels(tmp_path, default="outputs")
    kept.choose("samples", "n.ipynb")
    kept.choose("images", None)
    other = Levels(tmp_path, default="schema")
    assert [other.of(name) for name in ("n.ipynb", "m.ipynb", None)] == ["samples", "images", "images"]
    assert other.of(None, kernel=True) == "samples"


class SlowPorts:
    """A kernel that takes long, then fails."""

    async def kernel(self, target: Target) -> None:
        await asyncio.sleep(0.3)
        raise KernelError("It is dead.", hint="Restart it.")

    async def notebook(self, target: Target) -> None:
        return None


async def test_mentions_in_a_large_folder_are_quick(tmp_path: Path) -> None:
    for folder in range(100):
        (tmp_path / f"d{folder}").mkdir()
        for number in range(200):
            (tmp_path / f"d{folder}" / f"data_{number}.csv").touch()
    (tmp_path / ".env").touch()
    mentions = Mentions(tmp_path, SlowPorts(), deadline=0.5)
    target, seconds = Target(), []
    async with asyncio.timeout(LIMIT):
        while not await mentions.find("data_17", target, []):  # noqa: ASYNC110 - a thread lists them
            await asyncio.sleep(0.1)
    for query in ("data_17", "d9", "zzz", "dt17", ""):
        took = []
        for _ in range(3):
            begun = time.process_time()
            found = await mentions.find(query, target, [])
            took.append(time.process_time() - begun)
        seconds.append(min(took))
        assert len(found) <= 50
        assert bool(found) == (query != "zzz"), query
    print(f"\n20,000 files: {max(seconds) * 1000:.0f} ms of the processor at most")  # noqa: T201
    assert (await mentions.find(".env", target, [])) == ()
    await mentions.close()
    assert max(seconds) < 2  # of the processor's time; the figure is in the line above


def test_what_begins_with_the_letters_comes_first() -> None:
    names = ("my_df", "df", "dataframe", "x")
    found = ranked("@df", [Mention(kind="variable", name=name, label=name) for name in names])
    assert [each.name for each in found] == ["df", "my_df", "dataframe"]


def test_a_kind_before_the_letters_leaves_out_the_others() -> None:
    kinds = ("variable", "cell", "file", "session")
    every = [Mention(kind=kind, name=f"a-{kind}", label=f"a-{kind}") for kind in kinds]
    for query, kind in (
        ("var:a", "variable"),
        ("file:", "file"),
        ("@session:a", "session"),
        ("cell:a", "cell"),
    ):
        assert [each.kind for each in ranked(query, every)] == [kind]
    assert ranked("file:variable", every) == ()
