"""Documents as values: reading, addressing, changing, taking back."""

import copy
import json
import time
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codemad_jupyter.notebooks import document
from codemad_jupyter.notebooks.cells import cell_ids, source_of
from codemad_jupyter.notebooks.document import Style
from codemad_jupyter.protocol.edits import CellChange
from codemad_jupyter.protocol.errors import NotebookError, NotFound, StaleEdit, UsageError


def code(cell_id: str, source: str, *, outputs: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": 3,
        "id": cell_id,
        "metadata": {"custom": {"kept": True}},
        "outputs": outputs or [],
        "source": source.splitlines(keepends=True),
    }


def notebook(*cells: dict[str, Any], minor: int = 5) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": minor}


def three() -> dict[str, Any]:
    stream = {"name": "stdout", "output_type": "stream", "text": ["one\n"]}
    return notebook(code("a", "1"), code("b", "x = 2\nx", outputs=[stream]), code("c", "3"))


def change(op: str, cell: str, **rest: Any) -> CellChange:
    return CellChange.model_validate({"op": op, "cell": cell, **rest})


class TestReading:
    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "empty"),
            (b" \n", "empty"),
            (b'{"cells": [', "not valid JSON (line 1"),
            (b"[1]", "not a notebook"),
            (b'{"a": 1}', "not a notebook"),
            (b'{"nbformat": 3, "worksheets": []}', "format 3"),
            (b'{"nbformat": 5, "cells": []}', "format 5"),
            (b'{"nbformat": 4, "cells": {}}', "no list of cells"),
            (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["a", 1]}]}', "Cell 1 of n.ipynb"),
            (b'{"nbformat": 4, "cells": [{"cell_type": "heading", "source": ""}]}', "Cell 1 of n.ipynb"),
            (b'{\n "cells": [\n<<<<<<< HEAD\n =======\n>>>>>>> x\n', "merge-conflict markers (line 3)"),
            (b'{"cells": "\xff"}', "not UTF-8"),
            (b"[" * 100_000, "cannot be read"),
            (b'{"nbformat": ' + b"9" * 10_000 + b"}", "cannot be read"),
        ],
    )
    def test_says_what_is_wrong(self, data: bytes, said: str) -> None:
        with pytest.raises(NotebookError) as caught:
            document.parse(data, "n.ipynb")
        assert said in caught.value.message
        assert caught.value.hint

    def test_sources_as_text_and_as_lines(self) -> None:
        nb = notebook(code("a", "x\ny"), {**code("b", ""), "source": "x\ny"})
        assert [cell.source for cell in document.view(nb, "n").cells] == ["x\ny", "x\ny"]


