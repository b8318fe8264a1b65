"""The documented views of a workspace's sessions: stable names and columns over whatever the tables are.

A view is a question about the tables, of our own making; strangers' SQL never reaches the store but is asked
of copies of what these give. Times are UTC, costs US dollars, None where a price is unknown.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST = 200_000
"""Rows of one view that are given, the latest ones."""


@dataclass(frozen=True)
class View:
    """``columns`` are names, DuckDB types and what they say; ``sql`` gives them in that order."""

    name: str
    text: str
    columns: tuple[tuple[str, str, str], ...]
    sql: str


@dataclass(frozen=True)
class Rows:
    """What a view gives. ``cut`` says that there is more."""

    rows: list[tuple[Any, ...]]
    cut: bool


def read(cursor: "DuckDBPyConnection", view: View, most: int = MOST) -> Rows:
    """The latest rows of a view, in the order of time."""
    time = next(name for name, kind, _ in view.columns if kind == "timestamp")
    latest = f'select * from ({view.sql}) order by "{time}" desc limit {most + 1}'  # noqa: S608 - ours
    rows = cursor.execute(latest).fetchall()
    return Rows(rows[:most][::-1], len(rows) > most)


def _time(column: str) -> str:
    return f"make_timestamp(({column} * 1e6)::bigint)"


def _text(path: str, body: str = "body") -> str:
    return f"json_extract_string({body}, '$.{path}')"


def _number(path: str, kind: str = "double", body: str = "body") -> str:
    return f"try_cast({_text(path, body)} as {kind})"


_ALONE = r"regexp_replace(body, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\ufffd', 'g')"
_EVENTS = (  # half a pair of surrogates, which a model may well write, is no text that DuckDB can give
    "(select session, seq, run, type, \"at\", case when contains(lower(body), '\\ud')"  # noqa: S608 - ours
    f" then {_ALONE} else body end as body from events)"
)
_AT = _time("e.at")
_WHERE = ("session", "varchar", "the session's id"), ("run", "varchar", "the run's id")
_AGENT = ("agent", "varchar", "main, or the agent of a team")
_TOKENS = (
    ("input_tokens", "bigint", "tokens sent"),
    ("output_tokens", "bigint", "tokens answered"),
    ("cache_read_tokens", "bigint", "tokens read from the provider's cache"),
    ("cache_write_tokens", "bigint", "tokens written to it"),
    ("cost", "double", "US dollars"),
)
_USED = (
    ", ".join(f"{_number(f'usage.{name}', 'bigint', 'e.body')} as {name}" for name, _, _ in _TOKENS[:-1])
    + f", {_number('cost', 'double', 'e.body')} as cost"
)


def _of(kind: str, columns: str, more: str = "") -> str:
    """Events of a kind."""
    return f"select e.session, e.run, {columns} from {_EVENTS} e {more} where e.type = '{kind}'"  # noqa: S608 - ours


def _latest(kind: str, name: str) -> str:
    """The last event of a kind for each thing of a session; ``name`` gives the thing."""
    return (
        f"(select session, {name} as name, arg_max(body, seq) as body from {_EVENTS}"  # noqa: S608 - ours
        f" where type = '{kind}' group by all)"
    )


def _whole(column: str) -> str:
    """A text that is kept as JSON."""
    return f"json_extract_string({_ALONE.replace('(body', f'({column}')}, '$')"


_SESSIONS = View(
    "sessions",
    "conversations",
    (
        ("session", "varchar", "the session's id"),
        ("title", "varchar", "its title"),
        ("model", "varchar", "the model chosen for it"),
        ("branch", "varchar", "the branch it stands on"),
        ("pinned", "boolean", ""),
        ("archived", "boolean", ""),
        ("created", "timestamp", ""),
        ("updated", "timestamp", "when it was used last"),
    ),
    f"select id as session, {_whole('title')} as title, {_whole('model')} as model, branch, pinned,"  # noqa: S608 - ours
    f" archived, {_time('created')} as created, {_time('updated')} as updated from sessions",
)

_RUNS = View(
    "runs",
    "what was asked, and how it ended",
    (
        *_WHERE,
        ("started", "timestamp", ""),
        ("edge", "varchar", "where it was asked: sidebar, magic, cli …"),
        ("notebook", "varchar", "the notebook the person stood in"),
        ("model", "varchar", "provider/name"),
        ("intent", "varchar", "answer, edit, fix, plan …"),
        ("prompt", "varchar", "the person's words, secrets masked"),
        ("status", "varchar", "done, failed, cancelled, interrupted, out_of_budget; null while it goes on"),
        ("said", "varchar", "its last sentence"),
        ("fault", "varchar", "the kind of provider failure that ended it"),
        ("seconds", "double", ""),
        *_TOKENS,
    ),
    "select s.session, s.run, "  # noqa: S608 - ours
    f"{_time('s.at')} as started, {_text('edge', 's.body')} as edge,"
    f" {_text('target.notebook', 's.body')} as notebook, {_text('model', 's.body')} as model,"
    f" {_text('intent', 'i.body')} as intent, {_text('prompt', 's.body')} as prompt,"
    f" {_text('status', 'e.body')} as status, {_text('text', 'e.body')} as said,"
    f" {_text('fault.kind', 'e.body')} as fault, {_number('seconds', 'double', 'e.body')} as seconds, {_USED}"
    f" from (select * from {_EVENTS} where type = 'run_started') s"
    f" left join {_latest('run_finished', 'run')} e on e.session = s.session and e.name = s.run"
    f" left join {_latest('intent_decided', 'run')} i on i.session = s.session and i.name = s.run",
)

_MODEL = _text("model", "e.body")
_CALLS = View(
    "model_calls",
    "calls of models that were answered",
    (
        *_WHERE,
        _AGENT,
        ("time", "timestamp", "when the answer was whole"),
        ("provider", "varchar", ""),
        ("model", "varchar", "provider/name"),
        *_TOKENS,
        ("seconds", "double", "how long the whole answer took"),
        ("first_seconds", "double", "how long its first piece took"),
    ),
    _of(
        "message_done",
        f'{_text("agent", "e.body")} as agent, {_AT} as "time",'
        f" split_part({_MODEL}, '/', 1) as provider,"
        f" {_MODEL} as model, {_USED}, {_number('seconds', 'double', 'e.body')} as seconds,"
        f" {_number('first', 'double', 'e.body')} as first_seconds",
    )
    + f" and {_MODEL} <> ''",
)

_DONE = f"left join {_EVENTS} d on d.session = e.session and d.run is not distinct from e.run and d.type ="

_TOOLS = View(
    "tool_calls",
    "what assistants did",
    (
        *_WHERE,
        _AGENT,
        ("time", "timestamp", "when it was called"),
        ("tool", "varchar", ""),
        ("risk", "varchar", "read, write, execute, network"),
        ("status", "varchar", "ok, error, denied; null while it goes on"),
        ("summary", "varchar", "one line"),
        ("seconds", "double", ""),
    ),
    _of(
        "tool_called",
        f'{_text("agent", "e.body")} as agent, {_AT} as "time", {_text("tool", "e.body")} as tool,'
        f" {_text('risk', 'e.body')} as risk, {_text('status', 'd.body')} as status,"
        f" {_text('summary', 'd.body')} as summary, {_number('seconds', 'double', 'd.body')} as seconds",
        f"{_DONE} 'tool_done' and {_text('call', 'd.body')} = {_text('call', 'e.body')}",
    ),
)

_APPROVALS = View(
    "approvals",
    "what was asked about, and what was answered",
    (
        *_WHERE,
        ("time", "timestamp", "when it was asked"),
        ("tool", "varchar", ""),
        ("axis", "varchar", "the kind of effect"),
        ("action", "varchar", "what exactly"),
        ("rule", "varchar", "the rule that asks"),
        ("decision", "varchar", "approved, rejected, expired; null while it waits"),
        ("reason", "varchar", "the person's"),
        ("waited", "double", "seconds until the answer"),
    ),
    _of(
        "approval_asked",
        f'{_AT} as "time",'
        f" {_text('tool', 'e.body')} as tool, {_text('axis', 'e.body')} as axis,"
        f" {_text('action', 'e.body')} as action, {_text('rule', 'e.body')} as rule,"
        f" {_text('decision', 'd.body')} as decision, {_text('reason', 'd.body')} as reason,"
        " d.at - e.at as waited",
        f"{_DONE} 'approval_settled' and {_text('approval', 'd.body')} = {_text('approval', 'e.body')}",
    ),
)

_EDITS = View(
    "edits",
    "proposed changes, and what became of them",
    (
        *_WHERE,
        ("time", "timestamp", "when it was proposed"),
        ("edit", "varchar", "its id"),
        ("kind", "varchar", "file or cell"),
        ("path", "varchar", "the file or the notebook"),
        ("cell", "varchar", "the cell's id"),
        ("op", "varchar", "write, insert, replace …"),
        ("title", "varchar", ""),
        ("trial", "varchar", "how the trial went"),
        ("status", "varchar", "accepted, rejected, partial, stale; pending while it waits"),
    ),
    "select e.session, e.run, "  # noqa: S608 - ours
    f'{_AT} as "time",'
    f" {_text('edit.id', 'e.body')} as edit, {_text('edit.target.type', 'e.body')} as kind,"
    f" coalesce({_text('edit.target.path', 'e.body')}, {_text('edit.target.notebook', 'e.body')}) as path,"
    f" {_text('edit.target.cell', 'e.body')} as cell, {_text('edit.target.op', 'e.body')} as op,"
    f" {_text('edit.title', 'e.body')} as title,"
    f" coalesce({_text('trial.status', 't.body')}, {_text('edit.trial.status', 'e.body')}) as trial,"
    f" coalesce({_text('status', 'd.body')}, 'pending') as status"
    f" from (select * from {_EVENTS} where type = 'edit_proposed') e"
    f" left join {_latest('edit_settled', _text('edit'))} d"
    f" on d.session = e.session and d.name = {_text('edit.id', 'e.body')}"
    f" left join {_latest('edit_tried', _text('edit'))} t"
    f" on t.session = e.session and t.name = {_text('edit.id', 'e.body')}",
)

_ERRORS = View(
    "errors",
    "what went wrong: runs, tools, cells, and what CodeMAD warned of",
    (
        *_WHERE,
        ("time", "timestamp", ""),
        ("source", "varchar", "run, tool, cell or notice"),
        ("code", "varchar", "the run's ending or fault, the tool, the error's name, or the notice's code"),
        ("text", "varchar", "one sentence"),
    ),
    f"""select e.session, e.run, {_AT} as "time", case e.type when 'run_finished' then 'run'
    when 'tool_done' then 'tool' when 'cell_executed' then 'cell' else 'notice' end as source,
    case e.type when 'run_finished' then coalesce({_text("fault.kind", "e.body")},
    {_text("status", "e.body")})
    when 'tool_done' then {_text("tool", "e.body")}
    when 'cell_executed' then split_part({_text("error", "e.body")}, ':', 1)
    else {_text("code", "e.body")} end as code,
    case e.type when 'tool_done' then {_text("summary", "e.body")}
    when 'cell_executed' then {_text("error", "e.body")} else {_text("text", "e.body")} end as text
    from {_EVENTS} e where (e.type = 'run_finished' and {_text("status", "e.body")} in
    ('failed', 'interrupted', 'out_of_budget'))
    or (e.type = 'tool_done' and {_text("status", "e.body")} = 'error')
    or (e.type = 'cell_executed' and {_text("ok", "e.body")} = 'false')
    or (e.type = 'notice' and {_text("level", "e.body")} in ('warning', 'error'))""",  # noqa: S608 - ours
)

_CELLS = View(
    "cells",
    "cells that were run on somebody's order",
    (
        *_WHERE,
        ("time", "timestamp", "when it ended"),
        ("notebook", "varchar", ""),
        ("cell", "varchar", "the cell's id"),
        ("ok", "boolean", ""),
        ("error", "varchar", "Name: message"),
        ("seconds", "double", ""),
    ),
    _of(
        "cell_executed",
        f'{_AT} as "time",'
        f" {_text('notebook', 'e.body')} as notebook, {_text('cell', 'e.body')} as cell,"
        f" {_number('ok', 'boolean', 'e.body')} as ok, nullif({_text('error', 'e.body')}, '') as error,"
        f" {_number('seconds', 'double', 'e.body')} as seconds",
    ),
)

VIEWS = {view.name: view for view in (_SESSIONS, _RUNS, _CALLS, _TOOLS, _APPROVALS, _EDITS, _ERRORS, _CELLS)}
