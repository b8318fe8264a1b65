"""What is well known about Python's data packages: usual imports, distributions, attributes that moved."""

from codemad_jupyter.gateway.offline.wording import word_list

_SKLEARN = {
    "model_selection": "train_test_split cross_val_score cross_validate GridSearchCV "
    "RandomizedSearchCV KFold StratifiedKFold",
    "linear_model": "LinearRegression LogisticRegression Ridge Lasso ElasticNet SGDClassifier",
    "ensemble": "RandomForestClassifier RandomForestRegressor GradientBoostingClassifier "
    "GradientBoostingRegressor HistGradientBoostingClassifier HistGradientBoostingRegressor",
    "tree": "DecisionTreeClassifier DecisionTreeRegressor",
    "svm": "SVC SVR LinearSVC",
    "neighbors": "KNeighborsClassifier KNeighborsRegressor",
    "cluster": "KMeans DBSCAN AgglomerativeClustering",
    "decomposition": "PCA NMF TruncatedSVD",
    "preprocessing": "StandardScaler MinMaxScaler OneHotEncoder OrdinalEncoder LabelEncoder "
    "PolynomialFeatures",
    "impute": "SimpleImputer KNNImputer",
    "pipeline": "make_pipeline Pipeline",
    "compose": "ColumnTransformer make_column_transformer make_column_selector",
    "dummy": "DummyClassifier DummyRegressor",
    "metrics": "accuracy_score confusion_matrix classification_report mean_squared_error mean_absolute_error "
    "r2_score roc_auc_score f1_score precision_score recall_score ConfusionMatrixDisplay",
    "datasets": "load_iris load_breast_cancer load_diabetes load_wine load_digits make_classification "
    "make_regression make_blobs fetch_california_housing",
}
_STANDARD = (
    "os sys re json math random time csv itertools functools collections datetime glob shutil pickle "
    "sqlite3 statistics string logging subprocess textwrap urllib warnings copy operator io "
    "zipfile hashlib uuid"
)
IMPORTS: dict[str, str] = {
    "np": "import numpy as np",
    "numpy": "import numpy",
    "pd": "import pandas as pd",
    "pandas": "import pandas",
    "plt": "import matplotlib.pyplot as plt",
    "mpl": "import matplotlib as mpl",
    "matplotlib": "import matplotlib",
    "sns": "import seaborn as sns",
    "sp": "import scipy as sp",
    "scipy": "import scipy",
    "stats": "from scipy import stats",
    "sm": "import statsmodels.api as sm",
    "smf": "import statsmodels.formula.api as smf",
    "px": "import plotly.express as px",
    "go": "import plotly.graph_objects as go",
    "alt": "import altair as alt",
    "pl": "import polars as pl",
    "xr": "import xarray as xr",
    "nx": "import networkx as nx",
    "gpd": "import geopandas as gpd",
    "tf": "import tensorflow as tf",
    "keras": "import keras",
    "torch": "import torch",
    "nn": "from torch import nn",
    "sklearn": "import sklearn",
    "cv2": "import cv2",
    "requests": "import requests",
    "Path": "from pathlib import Path",
    "Counter": "from collections import Counter",
    "defaultdict": "from collections import defaultdict",
    "namedtuple": "from collections import namedtuple",
    "deque": "from collections import deque",
    "timedelta": "from datetime import timedelta",
    "date": "from datetime import date",
    "dataclass": "from dataclasses import dataclass",
    "partial": "from functools import partial",
    "reduce": "from functools import reduce",
    "lru_cache": "from functools import lru_cache",
    "combinations": "from itertools import combinations",
    "product": "from itertools import product",
    "chain": "from itertools import chain",
    "Decimal": "from decimal import Decimal",
    "Fraction": "from fractions import Fraction",
    "sqrt": "from math import sqrt",
    "pprint": "from pprint import pprint",
    "display": "from IPython.display import display",
    "tqdm": "from tqdm.auto import tqdm",
    **{name: f"import {name}" for name in _STANDARD.split()},
    **{n: f"from sklearn.{module} import {n}" for module, names in _SKLEARN.items() for n in names.split()},
}