class TestIds:
    def test_derived_ids_are_stable_and_different(self) -> None:
        cells = [code("", "same"), code("", "same"), code("", "other")]
        for cell in cells:
            del cell["id"]
        nb = notebook(*cells, minor=4)
        ids = cell_ids(nb)
        assert len(set(ids)) == 3
        nb["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "source": "new"})
        assert cell_ids(nb)[1:] == ids

    def test_old_format_is_left_alone_until_changed(self) -> None:
        nb = notebook({"cell_type": "markdown", "metadata": {}, "source": "a"}, minor=2)
        (name,) = cell_ids(nb)
        assert "id" not in nb["cells"][0]
        changed = document.apply(nb, (change("replace", name, source="b"),))
        assert changed["nbformat_minor"] == 5
        assert changed["cells"] == [{"cell_type": "markdown", "metadata": {}, "source": "b", "id": name}]
        nbformat.validate(nbformat.from_dict(changed))

    def test_duplicate_and_odd_ids(self) -> None:
        nb = notebook(code("a", "1"), code("a", "2"), code("not valid!", "3"), code("", "4"))
        ids = cell_ids(nb)
        assert ids[0] == "a"
        assert len(set(ids)) == 4
        changed = document.apply(nb, (change("replace", ids[1], source="x", expect="2"),))
        assert source_of(changed["cells"][1]) == "x"
        nbformat.validate(nbformat.from_dict(changed))


class TestView:
    def test_outputs_become_bounded_text(self) -> None:
        error = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mE\x1b[0m", "v"]}
        image = {"output_type": "display_data", "data": {"image/png": "AAA"}, "metadata": {}}
        table = {"output_type": "execute_result", "data": {"text/plain": ["a\n", "b"], "text/html": "<b>"}}
        bar = {"output_type": "stream", "name": "stderr", "text": "10%\r50%\r100%\n"}
        widget = {"output_type": "display_data", "data": {"application/vnd.x+json": {}}}
        nb = notebook(code("a", "", outputs=[error, image, table, bar, widget]))
        text = document.view(nb, "n").cells[0].outputs_text
        assert text == "E\nv\n[image/png]\na\nb\n100%\n[application/vnd.x+json]"

    def test_long_output_keeps_both_ends(self) -> None:
        stream = {"output_type": "stream", "name": "stdout", "text": "start" + "x" * 3_000_000 + "end"}
        text = document.view(notebook(code("a", "", outputs=[stream])), "n").cells[0].outputs_text
        assert len(text) <= 12_000
        assert text.startswith("start")
        assert text.endswith("end")
        assert "characters left out" in text
        again = document.view(notebook(code("a", "", outputs=[stream] * 5)), "n").cells[0].outputs_text
        assert again.endswith("[… the 3 lines above 4 more times …]")

    def test_language_and_tags(self) -> None:
        nb = three()
        nb["metadata"] = {"kernelspec": {"language": "R"}}
        nb["cells"][0]["metadata"]["tags"] = ["parameters", 3]
        seen = document.view(nb, "n")
        assert (seen.language, seen.cells[0].tags) == ("R", ("parameters",))


class TestApply:
    def test_replace_leaves_everything_else_identical(self) -> None:
        nb = three()
        original = copy.deepcopy(nb)
        made = document.apply(nb, (change("replace", "b", source="y\nz", expect="x = 2\nx"),))
        assert nb == original
        assert made["cells"][0] is nb["cells"][0]
        assert made["cells"][1] == {**original["cells"][1], "source": ["y\n", "z"]}

    def test_insert_delete_move(self) -> None:
        made = document.apply(
            three(),
            (
                change("insert", "new", source="n", anchor="a"),
                change("insert", "top", source="# T", cell_type="markdown", position="before"),
                change("move", "c", anchor="new", position="before"),
                change("delete", "b", expect="x = 2\nx"),
                change("move", "a"),
            ),
        )
        assert cell_ids(made) == ["top", "c", "new", "a"]
        nbformat.validate(nbformat.from_dict(made))

    def test_retype_drops_and_adds_what_the_type_needs(self) -> None:
        made = document.apply(three(), (change("retype", "b", cell_type="markdown"),))
        assert set(made["cells"][1]) == {"cell_type", "id", "metadata", "source"}
        back = document.apply(made, (change("retype", "b", cell_type="code"),))
        assert back["cells"][1]["outputs"] == []
        assert back["cells"][1]["execution_count"] is None
        nbformat.validate(nbformat.from_dict(back))

    @pytest.mark.parametrize(
        ("bad", "error"),
        [
            (change("replace", "gone", source=""), NotFound),
            (change("replace", "b", source="", expect="old"), StaleEdit),
            (change("delete", "b", expect="x = 2"), StaleEdit),
            (change("insert", "a", source=""), StaleEdit),
            (change("insert", "a b", source=""), UsageError),
            (change("insert", "n", anchor="gone"), NotFound),
            (change("move", "a", anchor="gone"), NotFound),
            (change("put", "a"), UsageError),
            (change("put", "a", content={"source": ""}), UsageError),
        ],
    )
    def test_all_or_nothing(self, bad: CellChange, error: type[Exception]) -> None:
        nb = three()
        original = copy.deepcopy(nb)
        with pytest.raises(error):
            document.apply(nb, (change("replace", "a", source="changed"), bad))
        assert nb == original

    def test_ten_thousand_cells(self) -> None:
        stream = {"output_type": "stream", "name": "stdout", "text": ["line\n"] * 20}
        nb = notebook(*(code(f"c{n}", f"x = {n}\n" * 5, outputs=[stream]) for n in range(10_000)))
        data = document.render(nb)
        begin = time.process_time()
        json.dumps(json.loads(data), indent=1)
        plain = time.process_time() - begin
        begin = time.process_time()
        made = document.apply(document.parse(data, "n"), (change("replace", "c5000", source="y"),))
        document.render(made, document.style_of(data))
        assert time.process_time() - begin < 20 * plain  # a few times reading and writing, not more per cell


class TestInverse:
    def test_restores_text_outputs_and_place(self) -> None:
        before = three()
        now = document.apply(
            before,
            (
                change("replace", "b", source="other"),
                change("move", "a"),
                change("delete", "c"),
                change("insert", "new", source="n", position="before"),
            ),
        )
        now["cells"][1] = {**now["cells"][1], "outputs": [], "execution_count": 9}
        back, _, conflicts = document.inverse(before, now, {"b": "other", "a": "1", "c": None, "new": "n"})
        assert conflicts == ()
        assert document.apply(now, back) == before

    def test_leaves_alone_what_the_person_changed(self) -> None:
        before = three()
        now = document.apply(before, (change("replace", "a", source="A"), change("replace", "b", source="B")))
        mine = document.apply(now, (change("replace", "b", source="mine"), change("insert", "p", source="p")))
        back, _, conflicts = document.inverse(before, mine, {"a": "A", "b": "B"})
        assert [conflict.cell for conflict in conflicts] == ["b"]
        done = document.apply(mine, back)
        assert [source_of(cell) for cell in done["cells"]] == ["1", "mine", "3", "p"]

    def test_person_deleted_or_put_back(self) -> None:
        before = three()
        now = document.apply(before, (change("delete", "a"), change("delete", "c")))
        back, _, conflicts = document.inverse(before, now, {"a": "written", "c": "3"})
        assert (back, len(conflicts)) == ((), 2)
        back, _, conflicts = document.inverse(before, before, {"a": None})
        assert (back, conflicts) == ((), ())

    def test_person_moved_a_neighbour(self) -> None:
        before = three()
        now = document.apply(before, (change("replace", "b", source="B"), change("move", "a")))
        back, _, _ = document.inverse(before, now, {"b": "B"})
        assert cell_ids(document.apply(now, back)) == ["b", "c", "a"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
texts = st.text(max_size=40)
sources = texts | texts.map(lambda text: text.splitlines(keepends=True))
cells = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "markdown", "raw"]),
        "metadata": st.dictionaries(texts, json_values, max_size=2),
        "source": sources,
    },
    optional={"id": st.sampled_from(["a", "b", "c", "d-1", "bad id"]), "outputs": st.just([])},
)
notebooks = st.builds(
    lambda found, minor: notebook(*found, minor=minor), st.lists(cells, max_size=6), st.integers(0, 5)
)
styles = st.builds(
    Style,
    indent=st.sampled_from([" ", "  ", "    ", "\t"]),
    ascii=st.booleans(),
    tail=st.sampled_from(["", "\n", "\n\n"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
)


class TestProperties:
    @given(nb=notebooks, style=styles)
    @settings(max_examples=150, deadline=None)
    def test_untouched_round_trip_is_byte_identical(self, nb: dict[str, Any], style: Style) -> None:
        data = document.render(nb, style)
        assert document.render(document.parse(data, "n"), document.style_of(data)) == data

    @given(nb=notebooks, compact=st.booleans())
    @settings(max_examples=50, deadline=None)
    def test_one_line_files_stay_one_line(self, nb: dict[str, Any], compact: bool) -> None:
        separators = (",", ":") if compact else (", ", ": ")
        data = json.dumps(nb, separators=separators).encode()
        assert document.render(document.parse(data, "n"), document.style_of(data)) == data

    @given(nb=notebooks, data=st.data())
    @settings(max_examples=150, deadline=None)
    def test_what_was_applied_can_be_taken_back(self, nb: dict[str, Any], data: st.DataObject) -> None:
        now, touched = nb, {}
        for at in range(data.draw(st.integers(1, 4))):
            made = data.draw(random_change(cell_ids(now), at))
            now = document.apply(now, (made,))
            left = dict(zip(cell_ids(now), now["cells"], strict=True)).get(made.cell)
            touched[made.cell] = source_of(left) if left else None
        back, _, conflicts = document.inverse(nb, now, touched)
        assert conflicts == ()
        done = document.apply(now, back)
        assert [clean(cell) for cell in done["cells"]] == [clean(cell) for cell in nb["cells"]]
        assert len(set(cell_ids(done))) == len(done["cells"])


def clean(cell: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cell.items() if name != "id"}


def random_change(ids: list[str], at: int) -> st.SearchStrategy[CellChange]:
    anchors = st.none() | st.sampled_from(ids) if ids else st.none()
    places = {"anchor": anchors, "position": st.sampled_from(["before", "after"])}
    insert = st.builds(CellChange, op=st.just("insert"), cell=st.just(f"n{at}"), source=texts, **places)
    if not ids:
        return insert
    some = st.sampled_from(ids)
    kinds = st.sampled_from(["code", "markdown", "raw"])
    return (
        insert
        | st.builds(CellChange, op=st.just("replace"), cell=some, source=texts)
        | st.builds(CellChange, op=st.just("delete"), cell=some)
        | st.builds(CellChange, op=st.just("move"), cell=some, **places)
        | st.builds(CellChange, op=st.just("retype"), cell=some, cell_type=kinds)
    )
