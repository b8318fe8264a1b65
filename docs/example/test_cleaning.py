import pandas as pd
from cleaning import drop_empty, revenue

SALES = pd.DataFrame({"units": [2, None], "price": [3.0, 1.0]})


def test_rows_without_units_go():
    assert len(drop_empty(SALES)) == 1


def test_revenue_is_units_times_price():
    assert revenue(SALES)[0] == 6.0
