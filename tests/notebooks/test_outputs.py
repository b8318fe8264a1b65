"""Outputs as text for a model: cleaned, folded, bounded, and never able to pass for something else."""

import base64
import struct
import time
import tracemalloc
import zlib
from typing import Any

import pytest

from codemad_jupyter.notebooks.collect import LONGEST_STREAM, OutputLog
from codemad_jupyter.notebooks.output_images import decoded, image_parts, label, smaller
from codemad_jupyter.notebooks.outputs import outputs_text, plain
from codemad_jupyter.notebooks.table_text import html_text
from codemad_jupyter.notebooks.terminal_text import cleaned, folded, shortened


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def shown(**data: Any) -> dict[str, Any]:
    mimes = {name.replace("__", "/"): value for name, value in data.items()}
    return {"output_type": "display_data", "data": mimes, "metadata": {}}


def bundle(data: dict[str, Any]) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


def png(width: int, height: int, *, noise: bool = False) -> str:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    import random

    rows = random.Random(1).randbytes if noise else bytes
    raw = b"".join(b"\0" + rows(width * 3) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(raw, 1))
        + chunk(b"IEND", b"")
    )
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("a\x9b31mb", "ab"),
        ("10%\r 50%\r100%\n", "100%\n"),
        ("abcdef\rxy", "xycdef"),
        ("abcdef\rxy\x1b[K", "xy"),
        ("one\r\ntwo\r\r\n", "one\ntwo\n"),
        ("12\b3", "13"),
        ("passw\b\b\b\b\bXXXXX", "XXXXX"),
        ("A 1\nB 1\x1b[A\rA 2\n\rB 2", "A 2\nB 2"),
        ("\x1b]8;;https://evil.example\x07click\x1b]8;;\x07", "click"),
        ("\x1b]0;title\x1b\\text", "text"),
        ("\x1b]52;c;c2VjcmV0\x07kept", "kept"),
        ("\x1b]0;never closed\nthe next line", "\nthe next line"),
        ("\x1bP1;2|device\x1b\\after", "after"),
        ("nul\x00 bell\x07", "nul bell"),
        ("half \ud83d pair", "half \ufffd pair"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("hidden\U000e0041\U000e0042 text", "hidden text"),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_a_terminal_would_have_left(raw: str, seen: str) -> None:
    assert cleaned(raw) == seen


def test_the_real_bar_of_tqdm_is_its_last_state() -> None:
    import io

    from tqdm import tqdm  # type: ignore[import-untyped]

    screen = io.StringIO()
    for _ in tqdm(range(50), file=screen, mininterval=0, ascii=True):
        for _ in tqdm(range(3), file=screen, mininterval=0, leave=False, position=1):
            pass
    text = outputs_text([stream(screen.getvalue())]).strip()
    assert text.count("\n") <= 1
    assert text.startswith("100%|##########| 50/50")


def test_repetitions_are_counted() -> None:
    assert folded("same line here\n" * 1000 + "end") == (
        "same line here\n[… the line above 999 more times …]\nend"
    )
    assert folded("start\n" + "first\nsecond\n" * 500 + "end") == (
        "start\nfirst\nsecond\n[… the 2 lines above 499 more times …]\nend"
    )
    assert folded("a\na\nb") == "a\na\nb"
    warning = {**stream("warning: deprecated call\n"), "name": "stderr"}
    assert outputs_text([warning] * 90).endswith("[… the line above 89 more times …]")


def test_what_is_left_out_is_counted_exactly() -> None:
    text = "".join(f"{n:07}\n" for n in range(100_000))
    kept = shortened(text, 8_000)
    assert len(kept) <= 8_000
    head, tail = kept.split("\n[… ")[0], kept.split("left out …]\n")[1]
    assert text.startswith(head)
    assert text.endswith(tail)
    assert f"[… {len(text) - len(head) - len(tail):,} characters on " in kept
    for limit in (8_000, 12_000, 24_000):
        assert len(outputs_text([stream(text)] * 3, limit)) <= limit


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"line {n} of a log\n" for n in range(560_000)),
        "same line of a log\n" * 560_000,
        "x" * 10_000_000,
        "\x1b[31mred\x1b[0m and plain\n" * 430_000,
        "".join(f"\r{n // 1000}%|{'#' * 90}|" for n in range(100_000)),
        "a\b" * 5_000_000,
        "\x1b[" * 5_000_000,
        "\x1b]0;" * 2_500_000,
    ],
    ids=["lines", "same", "one line", "colours", "bar", "backspaces", "openings", "titles"],
)
def test_ten_megabytes_in_half_a_second(text: str) -> None:
    seconds = []
    for _ in range(3):  # the best of three: the machine has other work
        begin = time.process_time()
        result = outputs_text([stream(text)])
        seconds.append(time.process_time() - begin)
        assert len(result) <= 12_000
        if seconds[-1] < 0.5:
            break
    assert min(seconds) < 0.5


