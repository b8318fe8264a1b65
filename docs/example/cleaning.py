"""Clean the sales table."""

import pandas as pd


def drop_empty(sales: pd.DataFrame) -> pd.DataFrame:
    """Leave out the rows without a number of units."""
    return sales.dropna(subset=["units"])


def revenue(sales: pd.DataFrame) -> pd.Series:
    return sales["units"] * sales["price"]
