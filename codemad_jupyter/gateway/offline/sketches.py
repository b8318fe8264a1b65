"""The drawings: matplotlib code with labelled axes and a title, for columns chosen elsewhere."""

from dataclasses import dataclass

from codemad_jupyter.gateway.offline.keys import Key, date_source, dated
from codemad_jupyter.gateway.offline.literals import caption, drawn, fresh, shown
from codemad_jupyter.gateway.offline.reading import Frame, kind_of

MAX_GROUPS = 20
"""Groups drawn side by side; of more, the most frequent."""


@dataclass(frozen=True)
class Sketch:
    """Body lines of a drawing on ``ax``. ``parts`` are the columns named in its description ``form``."""

    form: str
    parts: tuple[str, ...]
    body: tuple[str, ...]
    x: str = ""
    y: str = ""
    title: str = ""
    own_axes: bool = False
    notes: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        return " ".join(self.form.format(*self.parts).split())

    @property
    def said_shown(self) -> str:
        return self.form.format(*(shown(part) for part in self.parts))


def code_of(sketch: Sketch) -> str:
    """The whole cell."""
    head = ["import matplotlib.pyplot as plt"]
    if any("pd." in line for line in sketch.body):
        head.append("import pandas as pd")
    lines = [*head, ""]
    if sketch.own_axes:
        lines += [*sketch.body, f"plt.suptitle({caption(sketch.title)})", "plt.tight_layout()"]
    else:
        lines += ["fig, ax = plt.subplots(figsize=(7, 4.5))", *sketch.body]
        lines += [f"ax.set_xlabel({caption(sketch.x)})"] if sketch.x else []
        lines += [f"ax.set_ylabel({caption(sketch.y)})"] if sketch.y else []
        lines += [f"ax.set_title({caption(sketch.title)})", "fig.tight_layout()"]
    return "\n".join([*lines, "plt.show()"])


def _numbers(frame: Frame, name: str) -> str:
    """Source of a column as plain numbers: matplotlib knows neither pandas' own missing value nor spans."""
    column, ref = frame.column(name), frame.ref(name)
    if kind_of(column) == "span":
        return f"{ref}.dt.total_seconds()"
    plain = column.dtype in ("int64", "float64", "int32", "float32", "int8", "int16", "uint8", "float16")
    return ref if plain or kind_of(column) != "number" else f'{ref}.astype("float64")'


def _table(frame: Frame, names: tuple[str, ...]) -> str:
    """Source of several columns as numbers, under names that can be drawn."""
    source = f'{frame.expr}[[{", ".join(frame.label(name) for name in names)}]].astype("float64")'
    if all(drawn(name) == name for name in names):
        return source
    labels: list[str] = []
    for name in names:
        labels.append(fresh(drawn(name), labels))
    return f"{source}.set_axis({labels!r}, axis=1)"


def histogram(frame: Frame, name: str, *, bins: int = 30) -> Sketch:
    body = f'ax.hist({_numbers(frame, name)}.dropna(), bins={bins}, edgecolor="white")'
    return Sketch("a histogram of {0}", (name,), (body,), name, "rows", f"Distribution of {name}")


def histograms(frame: Frame, names: tuple[str, ...], *, of: int) -> Sketch:
    body = (f"{_table(frame, names)}.hist(bins=30, figsize=(11, 7))",)
    note = () if of <= len(names) else (f"I took the first {len(names)} of {of} numeric columns.",)
    return Sketch(
        "histograms of the numeric columns",
        (),
        body,
        title=f"Distributions in {frame.name}",
        own_axes=True,
        notes=note,
    )


def overlaid(frame: Frame, names: tuple[str, ...]) -> Sketch:
    body = [
        f"ax.hist({_numbers(frame, n)}.dropna(), bins=30, alpha=0.5, label={caption(n)})" for n in names[:6]
    ]
    form = "overlaid histograms of " + " and ".join(f"{{{i}}}" for i in range(len(names[:6])))
    return Sketch(form, names[:6], (*body, "ax.legend()"), "value", "rows", "Distributions compared")


