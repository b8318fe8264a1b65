"""What there is and how good it is: variables, profiles, missing values, correlations."""

import re

from codemad_jupyter.gateway.offline.frames import Chosen, choose, named, resolve
from codemad_jupyter.gateway.offline.literals import caption, drawn, fresh, listed, literal, shown
from codemad_jupyter.gateway.offline.proposing import propose_cell
from codemad_jupyter.gateway.offline.reading import Frame, Look, is_group, kind_of, look
from codemad_jupyter.gateway.offline.steps import Answer, Plan, Turn
from codemad_jupyter.protocol.kernels import Variable
from codemad_jupyter.protocol.wording import counted

MAX_LISTED = 40
_DROP = re.compile(r"\b(drop|remove|delete|discard|get rid of|exclude)\b", re.IGNORECASE)
_FILL = re.compile(r"\b(fill\w*|impute\w?|imputing|imputation|replac\w*)\b", re.IGNORECASE)
_PLOT = re.compile(r"\b(plot|chart|draw|visuali[sz]e|graph)\b", re.IGNORECASE)


def variables(turn: Turn) -> Plan:
    """List what the kernel holds."""
    found = yield from look()
    kept = [v for v in found.variables if v.kind not in ("module",)]
    if not kept:
        return "The kernel holds no variables of yours yet. Run a cell that loads data, then ask again."
    order = {"dataframe": 0, "series": 1, "array": 2}
    kept.sort(key=lambda v: (order.get(v.kind, 3), v.name))
    rows = [f"| {shown(v.name)} | {shown(v.type)} | {_content(v)} |" for v in kept[:MAX_LISTED]]
    rest = f"\n\nand {len(kept) - MAX_LISTED} more." if len(kept) > MAX_LISTED else ""
    more = " The list was cut by its time limit." if found.truncated else ""
    table = "\n".join(["| name | type | what is in it |", "| --- | --- | --- |", *rows])
    frames = found.frames
    offer = f" Try “describe {frames[0].name}”." if frames else ""
    return (
        f"The kernel holds {len(kept)} of your variables.{more}\n\n{table}{rest}\n\n{offer.strip()}".strip()
    )


def _content(variable: Variable) -> str:
    if variable.kind == "dataframe":
        size = " x ".join(map(str, variable.shape or ()))
        names = listed([column.name for column in variable.columns], limit=5)
        return f"{size}: {names}".replace("|", "\\|")
    if variable.shape:
        return f"{' x '.join(map(str, variable.shape))} {variable.dtype or ''}".replace("|", "\\|").strip()
    text = variable.signature or variable.preview
    return shown(text).replace("|", "\\|") if text else ""


def profile(turn: Turn) -> Plan:
    """Describe one table from its inspection, and offer its statistics."""
    found = yield from look()
    other = _not_a_table(turn, found)
    if other:
        return other
    frame = yield from choose(turn, found, ask_if_tied=False)
    columns = resolve(turn, frame, strict=False).columns()
    code = _describe(frame, columns)
    outcome = yield from propose_cell(code, title=f"Statistics of {frame.name}")
    return f"{_summary(frame, found)}\n\nFor the statistics: {outcome}"


def _not_a_table(turn: Turn, found: Look) -> str:
    tables = {v.name for v in found.variables if v.kind in ("dataframe", "series")}
    if named(turn.words, tables):
        return ""
    others = {v.name: v for v in found.variables if v.name not in tables and v.kind != "module"}
    exact = [
        name for name in named(turn.words, others) if name in turn.words.split() or f"`{name}`" in turn.words
    ]
    if not exact:
        return ""
    variable = others[exact[0]]
    return (
        f"{shown(variable.name)} is a {shown(variable.type)} ({variable.kind}). {_content(variable)}".strip()
    )


def _summary(frame: Frame, found: Look) -> str:
    groups: dict[str, list[str]] = {}
    for column in frame.columns:
        groups.setdefault(_plain_kind(column.dtype, kind_of(column)), []).append(column.name)
    size = f"{frame.rows:,} rows and " if frame.rows is not None else ""
    lines = [f"{shown(frame.name)} has {size}{len(frame.columns) + frame.more_columns} columns."]
    lines += [f"- {kind}: {listed(names)}" for kind, names in groups.items()]
    lines.append(f"- {_missing_said(frame)}")
    constant = [c.name for c in frame.columns if c.unique == 1]
    lines += [f"- only one value each: {listed(constant)}"] if constant else []
    memory = next((v.memory for v in found.variables if v.name == frame.name), None)
    lines += [f"- memory: {memory / 1e6:.1f} MB"] if memory else []
    return "\n".join(lines)