DISTRIBUTIONS: dict[str, str] = {
    "sklearn": "scikit-learn", "skimage": "scikit-image", "cv2": "opencv-python", "PIL": "pillow",
    "yaml": "pyyaml", "bs4": "beautifulsoup4", "dotenv": "python-dotenv", "dateutil": "python-dateutil",
    "docx": "python-docx", "pptx": "python-pptx", "fitz": "pymupdf", "git": "gitpython", "serial": "pyserial",
    "Bio": "biopython", "jwt": "pyjwt", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient",
    "tables": "tables", "umap": "umap-learn", "imblearn": "imbalanced-learn", "igraph": "igraph",
    "pywt": "pywavelets", "osgeo": "gdal", "wx": "wxpython", "magic": "python-magic", "lxml": "lxml",
    **{name: name for name in word_list(
        """
        numpy pandas matplotlib seaborn scipy statsmodels plotly altair polars pyarrow xarray networkx
        geopandas shapely folium tensorflow keras torch torchvision torchaudio transformers datasets jax
        xgboost lightgbm catboost nltk spacy gensim requests httpx aiohttp sqlalchemy duckdb openpyxl
        xlrd xlsxwriter tqdm dask distributed numba cython sympy fastparquet h5py joblib pydantic
        fastapi flask django pytest hypothesis ipywidgets nbformat nbclient papermill jupytext streamlit
        gradio bokeh holoviews hvplot pymc arviz prophet optuna mlflow boto3 psycopg pymysql redis
        pymongo tabulate rich click typer openai anthropic litellm langchain faker missingno wordcloud
        shap lime emcee astropy pillow
        """
    )},
}  # fmt: skip

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "DataFrame": tuple(
        word_list(
            """
            T abs add agg aggregate all any apply applymap asfreq assign astype at bfill boxplot clip
            columns combine copy corr corrwith count cov cummax cummin cumprod cumsum describe diff div
            drop drop_duplicates dropna dtypes duplicated empty eq equals eval explode ffill fillna
            filter first_valid_index ge groupby gt head hist iat idxmax idxmin iloc index info insert
            interpolate isin isna isnull items iterrows itertuples join keys kurt le loc lt map mask max
            mean median melt memory_usage merge min mode mul ndim ne nlargest notna notnull nsmallest
            nunique pct_change pipe pivot pivot_table plot pop quantile query rank reindex rename
            rename_axis reorder_levels replace resample reset_index rolling round sample select_dtypes
            sem set_axis set_index shape shift size skew sort_index sort_values squeeze stack std sub
            sum swaplevel tail to_clipboard to_csv to_dict to_excel to_html to_json to_latex to_markdown
            to_numpy to_parquet to_period to_pickle to_records to_sql to_string to_timestamp transform
            transpose truncate unstack update value_counts values var where xs
            """
        )
    ),
    "Series": tuple(
        word_list(
            """
            T abs add agg all any apply argmax argmin argsort astype at between bfill cat clip copy corr
            count cov cummax cumprod cumsum describe diff div dot drop drop_duplicates dropna dt dtype
            duplicated empty eq equals explode factorize ffill fillna ge groupby gt head hist iat idxmax
            idxmin iloc index interpolate is_unique isin isna isnull items keys le loc lt map mask max
            mean median memory_usage min mode mul name ndim ne nlargest notna nsmallest nunique
            pct_change pipe plot pop quantile rank reindex rename repeat replace resample reset_index
            rolling round sample shape shift size skew sort_index sort_values std str sub sum tail
            to_csv to_dict to_frame to_list to_numpy transform unique unstack update value_counts values
            var where
            """
        )
    ),
    "pandas": tuple(
        word_list(
            """
            Categorical DataFrame DateOffset Grouper Index MultiIndex NA NaT Series Timedelta Timestamp
            bdate_range concat crosstab cut date_range eval factorize from_dummies get_dummies isna
            isnull json_normalize melt merge merge_asof notna notnull option_context period_range pivot
            pivot_table qcut read_csv read_excel read_feather read_html read_json read_parquet
            read_pickle read_sql read_table read_xml set_option timedelta_range to_datetime to_numeric
            to_timedelta unique value_counts
            """
        )
    ),
    "numpy": tuple(
        word_list(
            """
            abs all allclose any append arange arccos arcsin arctan argmax argmin argsort array asarray
            ceil clip column_stack concatenate corrcoef cos cov cross cumprod cumsum diag diff dot empty
            exp expand_dims eye flip floor full histogram hstack identity inf interp isclose isfinite
            isnan linalg linspace log log10 log2 logspace matmul max maximum mean median meshgrid min
            minimum nan nanmax nanmean nanmedian nanmin nanstd nansum ndarray nonzero ones ones_like
            outer percentile pi polyfit polyval prod quantile random ravel repeat reshape round sign sin
            sort split sqrt square squeeze stack std sum tan tanh tile trace transpose unique var vstack
            where zeros zeros_like
            """
        )
    ),
    "matplotlib.pyplot": tuple(
        word_list(
            """
            axes axhline axis axvline bar barh boxplot clf close colorbar contour contourf errorbar
            figure fill_between gca gcf grid hexbin hist hist2d imshow legend loglog pcolormesh pie plot
            savefig scatter semilogx semilogy show stackplot stem step style subplot subplots suptitle
            text tick_params tight_layout title violinplot xlabel xlim xscale xticks ylabel ylim yscale
            yticks
            """
        )
    ),
}  # fmt: skip

MOVED: dict[tuple[str, str], str] = {
    ("DataFrame", "group_by"): "groupby",
    ("DataFrame", "iteritems"): "items",
    ("Series", "iteritems"): "items",
    ("DataFrame", "ix"): "loc",
    ("DataFrame", "sort"): "sort_values",
    ("DataFrame", "order_by"): "sort_values",
    ("DataFrame", "as_matrix"): "to_numpy",
    ("DataFrame", "with_columns"): "assign",
    ("DataFrame", "is_null"): "isnull",
    ("Series", "is_null"): "isnull",
    ("DataFrame", "unique"): "drop_duplicates",
    ("Series", "order"): "sort_values",
    ("str", "uppercase"): "upper",
    ("str", "lowercase"): "lower",
    ("str", "trim"): "strip",
    ("list", "push"): "append",
    ("list", "add"): "append",
    ("dict", "has_key"): "__contains__",
    ("dict", "iteritems"): "items",
    ("numpy", "float"): "float64",
    ("numpy", "int"): "int64",
    ("numpy", "bool"): "bool_",
    ("numpy", "object"): "object_",
    ("numpy", "str"): "str_",
    ("numpy", "NaN"): "nan",
    ("numpy", "Inf"): "inf",
}
"""Attributes that other libraries or older versions have, and what they are called here."""