def histogram_by(frame: Frame, value: str, group: str) -> Sketch:
    body = (
        f"for _name, _values in {_numbers(frame, value)}.groupby({frame.ref(group)}, observed=True):",
        "    ax.hist(_values.dropna(), bins=30, alpha=0.5, label=str(_name))",
        f"ax.legend(title={caption(group)})",
    )
    title = f"Distribution of {value} by {group}"
    return Sketch("histograms of {0} for each {1}", (value, group), body, value, "rows", title)


def counts(frame: Frame, name: str) -> Sketch:
    column = frame.column(name)
    ordered = kind_of(column) == "number"
    many = column.unique is None or column.unique > MAX_GROUPS
    source = f"{frame.ref(name)}.value_counts()"
    source += f".head({MAX_GROUPS})" if many else ""
    source += ".sort_index()" if ordered else ""
    note = (
        (f"Of {column.unique} values the {MAX_GROUPS} most frequent are drawn.",)
        if column.unique and many
        else ()
    )
    return Sketch(
        "the counts of {0} as bars",
        (name,),
        (f"{source}.plot.bar(ax=ax, rot=45)",),
        name,
        "rows",
        f"Rows by {name}",
        notes=note,
    )


def pie(frame: Frame, name: str) -> Sketch:
    body = (f'{frame.ref(name)}.value_counts().head(8).plot.pie(ax=ax, autopct="%1.0f%%")',)
    return Sketch("the shares of {0} as a pie", (name,), body, y=name, title=f"Shares of {name}")


def boxes(frame: Frame, names: tuple[str, ...]) -> Sketch:
    body = (f"{_table(frame, names)}.plot.box(ax=ax, rot=45)",)
    form = "box plots of " + ", ".join(f"{{{i}}}" for i in range(len(names)))
    return Sketch(form, names, body, "column", "value", "Spread of the values")


def box_by(frame: Frame, value: str, group: str) -> Sketch:
    many = (frame.column(group).unique or 0) > MAX_GROUPS
    within = f"{frame.ref(group)}.isin({frame.ref(group)}.value_counts().index[:{MAX_GROUPS}])"
    rows = f"[{within}]" if many else ""
    source = _numbers(frame, value)
    turned = ", rotation=45" if (frame.column(group).unique or 0) > 6 else ""
    body = (
        f"_groups = {source}{rows}.groupby({frame.ref(group)}, observed=True)",
        "ax.boxplot([part.dropna() for _, part in _groups])",
        f"ax.set_xticks(range(1, len(_groups) + 1), [str(name) for name, _ in _groups]{turned})",
    )
    note = (f"Of many groups the {MAX_GROUPS} most frequent are drawn.",) if many else ()
    return Sketch(
        "a box plot of {0} for each {1}",
        (value, group),
        body,
        group,
        value,
        f"{value} by {group}",
        notes=note,
    )


def summarised(frame: Frame, value: str, keys: tuple[Key, ...], how: str) -> Sketch:
    by = ", ".join(key.source for key in keys)
    grouped = f"{frame.expr}.groupby([{by}], observed=True)[{frame.label(value)}].{how}()"
    if len(keys) == 1:
        tail = "" if keys[0].grain else f".sort_values(ascending=False).head({MAX_GROUPS})"
        draw = '.plot(ax=ax, marker="o")' if keys[0].grain else ".plot.bar(ax=ax, rot=45)"
        line = f"{frame.expr}.groupby({by}, observed=True)[{frame.label(value)}].{how}(){tail}{draw}"
    else:
        draw = '.plot(ax=ax, marker="o")' if keys[0].grain else ".plot.bar(ax=ax, rot=45)"
        line = f"{grouped}.unstack(){draw}"
    form = f"the {how} of {{0}} by " + " and ".join(f"{{{i + 1}}}" for i in range(len(keys)))
    names = tuple(key.name for key in keys)
    title = f"{how.capitalize()} of {value} by {' and '.join(names)}"
    return Sketch(form, (value, *names), (line,), names[0], f"{how} of {value}", title)


