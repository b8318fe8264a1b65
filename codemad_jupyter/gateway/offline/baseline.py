"""A first model on a chosen target: a scikit-learn pipeline, scored against a dummy."""

import re

from codemad_jupyter.gateway.offline.columns import parts
from codemad_jupyter.gateway.offline.frames import Chosen, choose, resolve
from codemad_jupyter.gateway.offline.literals import fresh, listed, literal, shown
from codemad_jupyter.gateway.offline.proposing import propose_cell
from codemad_jupyter.gateway.offline.reading import Frame, kind_of, look
from codemad_jupyter.gateway.offline.steps import Answer, Plan, Turn
from codemad_jupyter.gateway.offline.wording import word_list
from codemad_jupyter.protocol.kernels import Column

USUAL = ("target", "label", "class", "diagnosis", "y", "outcome", "response", "survived", "species")
CLASSES = 20
"""Distinct whole numbers up to which a target is classes."""
_TREES = re.compile(r"\b(forests?|trees?|ensemble)\b", re.IGNORECASE)
_ID = re.compile(r"(?:^|[_\W])(?:id|key|index|nr|no)$|(?-i:[a-z]I[dD]$)", re.IGNORECASE)
_OTHER = re.compile(
    r"\b(neural\w*|deep|lstm|cnn|transformer|xgboost|lightgbm|catboost|svm|support vector|k ?-?means|"
    r"cluster\w*|arima|prophet|gradient boost\w*|knn|nearest neighbou?rs?|naive bayes)\b",
    re.IGNORECASE,
)
_NOISE = word_list(
    """
    network networks net predict prediction predicting train training fit build classify classifier
    classification regression regressor regress model models modelling machine learning ml baseline
    sklearn scikit learn logistic linear ridge random forest forests tree trees target label outcome
    first based rest others other everything using score evaluate test simple fast dummy against
    features remaining estimate forecast ensemble run try start
    """
)


def baseline(turn: Turn) -> Plan:
    """Train and score a baseline."""
    found = yield from look()
    frame = yield from choose(turn, found, ask_if_tied=True)
    chosen = resolve(turn, frame, noise=(*_NOISE, *(_OTHER.findall(turn.words.casefold()))))
    target = _target(chosen)
    features = _features(chosen, target)
    classes = is_classes(target)
    trees = bool(_TREES.search(turn.words))
    code = _code(frame, target, features, found.taken, classes=classes, trees=trees)
    other = _code(frame.retyped(), target, features, found.taken, classes=classes, trees=trees)
    outcome = yield from propose_cell(code, title=f"Baseline for {target.name}", other=other)
    said = _said(turn, frame, target, features, classes=classes, trees=trees)
    return " ".join([*chosen.notes, said, outcome])


def _target(chosen: Chosen) -> Column:
    frame = chosen.frame
    mentioned = chosen.columns("predict") or chosen.columns("for", "of", "") or chosen.columns()
    usual = [name for name in frame.names if parts(name) and parts(name) <= set(USUAL)]
    name = next(iter(mentioned), None) or (usual[0] if len(usual) == 1 else None)
    if name is None:
        start = f"Several columns could be the target: {listed(usual)}." if usual else ""
        have = start or f"It has {listed(frame.names)}."
        raise Answer(f"Which column of {shown(frame.name)} shall I predict? {have}")
    column = frame.column(name)
    if column.unique is not None and column.unique < 2:
        raise Answer(f"{shown(name)} has only {column.unique} value, so there is nothing to learn.")
    if kind_of(column) in ("date", "span"):
        raise Answer(f"{shown(name)} is {column.dtype}; I can predict classes and numbers only.")
    if kind_of(column) == "text" and column.unique and column.unique > 200:
        raise Answer(f"{shown(name)} is text with {column.unique} different values, too many to be classes.")
    return column


def is_classes(target: Column) -> bool:
    """Whether the target is classes: text, flags, or few numbers."""
    if kind_of(target) in ("text", "flag"):
        return True
    if target.unique is not None:
        return target.unique <= (CLASSES if "int" in target.dtype.lower() else 3)
    return "int" in target.dtype.lower() and bool(parts(target.name) & set(USUAL))


def _features(chosen: Chosen, target: Column) -> dict[str, list[str]]:
    """Columns by treatment; ``left`` are those a baseline should not see."""
    frame = chosen.frame
    wanted = set(chosen.columns("from", "with", "using")) - {target.name}
    found: dict[str, list[str]] = {"number": [], "text": [], "left": []}
    for column in frame.columns:
        if column.name == target.name:
            continue
        if frame.names.count(column.name) > 1 or (wanted and column.name not in wanted):
            found["left"].append(column.name)
        else:
            found[_treatment(column, frame.rows)].append(column.name)
    if not found["number"] and not found["text"]:
        raise Answer(
            f"{shown(frame.name)} has no column besides {shown(target.name)} that a baseline can learn from."
        )
    return found