def test_a_gigabyte_of_stream_keeps_its_ends_only() -> None:
    log = OutputLog()
    tracemalloc.start()
    for n in range(10_000):
        log.add("stream", {"name": "stdout", "text": f"{n:010}" + "y" * 99_990})
    text = log.outputs()[0]["text"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
    assert text.startswith("0000000000yyy")
    assert f"[… {1_000_000_000 - LONGEST_STREAM:,} characters left out …]" in text
    assert len(text) < LONGEST_STREAM + 100


class TestTables:
    def test_pandas_frames_are_lines_with_tabs(self) -> None:
        import pandas as pd

        frame = pd.DataFrame({"name": ["Ada", "Bob"], "age": [36, 41]})
        output = shown(text__html=frame._repr_html_(), text__plain=repr(frame))
        assert outputs_text([output]) == "\tname\tage\n0\tAda\t36\n1\tBob\t41"

    def test_fifty_thousand_rows_are_counted_not_shown(self) -> None:
        import pandas as pd

        html = pd.DataFrame({"n": range(50_000), "word": ["some text"] * 50_000}).to_html()
        assert len(html) > 3_000_000
        seconds = []
        for _ in range(3):  # the best of three: the machine has other work
            begin = time.process_time()
            text = outputs_text([shown(text__html=html, text__plain="<IPython.core.display.HTML object>")])
            seconds.append(time.process_time() - begin)
        assert min(seconds) < 0.5
        lines = text.split("\n")
        assert lines[:2] == ["\tn\tword", "0\t0\tsome text"]
        assert lines[-1] == "49999\t49999\tsome text"
        assert "rows left out" in text
        left = int(text.split("[… ")[1].split(" rows")[0].replace(",", ""))
        assert left + len(lines) - 2 == 50_000

    def test_polars_boxes_are_replaced_by_the_table(self) -> None:
        box = "shape: (1, 2)\n┌─────┬─────┐\n│ a   ┆ b   │\n╞═════╪═════╡\n│ 1   ┆ 2   │\n└─────┴─────┘"
        html = "<style>td{}</style><small>shape: (1, 2)</small>"
        html += "<table><thead><tr><th>a</th><th>b</th></tr></thead>"
        html += "<tbody><tr><td>1</td><td>2</td></tr></tbody></table>"
        assert outputs_text([shown(text__html=html, text__plain=box)]) == "shape: (1, 2)\na\tb\n1\t2"

    def test_broken_html_is_text_all_the_same(self) -> None:
        assert html_text("<table><tr><td>a<td>b<br>c<tr><td>&lt;d&gt;") == "a\tb c\n<d>"
        assert html_text("<p>one</p><script>evil()</script>two") == "one\ntwo"
        wide = "<table><tr>" + "".join(f"<td>{n}</td>" for n in range(1000)) + "</tr></table>"
        assert html_text(wide).endswith("59\t[… 940 more columns …]")
        assert len(html_text("<div>" * 200_000 + "x")) < 100


class TestNames:
    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (
                {
                    "application/vnd.plotly.v1+json": {
                        "data": [{"type": "bar", "x": list(range(9999))}],
                        "layout": {"title": {"text": "Ages"}},
                    },
                    "text/html": "<div>" + "x" * 100_000,
                },
                "[a plotly figure: 1 trace (bar), “Ages”]",
            ),
            (
                {
                    "application/vnd.vegalite.v5+json": {"mark": {"type": "line"}, "data": {}},
                    "text/plain": "<C>",
                },
                "[a Vega chart: line]",
            ),
            (
                {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "HBox(...)"},
                "[a widget]",
            ),
            ({"text/latex": "$x^2$", "text/plain": "x**2"}, "x**2"),
            ({"text/latex": "$x^2$", "text/plain": "<IPython.core.display.Latex object>"}, "$x^2$"),
            ({"application/json": {"a": 1}}, '{"a": 1}'),
            (
                {
                    "application/json": {"a": "x" * 9999, "b": 2},
                    "text/plain": "<IPython.core.display.JSON object>",
                },
                "[application/json: an object with 2 keys: a, b, 10,016 characters]",
            ),
            ({"text/markdown": "# T", "text/plain": "<IPython.core.display.Markdown object>"}, "# T"),
            ({"application/x-unknown": "zzz"}, "[application/x-unknown]"),
            ({"image/svg+xml": "<svg>" + "p" * 100_000 + "</svg>"}, "[image/svg+xml]"),
        ],
    )
    def test_drawings_are_named(self, data: dict[str, Any], said: str) -> None:
        assert outputs_text([bundle(data)]) == said

    def test_images_are_named_with_their_size(self) -> None:
        said = outputs_text(
            [bundle({"image/png": png(40, 30), "text/plain": "<Figure size 40x30 with 1 Axes>"})]
        )
        assert said.startswith("<Figure size 40x30 with 1 Axes>\n[image/png, 40 x 30 pixels, ")


