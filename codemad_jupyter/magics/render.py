"""Draws segments of a transcript as MIME bundles (HTML, markdown, plain text). Pure.

All text that comes from a model, a tool or a file passes `safe_text` first.
"""

from __future__ import annotations

import difflib

from codemad_jupyter.app.plain_text import one_line, plain_text
from codemad_jupyter.config.redaction import unnumbered
from codemad_jupyter.magics.safe_text import code_span, escaped, fenced, safe_markdown
from codemad_jupyter.magics.transcript import Change, Piece, Prose, Segment
from codemad_jupyter.protocol.diagnostics import problem_lines
from codemad_jupyter.protocol.edits import CellTarget, Edit

Bundle = dict[str, str]

MAX_DIFF_LINES = 400
MOST_PROBLEMS = 5

STYLE = """
.codemad-edit{border:1px solid var(--jp-border-color2,#c8c8c8);border-radius:4px;margin:4px 0;
color:var(--jp-content-font-color1,inherit);font-family:var(--jp-content-font-family,sans-serif)}
.codemad-edit>div{padding:4px 8px}
.codemad-edit-head{border-bottom:1px solid var(--jp-border-color2,#c8c8c8);
background:var(--jp-layout-color2,rgba(128,128,128,.12))}
.codemad-edit pre{margin:0;padding:4px 0;overflow-x:auto;background:transparent;
font-family:var(--jp-code-font-family,monospace);font-size:var(--jp-code-font-size,13px)}
.codemad-edit pre span{display:block;padding:0 8px;white-space:pre;min-height:1.2em}
.codemad-edit pre .codemad-add{background:rgba(46,160,67,.18)}
.codemad-edit pre .codemad-del{background:rgba(248,81,73,.18)}
.codemad-edit-foot{border-top:1px solid var(--jp-border-color2,#c8c8c8);
color:var(--jp-content-font-color2,inherit)}
""".replace("\n", "")


def bundle(segment: Segment, *, ask: bool = True) -> Bundle:
    """The MIME bundle of a segment. ``ask`` says whether a person is there to settle edits."""
    if isinstance(segment, Change):
        return change_bundle(segment, ask=ask)
    return {"text/markdown": prose_markdown(segment), "text/plain": prose_plain(segment)}


def prose_markdown(prose: Prose) -> str:
    """Text as it is, tools and notes as one line each."""
    blocks: list[str] = []
    for piece in prose.pieces.values():
        line = _piece_markdown(piece)
        if line.startswith("- ") and blocks and blocks[-1].startswith("- "):
            blocks[-1] += f"\n{line}"
        elif line:
            blocks.append(line)
    return "\n\n".join(blocks)


def _piece_markdown(piece: Piece) -> str:
    if piece.kind == "text":
        text = safe_markdown(unnumbered(piece.text))
        return f"\n{text}" if text.startswith("- ") else text
    if piece.kind == "plan":
        return fenced(plain_text(unnumbered(piece.text)), "text")
    line = safe_markdown(one_line(unnumbered(piece.text)))
    if piece.name:
        return f"- {code_span(piece.name)} {line}".rstrip()
    return f"**{line}**" if piece.kind == "problem" else f"*{line}*"


def prose_plain(prose: Prose) -> str:
    """The same for a terminal or an export."""
    return "\n".join(filter(None, (piece_plain(piece) for piece in prose.pieces.values())))


def piece_plain(piece: Piece) -> str:
    """A piece as plain text."""
    if piece.kind in ("text", "plan"):
        return plain_text(unnumbered(piece.text)).rstrip("\n")
    line = one_line(unnumbered(piece.text))
    return f"[{piece.name}] {line}".rstrip() if piece.name else line


def change_bundle(change: Change, *, ask: bool) -> Bundle:
    """An edit as a diff in three forms."""
    return {
        "text/html": _change_html(change, ask),
        "text/markdown": _change_markdown(change, ask),
        "text/plain": change_plain(change, ask=ask),
    }


