"""Rules, rendering and budget."""

from codemad_jupyter.context.render import kernel_text, notebook_items
from codemad_jupyter.protocol.kernels import Cell, Column, KernelReport, NotebookView, Variable


def test_rendering_names_what_matters() -> None:
    frame = Variable(
        name="df",
        type="DataFrame",
        kind="dataframe",
        shape=(3, 2),
        columns=(Column(name="mean radius", dtype="float64"),),
        more_columns=1,
    )
    text = kernel_text(KernelReport(variables=(frame,)))
    assert "df: DataFrame 3 x 2" in text
    assert "mean radius float64" in text
    assert "1 more" in text
    view = NotebookView(
        path="n.ipynb", cells=(Cell(id="a1", cell_type="code", source="1/0", outputs_text="y" * 1_000),)
    )
    (item,) = notebook_items(view, "a1")
    shown = item.text
    assert '<cell id="a1" type="code" active>' in shown
    assert "[…]" in shown
