"""Listing, profiling, missing values, correlations and baseline models on real frames."""

import pandas as pd
import pytest


@pytest.mark.parametrize(
    "words",
    [
        "what do I have?",
        "list variables",
        "show my variables",
        "which dataframes are loaded?",
        "what's in memory",
        "what data do I have",
        "what variables are there",
    ],
)
def test_variables_are_listed(room, iris, words):
    here = room(iris=iris, n=3, note="hello")
    text = here.ask(words)
    assert "| `iris` | `DataFrame` | 150 x 5" in text
    assert "`n`" in text
    assert not here.proposed


def test_an_empty_kernel_is_said_to_be_empty(room):
    assert "no variables of yours" in room().ask("what do I have?")
    assert "no pandas dataframe" in room(n=1).ask("describe the data")
    assert "no pandas dataframe" in room(n=1).ask("plot n")


@pytest.mark.parametrize(
    "words",
    [
        "describe sales",
        "summarise the data",
        "profile sales",
        "give me an overview of sales",
        "tell me about the sales table",
        "what does the data look like?",
        "summary statistics please",
    ],
)
def test_profiles(room, sales, words):
    here = room(sales=sales)
    text = here.ask(words)
    assert "`sales` has 120 rows and 8 columns" in text
    assert "categories: `region`" in text
    assert "`unitPrice` 1" in text
    assert list(here.value.index) == list(sales.columns)


def test_the_largest_table_is_profiled_where_none_is_named(room, iris, cancer):
    here = room(iris=iris, cancer=cancer)
    assert "`cancer` has 569 rows" in here.ask("describe the data")
    assert "`iris` has 150 rows" in here.ask("describe iris")
    assert "`iris` has 150 rows" in here.ask("describe it again")


@pytest.mark.parametrize(
    "words",
    [
        "are there missing values?",
        "count nulls in df",
        "show missing data per column",
        "how many NaN values are there",
        "which columns have missing values",
        "check for na values",
        "any gaps in df?",
    ],
)
def test_missing_values_are_counted(room, words):
    here = room(df=pd.DataFrame({"a": [1.0, None, None], "b": ["x", None, "z"], "c": [1, 2, 3]}))
    text = here.ask(words)
    assert here.value["missing"].to_dict() == {"a": 2, "b": 1, "c": 0}
    assert "`a` 2" in text
    assert "`b` 1" in text
    assert "in 2 columns" in text


def test_one_column_is_one(room):
    here = room(df=pd.DataFrame({"a": [1.0, None], "b": [1, 2]}))
    assert "missing values in 1 column: `a` 1" in here.ask("are there missing values?")


def test_missing_values_are_filled_or_dropped_into_a_new_table(room):
    frame = pd.DataFrame({"a": [1.0, None, 5.0], "b": ["x", None, "x"], "c": [1, 2, 3]})
    here = room(df=frame)
    here.ask("fill the missing values with the mean")
    assert list(here.after["df_filled"]["a"]) == [1.0, 3.0, 5.0]
    assert list(here.after["df_filled"]["b"]) == ["x", "x", "x"]
    here.ask("fill a with the mean")
    assert list(here.after["df_filled"]["a"]) == [1.0, 3.0, 5.0]
    here.ask("drop rows with missing values")
    assert len(here.after["df_complete"]) == 2
    here.ask("fill missing a with 0")
    assert list(here.after["df_filled"]["a"]) == [1.0, 0.0, 5.0]
    assert here.after["df"]["a"].isna().sum() == 1
    here.ask("plot the missing values")
    assert here.axes.get_ylabel() == "missing values"


@pytest.mark.parametrize(
    "words",
    [
        "show the correlations",
        "correlation matrix of df",
        "plot a heatmap",
        "how are the columns correlated?",
        "draw a heat map of the correlations",
        "correlate everything in df",
    ],
)
def test_correlations(room, diabetes, words):
    here = room(df=diabetes)
    here.ask(words)
    table = here.after["correlations"]
    assert table.shape == (11, 11)
    assert here.axes.images or any(axes.images for axes in here.axes.figure.axes)


def test_correlation_of_two_and_of_one(room, cancer, iris):
    here = room(df=cancer)
    here.ask("correlation between mean radius and mean area")
    assert here.after["correlations"].shape == (2, 2)
    here.ask("what correlates with worst area?")
    assert here.value.index[0] == "worst radius"
    assert "not numeric" in room(iris=iris).ask("correlation of species")


@pytest.mark.parametrize(
    "words",
    [
        "predict diagnosis",
        "train a model for diagnosis",
        "build a classifier for Diagnosis",
        "fit a baseline model to predict the diagnosis",
        "I want to classify diagnosis",
        "logistic regression for diagnosis",
        "train a model",
    ],
)
def test_a_classifier_beats_the_dummy(room, cancer, words, capsys):
    here = room(df=cancer)
    text = here.ask(words)
    assert here.after, text
    model, dummy = here.after["model"], here.after["dummy"]
    test = here.after["X_test"], here.after["y_test"]
    assert model.score(*test) > 0.95 > dummy.score(*test)
    assert "classification" in text
    assert "accuracy of the baseline" in capsys.readouterr().out


def test_only_the_named_features_are_used(room, cancer):
    here = room(df=cancer)
    here.ask("predict diagnosis from mean radius and mean area")
    assert list(here.after["X"].columns) == ["mean radius", "mean area"]
    here.ask("train a model that predicts diagnosis using worst texture")
    assert list(here.after["X"].columns) == ["worst texture"]


def test_a_regression_on_diabetes(room, diabetes):
    here = room(diabetes=diabetes)
    text = here.ask("predict target")
    assert "regression" in text
    score = here.after["model"].score(here.after["X_test"], here.after["y_test"])
    assert score > 0.3


def test_whole_numbers_with_few_values_are_classes(room, wine):
    here = room(wine=wine)
    here.ask("predict target with a random forest")
    assert here.after["model"].score(here.after["X_test"], here.after["y_test"]) > 0.9
    assert "RandomForestClassifier" in here.proposed


def test_mixed_columns_with_gaps(room, sales):
    here = room(sales=sales)
    text = here.ask("predict unit price")
    assert here.after, text
    assert "`Order Date`" in text.partition("Left out")[2]
    assert "`order_id`" in text.partition("Left out")[2]
    here.ask("predict paid")
    assert here.after["model"].classes_.tolist() == ["False", "True"]


def test_model_names_overwrite_nothing(room, iris):
    here = room(iris=iris, X=1, model=2)
    here.ask("predict species")
    assert here.after["X"] == 1
    assert here.after["model"] == 2
    assert here.after["model_2"].score(here.after["X_test"], here.after["y_test"]) > 0.9


def test_a_model_without_a_clear_target_asks(room, sales):
    here = room(sales=sales)
    assert "Which column of `sales` shall I predict?" in here.ask("train a model")
    assert "I find no column `price range`" in here.ask("predict price range")
    assert "classes and numbers only" in here.ask("predict order date")
    assert not here.proposed


def test_a_neural_network_is_not_pretended(room, iris):
    assert "not the `neural" in room(iris=iris).ask("train a neural network to predict species")