class TestImages:
    def test_what_fits_goes_as_it_is(self) -> None:
        data = png(40, 30)
        parts = image_parts([stream("x"), bundle({"image/png": data + "\n"}), bundle({"image/png": "AAA"})])
        assert [(part.mime, part.data) for part in parts] == [("image/png", data)]

    def test_a_type_is_what_the_bytes_say(self) -> None:
        parts = image_parts([bundle({"image/jpeg": png(4, 3)})])
        assert [part.mime for part in parts] == ["image/png"]

    def test_five_megabytes_are_made_smaller(self) -> None:
        large = png(1500, 1200, noise=True)
        assert len(large) > 5_000_000
        (part,) = image_parts([bundle({"image/png": large})])
        made = decoded(part.data)
        assert made is not None
        assert made.fits
        assert len(part.data) <= 5_000_000

    def test_nine_thousand_pixels_are_made_fewer(self) -> None:
        (part,) = image_parts([bundle({"image/png": png(9_000, 10)})])
        made = decoded(part.data)
        assert made is not None
        assert made.width == 1_568

    def test_a_bomb_is_not_decoded(self) -> None:
        head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 60_000, 60_000) + b"\x08\x02\0\0\0"
        bomb = decoded(base64.b64encode(head).decode())
        assert bomb is not None
        assert smaller(bomb) is None
        assert image_parts([bundle({"image/png": base64.b64encode(head).decode()})]) == ()

    def test_of_five_hundred_images_the_last_eight(self) -> None:
        images = [bundle({"image/png": png(n + 1, 2)}) for n in range(500)]
        sizes = [decoded(part.data) for part in image_parts(images)]
        assert [found.width for found in sizes if found] == list(range(493, 501))

    @pytest.mark.parametrize("value", ["", "%%%", None, {"a": 1}, ["A", 3], "iVBORw0KGgo=", "/9j/"])
    def test_what_is_no_image_is_left_alone(self, value: Any) -> None:
        assert image_parts([bundle({"image/png": value})]) == ()
        assert label("image/png", value) == "[image/png]"


class TestHostile:
    def test_a_huge_message_is_bounded(self) -> None:
        error = {"output_type": "error", "ename": "E", "evalue": "v" * 50_000_000, "traceback": []}
        assert len(outputs_text([error])) <= 12_000
        assert len(plain("v" * 10_000_000, 2_000)) <= 2_000

    def test_a_bundle_of_ten_thousand_types(self) -> None:
        text = outputs_text([bundle({f"application/x-{n}": "v" for n in range(10_000)})])
        assert len(text) < 1_000

    @pytest.mark.parametrize(
        "output",
        [
            {},
            {"output_type": "stream"},
            {"output_type": "stream", "text": None},
            {"output_type": "error"},
            {"output_type": "error", "traceback": None, "evalue": 3},
            {"output_type": "display_data", "data": None},
            {"output_type": "display_data", "data": {"text/plain": {"a": 1}}},
            {"output_type": "display_data", "data": {"text/html": ["<table>", 3]}},
            {"output_type": "display_data", "data": {"application/vnd.plotly.v1+json": {"data": 3}}},
            {"output_type": "display_data", "data": {"application/vnd.vega.v5+json": {"title": [1]}}},
            "no dict",
        ],
    )
    def test_malformed_outputs_are_read_as_far_as_they_go(self, output: Any) -> None:
        assert isinstance(outputs_text([output]), str)

    def test_nesting_without_end(self) -> None:
        deep: Any = []
        for _ in range(100_000):
            deep = [deep]
        assert outputs_text([bundle({"application/json": deep})]) == "[application/json]"
