"""Grouping, filtering, sorting, counting, merging and pivoting on real frames."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal


@pytest.fixture
def people() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": ["Ann", "Bob", "Cid", "Dan", "Eve"],
            "age": [25, 31, 40, None, 31],
            "home city": ["Oslo", "Rome", "oslo", "Bonn", None],
            "active": [True, False, True, True, False],
            "joined": pd.to_datetime(["2020-01-05", "2021-06-01", "2022-03-03", "2023-04-04", "2020-12-31"]),
        }
    )


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("rows where age > 30", ["Bob", "Cid", "Eve"]),
        ("keep only the rows where age is at least 31", ["Bob", "Cid", "Eve"]),
        ("filter people by age less than 31", ["Ann"]),
        ("show only rows with age between 26 and 35", ["Bob", "Eve"]),
        ("select rows where home_city is Oslo", ["Ann", "Cid"]),
        ('rows where home city == "Oslo"', ["Ann"]),
        ("keep only people whose age is over 30 and active is true", ["Cid"]),
        ("rows where age < 30 or age > 35", ["Ann", "Cid"]),
        ("drop the rows where active is false", ["Ann", "Cid", "Dan"]),
        ("exclude rows where home city is Oslo", ["Bob", "Dan", "Eve"]),
        ("rows where home city is Rome or Bonn", ["Bob", "Dan"]),
        ("rows where home city is not Rome or Bonn", ["Ann", "Cid", "Eve"]),
        ("filter to active = yes", ["Ann", "Cid", "Dan"]),
        ("rows where age is missing", ["Dan"]),
        ("rows where home city is not missing", ["Ann", "Bob", "Cid", "Dan"]),
        ("rows where joined is after 2021", ["Cid", "Dan"]),
        ("keep only rows where joined >= 2021-06-01", ["Bob", "Cid", "Dan"]),
        ("filter rows where name starts with A", ["Ann"]),
        ("rows where name contains an", ["Ann", "Dan"]),
        ("rows where home city in Rome, Bonn", ["Bob", "Dan"]),
        ("rows where home city is not oslo", ["Bob", "Dan", "Eve"]),
    ],
)
def test_filters(room, people, words, names):
    here = room(people=people)
    text = here.ask(words)
    assert list(here.value["name"]) == names, here.proposed
    assert "`people_filtered`" in text
    assert_frame_equal(here.names["people"], people)


def test_a_filter_overwrites_nothing(room, people):
    here = room(people=people, people_filtered=1)
    here.ask("rows where age > 30")
    assert here.after["people_filtered"] == 1
    assert len(here.after["people_filtered_2"]) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("rows where height > 3", "no column `height`"),
        ("filter the rows", "do not understand the condition"),
        ("rows where age > tall", "is no number"),
        ("keep only rows where active is maybe", "is neither"),
    ],
)
def test_an_unclear_filter_asks(room, people, words, said):
    here = room(people=people)
    assert said in here.ask(words)
    assert not here.proposed


@pytest.mark.parametrize(
    "words",
    [
        "average petal length by species",
        "group by species and take the mean of petal length",
        "what is the mean petal_length per species?",
        "compute the avg petal length (cm) for each species",
        "mean of 'petal length (cm)' grouped by Species",
        "for each species give me the average petal length",
        "aggregate petal length by species",
    ],
)
def test_a_mean_by_group(room, iris, words):
    here = room(iris=iris)
    here.ask(words)
    expected = iris.groupby("species")[["petal length (cm)"]].mean()
    assert_frame_equal(here.value, expected)


def test_several_aggregations_and_keys(room, sales):
    here = room(sales=sales)
    here.ask("min and max of quantity by region and product name")
    expected = sales.groupby(["region", "Product Name"], observed=True)[["quantity"]].agg(["min", "max"])
    assert_frame_equal(here.value, expected)


def test_a_date_is_grouped_by_month(room, sales):
    here = room(sales=sales)
    here.ask("total unit price by month")
    assert [str(month) for month in here.value.index] == ["2025-01", "2025-02", "2025-03", "2025-04"]
    assert here.value["unitPrice"].sum() == sales["unitPrice"].sum()


def test_a_column_called_mean_something_by_group(room, cancer):
    here = room(df=cancer)
    here.ask("group mean radius by diagnosis")
    assert_frame_equal(here.value, cancer.groupby("diagnosis")[["mean radius"]].mean())
    here.ask("maximum of the mean radius by diagnosis")
    assert_frame_equal(here.value, cancer.groupby("diagnosis")[["mean radius"]].max())


def test_text_has_no_mean(room, sales):
    here = room(sales=sales)
    assert "not numeric" in here.ask("average product name by region")
    assert not here.proposed


@pytest.mark.parametrize(
    "words",
    [
        "value counts of product name",
        "how often does each product name occur?",
        "count the values of Product Name",
        "frequencies of product_name",
        "unique values in Product Name",
        "how many of each product name",
        "how many different product names are there",
        "breakdown of product name",
    ],
)
def test_value_counts(room, sales, words):
    here = room(sales=sales)
    text = here.ask(words)
    assert list(here.value["rows"]) == [30, 30, 30, 30]
    assert here.value["share"].sum() == 1
    assert "`Product Name` has 4 different values" in text


@pytest.mark.parametrize(
    "words", ["number of orders per region", "how many orders by region", "count of rows by region"]
)
def test_counting_is_no_average(room, sales, words):
    here = room(sales=sales)
    here.ask(words)
    assert set(here.value["rows"]) == {40}


def test_counting_rows_per_group(room, sales):
    here = room(sales=sales)
    here.ask("count rows by region")
    assert here.value.set_index("region")["rows"].to_dict() == {"north": 40, "south": 40, "east": 40}


@pytest.mark.parametrize(
    ("words", "rows", "first"),
    [
        ("sort people by age", 5, "Ann"),
        ("sort by age descending", 5, "Cid"),
        ("order the rows by joined, newest first", 5, "Dan"),
        ("top 2 by age", 2, "Cid"),
        ("the 3 largest ages", 3, "Cid"),
        ("show the bottom 2 rows by age", 2, "Ann"),
        ("rank people by joined", 5, "Ann"),
        ("which home city has the highest age?", 5, "Cid"),
        ("show the first 3 rows", 3, "Ann"),
        ("show people's last 2 rows", 2, "Dan"),
        ("which rows have the lowest age", 10, "Ann"),
    ],
)
def test_sorting(room, people, words, rows, first):
    here = room(people=people)
    here.ask(words)
    assert len(here.value) == min(rows, 5)
    assert here.value["name"].iloc[0] == first


@pytest.mark.parametrize(
    "words",
    [
        "merge orders and customers on customer_id",
        "join orders with customers",
        "left join orders and customers by customer id",
        "combine orders and customers",
        "merge the two tables",
        "merge orders with customers using Customer ID",
        "look up customers from orders",
    ],
)
def test_merging(room, words):
    orders = pd.DataFrame({"order": [1, 2, 3], "customer_id": [1, 1, 9]})
    customers = pd.DataFrame({"customer_id": [1, 2], "name": ["Ann", "Bob"]})
    here = room(orders=orders, customers=customers)
    text = here.ask(words)
    pairs = here.after["merged"][["customer_id", "name"]]
    assert "left join" in text
    if words.startswith("look"):
        assert set(pairs["name"].dropna()) == {"Ann", "Bob"}
    else:
        assert_frame_equal(pairs, orders.merge(customers, how="left")[["customer_id", "name"]])


def test_a_foreign_key_and_different_types(room):
    orders = pd.DataFrame({"order": [1, 2], "customer_id": ["7", "8"]})
    customers = pd.DataFrame({"id": [7, 8], "name": ["Ann", "Bob"]})
    here = room(orders=orders, customers=customers)
    text = here.ask("inner join orders and customers")
    assert list(here.after["merged"]["name"]) == ["Ann", "Bob"]
    assert "compared as text" in text


def test_merging_without_a_common_column_asks(room):
    here = room(left=pd.DataFrame({"a": [1]}), right=pd.DataFrame({"b": [1]}))
    assert "share no column" in here.ask("merge left and right")
    assert "no column `zip`" in here.ask("merge left and right on zip")
    assert not here.proposed


def test_merging_with_several_common_columns_asks(room, iris):
    here = room(one=iris, two=iris)
    assert "On which shall I merge" in here.ask("merge one and two")
    assert not here.proposed


@pytest.mark.parametrize(
    "words",
    [
        "pivot the sum of quantity by region and product name",
        "pivot table of quantity by region and product name, sum",
        "pivot total quantity with region as rows and product name as columns",
        "make a pivot of region against product name with the sum of quantity",
        "pivot sales: quantity sum, region as index, Product Name as columns",
        "pivot: sum quantity by region and product_name",
    ],
)
def test_pivots(room, sales, words):
    here = room(sales=sales)
    here.ask(words)
    expected = sales.pivot_table(
        values="quantity", index="region", columns="Product Name", aggfunc="sum", observed=True
    )
    assert_frame_equal(here.value, expected)


def test_a_cross_table(room, sales):
    here = room(sales=sales)
    here.ask("cross tabulate region and paid")
    assert_frame_equal(here.value, pd.crosstab(sales["region"], sales["paid"]))


@pytest.mark.parametrize(
    "words",
    ["find duplicate rows", "are there duplicates?", "show duplicated records", "count the duplicates in df",
     "which rows occur more than once", "any dupes in here?"],
)  # fmt: skip
def test_duplicates_are_listed(room, words):
    here = room(df=pd.DataFrame({"a": [1, 1, 2], "b": [3, 3, 4]}))
    here.ask(words)
    assert list(here.value.index) == [0, 1]


@pytest.mark.parametrize("words", ["remove duplicates", "drop the duplicate rows", "deduplicate df"])
def test_duplicates_are_removed_into_a_new_table(room, words):
    here = room(df=pd.DataFrame({"a": [1, 1, 2], "b": [3, 3, 4]}))
    here.ask(words)
    assert len(here.after["df_unique"]) == 2
    assert len(here.after["df"]) == 3


def test_duplicates_in_one_column(room):
    here = room(df=pd.DataFrame({"it's": [1, 1, 2], "b": [3, 5, 4]}))
    here.ask('find duplicates in "it\'s"')
    assert list(here.value.index) == [0, 1]


def test_the_largest_of_several_series_like_columns(room, people):
    here = room(people=people)
    here.ask("what is the average age?")
    assert_series_equal(here.value["age"], pd.Series({"mean": 31.75}, name="age"))