def _plain_kind(dtype: str, kind: str) -> str:
    words = {"number": "numbers", "date": "dates", "flag": "true or false", "span": "time spans"}
    return "categories" if dtype == "category" else words.get(kind, "text")


def _missing_said(frame: Frame) -> str:
    counts = {c.name: c.missing for c in frame.columns if c.missing}
    unknown = sum(c.missing is None for c in frame.columns)
    about = "about " if any(c.missing_estimated for c in frame.columns) else ""
    if unknown == len(frame.columns):
        return "missing values: not counted by the inspection"
    if not counts:
        rest = f" in the {len(frame.columns) - unknown} columns that were counted" if unknown else ""
        return f"missing values: none{rest}"
    first = sorted(counts.items(), key=lambda item: -(item[1] or 0))[:8]
    said = ", ".join(f"{shown(name)} {about}{count}" for name, count in first)
    return f"missing values in {counted(len(counts), 'column')}: {said}"


def _describe(frame: Frame, columns: tuple[str, ...]) -> str:
    labels = ", ".join(frame.label(column) for column in columns)
    picked = f"{frame.expr}[[{labels}]]" if columns else frame.expr
    return f'{picked}.describe(include="all").T'


def missing(turn: Turn) -> Plan:
    """Count missing values; drop or fill them where asked."""
    found = yield from look()
    frame = yield from choose(turn, found, ask_if_tied=False)
    chosen = resolve(turn, frame, strict=False)
    said = f"{shown(frame.name)}: {_missing_said(frame)}."
    if _FILL.search(turn.words):
        code, done = _filling(chosen, fresh(f"{frame.name}_filled", found.taken))
    elif _DROP.search(turn.words):
        code, done = _dropping(chosen, fresh(f"{frame.name}_complete", found.taken))
    else:
        code, done = (
            _counting(frame, draw=bool(_PLOT.search(turn.words))),
            "The cell counts them for each column.",
        )
    outcome = yield from propose_cell(code, title=f"Missing values in {frame.name}")
    return f"{said} {done} {outcome}"


def _counting(frame: Frame, *, draw: bool) -> str:
    table = (
        f'{frame.expr}.isna().agg(["sum", "mean"]).T'
        '.set_axis(["missing", "share"], axis=1).sort_values("missing", ascending=False)'
    )
    if not draw:
        return table
    return (
        f"import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots(figsize=(7, 4.5))\n"
        f"{frame.expr}.isna().sum().sort_values(ascending=False).head(30).plot.bar(ax=ax)\n"
        f'ax.set_xlabel("column")\nax.set_ylabel("missing values")\n'
        f"ax.set_title({caption('Missing values in ' + frame.name)})\nfig.tight_layout()\nplt.show()"
    )


def _dropping(chosen: Chosen, name: str) -> tuple[str, str]:
    frame, columns = chosen.frame, chosen.columns()
    subset = f"subset=[{', '.join(frame.label(c) for c in columns)}]" if columns else ""
    kept = f'print(len({name}), "of", len({frame.expr}), "rows kept")'
    code = f"{name} = {frame.expr}.dropna({subset})\n{kept}\n{name}"
    where = f" in {listed(columns)}" if columns else ""
    return code, f"Rows with a missing value{where} are left out of {shown(name)}; {shown(frame.name)} stays."


