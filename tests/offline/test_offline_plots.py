"""Plots: the drawing that fits the types, run on real frames."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest


@pytest.mark.parametrize(
    "words",
    [
        "plot the mean radius by diagnosis",
        "Plot mean_radius by Diagnosis",
        "please draw a box plot of mean radius per diagnosis",
        "show me a chart of `mean radius` grouped by diagnosis",
        "how does mean radius differ between diagnosis groups?",
        "compare Mean Radius across diagnosis",
        "visualise the distribution of mean radius for each diagnosis",
        "graph meanradius by diagnosis",
        'Can you plot "mean radius" vs diagnosis?',
    ],
)
def test_mean_radius_by_diagnosis_is_a_column_not_an_average(room, cancer, words):
    here = room(df=cancer)
    text = here.ask(words)
    assert here.after, text
    assert here.axes.get_xlabel() == "diagnosis"
    assert here.axes.get_ylabel() == "mean radius"
    assert [t.get_text() for t in here.axes.get_xticklabels()] == ["benign", "malignant"]
    assert "box plot" in text
    assert "`mean radius`" in text


def test_a_mean_is_an_average_where_no_column_has_that_name(room):
    frame = pd.DataFrame({"radius": [1.0, 2.0, 3.0, 5.0], "diagnosis": ["b", "b", "m", "m"]})
    here = room(df=frame)
    here.ask("plot the mean radius by diagnosis")
    heights = [patch.get_height() for patch in here.axes.patches]
    assert heights == [4.0, 1.5]
    assert here.axes.get_ylabel() == "mean of radius"


@pytest.mark.parametrize(
    ("words", "heights"),
    [
        ("plot the average of area by species", [10.0, 3.0]),
        ("bar chart of the total area per species", [20.0, 6.0]),
        ("draw the median area for each species", [10.0, 3.0]),
        ("plot maximum area by species", [12.0, 4.0]),
        ("plot the count by species", [2, 2]),
        ("plot the number of rows per species", [2, 2]),
    ],
)
def test_aggregations_are_drawn_as_bars(room, words, heights):
    frame = pd.DataFrame({"area": [2.0, 4.0, 8.0, 12.0], "species": ["a", "a", "b", "b"]})
    here = room(df=frame)
    here.ask(words)
    assert [patch.get_height() for patch in here.axes.patches] == heights


@pytest.mark.parametrize(
    ("words", "xlabel", "ylabel"),
    [
        ("plot unit price", "unitPrice", "rows"),
        ("histogram of quantity", "quantity", "rows"),
        ("bar chart of the product names", "Product Name", "rows"),
        ("plot region", "region", "rows"),
        ("plot paid", "paid", "rows"),
        ("plot unitPrice vs quantity", "quantity", "unitPrice"),
        ("scatter unit_price and quantity", "unitPrice", "quantity"),
        ("plot unitPrice over time", "Order Date", "unitPrice"),
        ("line chart of quantity by order date", "Order Date", "quantity"),
        ("plot the sum of quantity by month", "Order Date (month)", "sum of quantity"),
        ("plot region by product name", "region", "rows"),
        ("box plot of quantity by region", "region", "quantity"),
        ("plot quantity against unit price coloured by region", "unitPrice", "quantity"),
        ("plot unit price over order date by region", "Order Date", "unitPrice"),
        ("plot average unit price by region and paid", "region", "mean of unitPrice"),
        ("plot order date", "Order Date", "rows"),
        ("histogram of unit price by region", "unitPrice", "rows"),
    ],
)
def test_the_kind_follows_the_types(room, sales, words, xlabel, ylabel):
    here = room(sales=sales)
    text = here.ask(words)
    assert here.after, text
    assert (here.axes.get_xlabel(), here.axes.get_ylabel()) == (xlabel, ylabel)
    assert here.axes.get_title()
    assert "fig.tight_layout()" in here.proposed


def test_a_whole_frame_gives_histograms(room, wine):
    here = room(wine=wine)
    text = here.ask("plot wine")
    assert len(plt.gcf().axes) == 12
    assert "first 12 of" in text


def test_numeric_targets_with_few_values_are_groups(room, wine):
    here = room(df=wine)
    here.ask("plot alcohol by target")
    assert here.axes.get_xlabel() == "target"
    assert len(here.axes.get_xticklabels()) == 3
    here.deep = False
    here.ask("plot alcohol by target")
    assert len(here.axes.get_xticklabels()) == 3


@pytest.mark.parametrize(
    "words", ["plot the texxture by diagnosis", "plot height by diagnosis", "histogram of weight"]
)
def test_an_unknown_column_is_asked_about(room, cancer, words):
    here = room(df=cancer)
    text = here.ask(words)
    assert "I find no column" in text
    assert text.endswith("?")
    assert not here.proposed


def test_an_unclear_column_names_the_candidates_and_takes_the_answer(room, cancer):
    here = room(df=cancer)
    text = here.ask("plot the radius by diagnosis")
    assert "`mean radius`" in text
    assert "`worst radius`" in text
    assert not here.proposed
    here.ask("worst radius")
    assert here.axes.get_ylabel() == "worst radius"


def test_yes_takes_the_nearest_column(room, cancer):
    here = room(df=cancer)
    here.ask("plot mean raduis by diagnosis")
    here.ask("yes")
    assert here.axes.get_ylabel() == "mean radius"


def test_two_frames_with_the_same_columns_are_asked_about(room, iris):
    here = room(a_train=iris, b_test=iris)
    text = here.ask("plot petal length by species")
    assert "`a_train`" in text
    assert "`b_test`" in text
    assert not here.proposed
    here.ask("b_test")
    assert "b_test" in here.proposed
    assert "a_train" not in here.proposed


def test_the_frame_with_the_named_columns_is_taken(room, iris, wine):
    here = room(wine=wine, flowers=iris)
    here.ask("plot petal length (cm) by species")
    assert "flowers" in here.proposed
    here.ask("plot alcohol")
    assert "wine" in here.proposed


def test_the_frame_spoken_of_last_is_taken(room, iris):
    here = room(one=iris, two=iris)
    here.ask("describe two")
    here.ask("plot petal length by species")
    assert "two" in here.proposed
    assert "one" not in here.proposed


def test_units_in_brackets_need_not_be_said(room, iris):
    here = room(iris=iris)
    here.ask("plot petal length vs petal width")
    assert here.axes.get_xlabel() == "petal width (cm)"
    assert here.axes.get_ylabel() == "petal length (cm)"


def test_bins_and_flags(room, sales):
    here = room(sales=sales.assign(won=[0, 1] * 60))
    here.ask("histogram of unitPrice with 5 bins")
    assert len(here.axes.patches) == 5
    here.ask("plot won by region")
    assert here.axes.get_ylabel() == "rows"
    here.ask("plot everything")
    assert here.after


def test_a_series_can_be_plotted(room):
    here = room(heights=pd.Series([1.0, 2.0, 2.0, 5.0]))
    text = here.ask("plot heights")
    assert here.after, text
    assert here.axes.get_xlabel() == "heights"


def test_the_second_reading_of_labels_is_tried_once(room):
    here = room(df=pd.DataFrame([[1, 2019.5], [2, 2020.5]], columns=[2019, 2020]))
    text = here.ask('plot "2020"')
    assert here.after, text
    assert "first version failed" in text


def test_numbered_columns_are_numbers(room):
    here = room(df=pd.DataFrame([[1.5, 2.5], [2.5, 3.0]]))
    here.ask('plot column "0" vs column "1"')
    assert "df[0]" in here.proposed
    assert here.after