def _treatment(column: Column, rows: int | None) -> str:
    kind = kind_of(column)
    empty = rows is not None and column.missing is not None and column.missing >= rows
    unique = column.unique
    each = rows is not None and unique is not None and rows > 20 and unique >= rows
    identity = each and (kind == "text" or ("int" in column.dtype.lower() and bool(_ID.search(column.name))))
    if empty or identity or kind in ("date", "span"):
        return "left"
    if kind == "number":
        return "number"
    return (
        "left" if kind == "text" and unique is not None and rows and unique > max(50, rows // 2) else "text"
    )


def _code(
    frame: Frame,
    target: Column,
    features: dict[str, list[str]],
    taken: frozenset[str],
    *,
    classes: bool,
    trees: bool,
) -> str:
    name = {
        base: fresh(base, taken)
        for base in ("X", "y", "model", "dummy", "X_train", "X_test", "y_train", "y_test")
    }
    numbers, texts = features["number"], features["text"]
    lists = [
        *([f"_numbers = {literal(numbers)}"] if numbers else []),
        *([f"_texts = {literal(texts)}"] if texts else []),
    ]
    steps = _steps(numbers, texts)
    known = f"{frame.expr}[{frame.ref(target.name)}.notna()]"
    lines = [
        *_imports(numbers, texts, classes=classes, trees=trees),
        "",
        f"_rows = {known}",
        *lists,
        *_picked(frame, name["X"], numbers, texts),
        *_conversions(name["X"], numbers, texts),
        f"{name['y']} = _rows[{frame.label(target.name)}].astype({'str' if classes else literal('float64')})",
        _splitting(name, classes=classes),
        "_prepare = ColumnTransformer([",
        *steps,
        "])",
        f"{name['model']} = make_pipeline(_prepare, {_estimator(classes=classes, trees=trees)})",
        f"{name['model']}.fit({name['X_train']}, {name['y_train']})",
        f"{name['dummy']} = {_dummy(classes=classes)}.fit({name['X_train']}, {name['y_train']})",
        *_scores(name, classes=classes),
    ]
    return "\n".join(lines)


def _scores(name: dict[str, str], *, classes: bool) -> list[str]:
    measure = "accuracy" if classes else "R2"
    test = f"{name['X_test']}, {name['y_test']}"
    return [
        f'print("{measure} of the baseline:", round({name["model"]}.score({test}), 3))',
        f'print("{measure} of a dummy:   ", round({name["dummy"]}.score({test}), 3))',
    ]


def _imports(numbers: list[str], texts: list[str], *, classes: bool, trees: bool) -> list[str]:
    scalers = [*(["OneHotEncoder"] if texts else []), *(["StandardScaler"] if numbers else [])]
    kind = "Classifier" if classes else "Regressor"
    linear = "LogisticRegression" if classes else "Ridge"
    source = (
        f"sklearn.ensemble import RandomForest{kind}" if trees else f"sklearn.linear_model import {linear}"
    )
    return [
        *(["import pandas as pd"] if texts else []),
        "from sklearn.compose import ColumnTransformer",
        f"from sklearn.dummy import Dummy{kind}",
        "from sklearn.impute import SimpleImputer",
        f"from {source}",
        "from sklearn.model_selection import train_test_split",
        "from sklearn.pipeline import make_pipeline",
        f"from sklearn.preprocessing import {', '.join(scalers)}",
    ]


def _picked(frame: Frame, features: str, numbers: list[str], texts: list[str]) -> list[str]:
    """The columns by name; where a label is no text, its text becomes the name."""
    labels = [frame.label(column) for column in (*numbers, *texts)]
    if labels == [literal(column) for column in (*numbers, *texts)]:
        used = ["_numbers"] * bool(numbers) + ["_texts"] * bool(texts)
        return [f"{features} = _rows[{' + '.join(used)}].copy()"]
    return [
        f"{features} = _rows[[{', '.join(labels)}]].copy()",
        f"{features}.columns = {features}.columns.map(str)",
    ]


def _conversions(features: str, numbers: list[str], texts: list[str]) -> list[str]:
    """Plain floats and plain objects: pandas' own missing value is unknown to scikit-learn."""
    lines = []
    if numbers:
        lines.append(f'{features}[_numbers] = {features}[_numbers].astype("float64")')
    if texts:
        picked = f"{features}[_texts]"
        lines.append(f"{picked} = {picked}.astype(object).map(lambda v: None if pd.isna(v) else str(v))")
    return lines


def _splitting(name: dict[str, str], *, classes: bool) -> str:
    targets = f"{name['X_train']}, {name['X_test']}, {name['y_train']}, {name['y_test']}"
    stratify = f", stratify={name['y']} if {name['y']}.value_counts().min() > 1 else None" if classes else ""
    return f"{targets} = train_test_split({name['X']}, {name['y']}, test_size=0.25, random_state=0{stratify})"


def _steps(numbers: list[str], texts: list[str]) -> list[str]:
    lines = []
    if numbers:
        fill = 'make_pipeline(SimpleImputer(strategy="median"), StandardScaler())'
        lines.append(f'    ("numbers", {fill}, _numbers),')
    if texts:
        fill = (
            'make_pipeline(SimpleImputer(missing_values=None, strategy="constant", fill_value="missing"), '
            'OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=20))'
        )
        lines.append(f'    ("categories", {fill}, _texts),')
    return lines


def _estimator(*, classes: bool, trees: bool) -> str:
    if trees:
        return f"RandomForest{'Classifier' if classes else 'Regressor'}(random_state=0)"
    return "LogisticRegression(max_iter=1000)" if classes else "Ridge()"


def _dummy(*, classes: bool) -> str:
    return 'DummyClassifier(strategy="most_frequent")' if classes else 'DummyRegressor(strategy="mean")'


def _said(
    turn: Turn, frame: Frame, target: Column, features: dict[str, list[str]], *, classes: bool, trees: bool
) -> str:
    kind = "classification" if classes else "regression"
    model = "a random forest" if trees else ("logistic regression" if classes else "ridge regression")
    other = _OTHER.search(turn.words)
    honest = f" I only know baselines, so this is not the {shown(other.group())} you named." if other else ""
    left = f" Left out: {listed(features['left'])}." if features["left"] else ""
    used = len(features["number"]) + len(features["text"])
    return (
        f"{shown(target.name)} looks like a {kind} target, so this trains {model} on {used} columns of "
        f"{shown(frame.name)} and scores it on a quarter of the rows against a dummy.{honest}{left} "
        "If a column would not be known at prediction time, take it out first."
    )