def counted(frame: Frame, keys: tuple[Key, ...]) -> Sketch:
    by = ", ".join(key.source for key in keys)
    draw = '.plot(ax=ax, marker="o")' if keys[0].grain else ".plot.bar(ax=ax, rot=45)"
    unstack = ".unstack(fill_value=0)" if len(keys) > 1 else ""
    keyed = f"[{by}]" if len(keys) > 1 else by
    names = tuple(key.name for key in keys)
    form = "the number of rows by " + " and ".join(f"{{{i}}}" for i in range(len(keys)))
    body = (f"{frame.expr}.groupby({keyed}, observed=True).size(){unstack}{draw}",)
    return Sketch(form, names, body, names[0], "rows", f"Rows by {' and '.join(names)}")


def crossed(frame: Frame, first: str, second: str) -> Sketch:
    table = f"pd.crosstab({frame.ref(first)}, {frame.ref(second)})"
    body = (f"{table}.head({MAX_GROUPS}).plot.bar(ax=ax, stacked=True, rot=45)",)
    return Sketch(
        "the rows by {0} and {1} as stacked bars",
        (first, second),
        body,
        first,
        "rows",
        f"{first} and {second}",
    )


def scatter(frame: Frame, *, x: str, y: str) -> Sketch:
    body = (f"ax.scatter({_numbers(frame, x)}, {_numbers(frame, y)}, s=15, alpha=0.6)",)
    return Sketch("{0} against {1} as a scatter plot", (y, x), body, x, y, f"{y} against {x}")


def scatter_by(frame: Frame, *, x: str, y: str, group: str) -> Sketch:
    body = (
        f"for _name, _part in {frame.expr}.groupby({frame.label(group)}, observed=True):",
        f"    ax.scatter(_part[{frame.label(x)}], _part[{frame.label(y)}], s=15, alpha=0.6, "
        "label=str(_name))",
        f"ax.legend(title={caption(group)})",
    )
    form = "{0} against {1} as a scatter plot, coloured by {2}"
    return Sketch(form, (y, x, group), body, x, y, f"{y} against {x}, by {group}")


def line(frame: Frame, date: str, value: str) -> Sketch:
    when = date_source(frame, frame.column(date))
    body = (f"{_numbers(frame, value)}.groupby({when}).mean().plot(ax=ax)",)
    note = ("Where a date stands in several rows, their mean is drawn.",)
    return Sketch(
        "{0} over {1} as a line", (value, date), body, date, value, f"{value} over {date}", notes=note
    )


def lines(frame: Frame, date: str, values: tuple[str, ...]) -> Sketch:
    when = date_source(frame, frame.column(date))
    body = (f"{_table(frame, values)}.groupby({when}).mean().plot(ax=ax)",)
    form = "{0} over {1} as lines"
    return Sketch(form, (", ".join(values), date), body, date, "value", f"Values over {date}")


def line_by(frame: Frame, date: str, value: str, group: str) -> Sketch:
    when = date_source(frame, frame.column(date))
    keys = f"[{when}, {frame.ref(group)}]"
    body = (f"{_numbers(frame, value)}.groupby({keys}, observed=True).mean().unstack().plot(ax=ax)",)
    title = f"{value} over {date} by {group}"
    return Sketch("{0} over {1} as one line for each {2}", (value, date, group), body, date, value, title)


def dated_counts(frame: Frame, date: str, group: str, grain: str) -> Sketch:
    keys = (dated(frame, frame.column(date), grain), Key(frame.label(group), group, group))
    return counted(frame, keys)


def along_index(frame: Frame, name: str) -> Sketch:
    body = (f"{_numbers(frame, name)}.plot(ax=ax)",)
    return Sketch("{0} along the index as a line", (name,), body, "index", name, f"{name} along the index")


def matrix(frame: Frame, names: tuple[str, ...]) -> Sketch:
    body = (f"pd.plotting.scatter_matrix({_table(frame, names)}, figsize=(9, 9), s=10)",)
    form = "each of " + ", ".join(f"{{{i}}}" for i in range(len(names))) + " against the others"
    return Sketch(form, names, body, title=f"Columns of {frame.name} against each other", own_axes=True)