def change_plain(change: Change, *, ask: bool = True) -> str:
    """An edit as plain text."""
    head = f"Edit {change.number}: {one_line(change.edit.title)} ({what(change.edit)})"
    return "\n".join([head, *_shown_lines(change.edit), *_remarks(change, ask)])


def _change_markdown(change: Change, ask: bool) -> str:
    title = safe_markdown(one_line(change.edit.title))
    head = f"**Edit {change.number}** {title} ({code_span(what(change.edit))})"
    remarks = [safe_markdown(line) for line in _remarks(change, ask)]
    return "\n\n".join([head, fenced("\n".join(_shown_lines(change.edit)), "diff"), *remarks])


def _change_html(change: Change, ask: bool) -> str:
    lines = "".join(map(_line_html, _shown_lines(change.edit)))
    remarks = "<br>".join(map(escaped, _remarks(change, ask)))
    head = f"<b>Edit {change.number}</b> {escaped(one_line(change.edit.title))} "
    return (
        f'<div class="codemad-edit"><style>{STYLE}</style>'
        f'<div class="codemad-edit-head">{head}<small>({escaped(what(change.edit))})</small></div>'
        f'<pre>{lines}</pre><div class="codemad-edit-foot">{remarks}</div></div>'
    )


def _line_html(line: str) -> str:
    kind = {"+": "codemad-add", "-": "codemad-del"}.get(line[:1], "codemad-same")
    return f'<span class="{kind}">{escaped(line)}</span>'


def what(edit: Edit) -> str:
    """What the edit would do, in a few words and without ids."""
    target = edit.target
    if not isinstance(target, CellTarget):
        return one_line(f"{'change' if target.exists else 'new file'} {target.path}")
    first = one_line(edit.before.strip().split("\n")[0], 40)
    which = f"the cell that begins with {first!r}" if first else "an empty cell"
    verbs = {
        "insert": f"new {target.cell_type} cell",
        "replace": f"change {which}",
        "delete": f"delete {which}",
        "move": f"move {which}",
        "retype": f"make {which} a {target.cell_type} cell",
    }
    return verbs[target.op]


def diff_lines(edit: Edit) -> list[str]:
    """The changed lines with ``+`` and ``-`` and three lines around; no headers for whole texts."""
    old, new = plain_text(edit.before).split("\n"), plain_text(edit.after).split("\n")
    if not edit.before or not edit.after:
        sign, lines = ("+", new) if edit.after else ("-", old)
        return [f"{sign} {line}".rstrip() for line in (lines[:-1] if lines[-1] == "" else lines)]
    if edit.before == edit.after:
        return [f"  {line}".rstrip() for line in old]
    found = list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]
    return [f"{line[0]} {line[1:]}".rstrip() if not line.startswith("@@") else line for line in found]


def _shown_lines(edit: Edit) -> list[str]:
    lines = diff_lines(edit)
    over = len(lines) - MAX_DIFF_LINES
    return [*lines[:MAX_DIFF_LINES], f"… {over:,} more lines"] if over > 0 else lines


def _remarks(change: Change, ask: bool) -> list[str]:
    remarks = []
    if change.trial is not None and change.trial.status == "failed":
        remarks.append(f"Tried away from your state, it failed: {one_line(change.trial.detail)}")
    if change.diagnosis is not None and change.diagnosis.problems:
        path, cell = change.edit.place
        lines = problem_lines(change.diagnosis, path=path, cell=cell, most=MOST_PROBLEMS)
        remarks.append("It would bring: " + "; ".join(map(one_line, lines)))
    waiting = f"Waiting: %codemad apply {change.number} or %codemad reject {change.number}"
    words = {
        "pending": waiting if ask else "Proposed; nothing was changed.",
        "accepted": "Applied.",
        "rejected": "Rejected.",
        "partial": "Partly applied.",
        "stale": "Not applied: the cell or file changed since.",
    }
    status = words[change.status]
    return [*remarks, f"{status} {one_line(change.detail)}".rstrip() if change.detail else status]