def _filling(chosen: Chosen, name: str) -> tuple[str, str]:
    frame = chosen.frame
    picked = chosen.columns() or tuple(c.name for c in frame.columns if c.missing or c.missing is None)
    picked = tuple(c for c in picked if kind_of(frame.column(c)) in ("number", "text", "flag"))
    if not picked:
        raise Answer(f"{shown(frame.name)}: {_missing_said(frame)}, so there is nothing to fill.")
    how = next(
        (w for w in ("mean", "median") if re.search(rf"\b{w}\b|\baverage\b", chosen.words, re.I)), "median"
    )
    zero = bool(re.search(r"\b(zeros?|0)\b", chosen.words))
    lines = [f"{name} = {frame.expr}.copy()"]
    for column in picked:
        target = f"{name}[{frame.label(column)}]"
        number = kind_of(frame.column(column)) == "number"
        value = "0" if zero else f"{target}.{how}()" if number else f"{target}.mode().iloc[0]"
        lines.append(f"{target} = {target}.fillna({value})" if number or not zero else "")
    text = "" if zero else ", other columns with their most frequent value"
    numbers = "0" if zero else f"their {how}"
    return (
        "\n".join([*filter(None, lines), f"{name}.isna().sum()"]),
        f"{shown(name)} has numbers filled with {numbers}{text}; {shown(frame.name)} stays.",
    )


def correlation(turn: Turn) -> Plan:
    """Correlate the numeric columns and draw them as a heat map."""
    found = yield from look()
    frame = yield from choose(turn, found, ask_if_tied=False)
    chosen = resolve(turn, frame, strict=False)
    numbers = [c.name for c in frame.columns if kind_of(c) in ("number", "flag")]
    asked = [name for name in chosen.columns() if name in numbers]
    wrong = [name for name in chosen.columns() if name not in numbers]
    if wrong and len(asked) < 2:
        raise Answer(f"{listed(wrong)} in {shown(frame.name)} is not numeric, so I cannot correlate it.")
    if len(numbers) < 2:
        raise Answer(
            f"{shown(frame.name)} has fewer than two numeric columns, so there is nothing to correlate."
        )
    how = "spearman" if "spearman" in turn.words.casefold() else "pearson"
    name = fresh("correlations", found.taken)
    if len(asked) == 1:
        code = _with_one(frame, numbers[:60], asked[0], how)
    else:
        code = _heat_map(frame, (asked or numbers)[:40], name, how)
    outcome = yield from propose_cell(code, title=f"Correlations in {frame.name}")
    rest = " I took the first 40 numeric columns." if len(asked) != 1 and len(asked or numbers) > 40 else ""
    of = listed(asked) if asked else f"the {len(numbers)} numeric columns"
    note = _left_out(frame)
    return f"This computes the {how} correlations of {of} in {shown(frame.name)}.{rest}{note} {outcome}"


def _left_out(frame: Frame) -> str:
    groups = [c.name for c in frame.columns if kind_of(c) == "text" and is_group(c)]
    return f" Left out because they are not numeric: {listed(groups, limit=4)}." if groups else ""


def _numeric(frame: Frame, columns: list[str]) -> str:
    return f'{frame.expr}[[{", ".join(frame.label(c) for c in columns)}]].astype("float64")'


def _with_one(frame: Frame, columns: list[str], target: str, how: str) -> str:
    return (
        f"{_numeric(frame, columns)}.corr(method={how!r})[{frame.label(target)}]"
        f".drop({frame.label(target)}).sort_values(key=abs, ascending=False).to_frame()"
    )


def _heat_map(frame: Frame, columns: list[str], name: str, how: str) -> str:
    labels = f"[str(c)[:25] for c in {name}.columns]"
    if any(drawn(column) != column for column in columns):
        labels = literal([drawn(column)[:25] for column in columns])
    size = max(5.0, min(12.0, 1.5 + 0.45 * len(columns)))
    lines = [
        "import matplotlib.pyplot as plt",
        "",
        f"{name} = {_numeric(frame, columns)}.corr(method={how!r})",
        f"fig, ax = plt.subplots(figsize=({size:.1f}, {size * 0.85:.1f}))",
        f'_image = ax.imshow({name}, vmin=-1, vmax=1, cmap="RdBu_r")',
        f"ax.set_xticks(range(len({name})), {labels}, rotation=90)",
        f"ax.set_yticks(range(len({name})), {labels})",
        'ax.set_xlabel("column")',
        'ax.set_ylabel("column")',
        f"ax.set_title({caption(f'{how.capitalize()} correlations in {frame.name}')})",
        'fig.colorbar(_image, ax=ax, label="correlation")',
        "fig.tight_layout()",
        "plt.show()",
    ]
    return "\n".join(lines)
