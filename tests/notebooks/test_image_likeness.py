"""Whether two figures look the same, with real ones by matplotlib."""

import base64
import io
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy
import pytest

from codemad_jupyter.notebooks.image_likeness import alike

matplotlib.use("agg")
from matplotlib.figure import Figure

SINE = numpy.sin(numpy.arange(100) / 10)
Draw = Callable[[Any], object]


def png(draw: Draw, *, size: tuple[float, float] = (6.4, 4.8)) -> str:
    figure = Figure(figsize=size)
    draw(figure.subplots())
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return base64.b64encode(data.getvalue()).decode()


def smoothed(text: str) -> str:
    from PIL import Image, ImageFilter

    data = io.BytesIO()
    picture = Image.open(io.BytesIO(base64.b64decode(text)))
    picture.convert("RGB").filter(ImageFilter.GaussianBlur(0.6)).save(data, "png")
    return base64.b64encode(data.getvalue()).decode()


def scatter(seed: int) -> Draw:
    return lambda axes: axes.scatter(*numpy.random.default_rng(seed).random((2, 20)))


def test_the_same_figure_drawn_again() -> None:
    assert alike(png(lambda axes: axes.plot(SINE)), png(lambda axes: axes.plot(SINE)))
    assert alike(png(scatter(1)), png(scatter(1)))


def test_other_smoothing_of_edges_is_no_difference() -> None:
    figure = png(lambda axes: axes.plot(SINE))
    assert smoothed(figure) != figure
    assert alike(figure, smoothed(figure))
    with matplotlib.rc_context({"text.hinting": "none"}):
        assert alike(figure, png(lambda axes: axes.plot(SINE)))


DIFFERENT: list[tuple[Draw, Draw]] = [
    (lambda axes: axes.plot(SINE), lambda axes: axes.plot(SINE[::-1])),
    (lambda axes: axes.plot(SINE), lambda axes: axes.plot(SINE, color="C1")),
    (scatter(1), scatter(2)),
    (lambda axes: axes.bar([0, 1, 2], [1, 2, 3]), lambda axes: axes.bar([0, 1, 2], [1, 2.2, 3])),
    (lambda axes: axes.imshow(numpy.eye(9)), lambda axes: axes.imshow(numpy.eye(9)[::-1])),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_figure_is_a_difference(one: Draw, other: Draw) -> None:
    assert not alike(png(one), png(other))


def test_another_size_and_broken_data_are_differences() -> None:
    figure = png(lambda axes: axes.plot(SINE))
    assert not alike(figure, png(lambda axes: axes.plot(SINE), size=(5, 4)))
    assert not alike(figure, figure[:400])
    assert not alike(figure, "no base64!")
    assert alike(figure[:400], figure[:400])
