"""Reads a shell command line into its simple commands, each with its words, so that each can be decided.

Knows bash's grammar (tree-sitter); what the words mean for permissions is decided in `shell_rules`. Whatever
is not understood for certain is told in ``unclear``, and such a line is never let through by itself.
"""

import re
import shlex
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

LONGEST = 20_000
"""Characters of a line that is read; a longer one is unclear."""
DEEPEST = 60
"""Levels of nesting that are followed."""
MOST = 200
"""Simple commands that are looked at."""
_ODD = re.compile(r"[^\x20-\x7e\n\t\u00a1-\u167f\u1681-\u1fff\u2c00-\ud7ff\uf900-\ufdff]")
_STRUCTURE = frozenset(
    {
        *("program", "list", "pipeline", "compound_statement", "subshell", "negated_command", "test_command"),
        *("command_substitution", "process_substitution", "do_group", "if_statement", "elif_clause"),
        *("else_clause", "while_statement", "string", "expansion", "unary_expression", "binary_expression"),
        *("parenthesized_expression", "heredoc_body", "concatenation"),
    }
)
_CHANGES = {
    "variable_assignment": "sets a variable",
    "variable_assignments": "sets variables",
    "declaration_command": "sets a variable",
    "unset_command": "unsets a variable",
    "function_definition": "defines a function",
    "for_statement": "sets a variable",
    "c_style_for_statement": "sets a variable",
    "case_statement": "chooses by a pattern",
}
"""What makes later words mean something else: after that nothing in the line is sure."""
_GLOB = re.compile(r"[*?\[]|\{.*(,|\.\.).*\}")


@dataclass(frozen=True)
class Simple:
    """One simple command. ``sure`` means that its words are known to the letter."""

    argv: tuple[str, ...]
    sure: bool = True
    folder: str | None = ""
    """Where it runs, relative to the line's own folder; None where that is not known."""
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    assigns: tuple[str, ...] = ()
    fed: bool = False
    """Does it get its input from a pipe or a document?"""

    @property
    def text(self) -> str:
        """The command as a person reads it."""
        words = [*self.assigns, *map(shlex.quote, self.argv)]
        return " ".join([*words, *(f"> {shlex.quote(each)}" for each in self.writes)])


@dataclass
class Line:
    """What a command line does. ``unclear`` says what could not be understood; empty when all was."""

    commands: list[Simple] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)


def read_line(text: str, *, folder: str | None = "") -> Line:
    """The simple commands of a command line, substitutions included, in the order in which they stand."""
    line = Line()
    if len(text) > LONGEST:
        line.unclear.append(f"it has more than {LONGEST:,} characters")
        return line
    if _ODD.search(text):
        line.unclear.append("it holds characters that cannot be seen")
    root = _parser().parse(text.encode(errors="replace")).root_node
    if root.has_error or _gaps(root):
        line.unclear.append("it is no complete command line")
    try:
        _Reader(line, folder).walk(root, 0)
    except RecursionError:
        line.unclear.append("it is nested too deeply")
    return line


class _Reader:
    """Walks the tree of one line and keeps where it stands."""

    def __init__(self, line: Line, folder: str | None) -> None:
        self._line = line
        self._folder = folder

    def walk(self, node: Any, depth: int, *, fed: bool = False) -> None:
        if depth > DEEPEST or len(self._line.commands) > MOST:
            raise RecursionError
        kind = node.type
        if kind == "command":
            self._command(node, depth, fed=fed)
        elif kind == "redirected_statement":
            self._redirected(node, depth, fed=fed)
        elif kind in ("subshell", "command_substitution", "process_substitution"):
            before = self._folder
            self._children(node, depth, fed=fed)
            self._folder = before
        elif kind == "pipeline":
            for number, child in enumerate(node.named_children):
                self.walk(child, depth + 1, fed=fed or number > 0)
        elif kind in _CHANGES:
            self._line.unclear.append(f"it {_CHANGES[kind]}")
            self._children(node, depth)
        elif node.is_error or node.is_missing:
            self._line.unclear.append("it is no complete command line")
            self._children(node, depth)
        else:
            if kind not in _STRUCTURE and node.named_child_count and not _inert(node):
                self._line.unclear.append(f"it holds a {kind.replace('_', ' ')}")
            self._children(node, depth, fed=fed)

    def _children(self, node: Any, depth: int, *, fed: bool = False) -> None:
        for child in node.named_children:
            self.walk(child, depth + 1, fed=fed)

    def _redirected(self, node: Any, depth: int, *, fed: bool) -> None:
        begin = len(self._line.commands)
        body = node.child_by_field_name("body")
        writes, reads, feeds = self._redirects(node, depth)
        if body is not None:
            self.walk(body, depth + 1, fed=fed or feeds)
        found = self._line.commands[begin:]
        if not found:
            found = [Simple(("true",), folder=self._folder)]
        last = found[-1]
        found[-1] = replace(
            last, writes=last.writes + writes, reads=last.reads + reads, fed=last.fed or bool(reads)
        )
        self._line.commands[begin:] = found

    def _redirects(self, node: Any, depth: int) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
        writes: list[str] = []
        reads: list[str] = []
        feeds = False
        for child in node.named_children:
            if child.type in ("heredoc_redirect", "herestring_redirect"):
                feeds = True
                if child.type == "heredoc_redirect":  # the grammar takes words behind it for its own
                    self._line.unclear.append("it holds a document")
                self._children(child, depth + 1)
            elif child.type == "file_redirect":
                target, *others = child.children_by_field_name("destination") or [None]
                if others:
                    self._line.unclear.append("words stand behind a redirection")
                    behind = tuple(_word(each)[0] for each in others)
                    self._line.commands.append(Simple(behind, False, self._folder))
                sign = next((each.type for each in child.children if not each.is_named), ">")
                word, sure = _word(target) if target is not None else ("", False)
                if target is not None:
                    self.walk(target, depth + 1)
                if sign in (">&", "<&", ">&-", "<&-") and (word.isdigit() or not word):
                    continue
                if not sure:
                    self._line.unclear.append("it redirects to a name that is not known")
                (reads if sign == "<" else writes).append(word)
        return tuple(writes), tuple(reads), feeds

    def _command(self, node: Any, depth: int, *, fed: bool) -> None:
        writes, reads, feeds = self._redirects(node, depth)
        argv: list[str] = []
        assigns: list[str] = []
        sure = True
        for child in node.named_children:
            if child.type == "variable_assignment":
                assigns.append(_text(child))
                self._children(child, depth + 1)
            elif child.type == "command_name" or not child.type.endswith("_redirect"):
                inner = child.named_children[0] if child.type == "command_name" else child
                word, known = _word(inner)
                argv.append(word)
                sure = sure and known
                self.walk(inner, depth + 1)
        if sure and not _agrees(node, argv, assigns):
            self._line.unclear.append("its words can be read in two ways")
        found = Simple(
            tuple(argv), sure, self._folder, writes, reads, tuple(assigns), fed or feeds or bool(reads)
        )
        self._line.commands.append(found)
        self._moved(found)

    def _moved(self, command: Simple) -> None:
        """Follow ``cd``."""
        name = command.argv[0] if command.argv else ""
        if name in ("pushd", "popd"):
            self._folder = None
        elif name == "cd":
            words = [word for word in command.argv[1:] if word not in ("--", "-P", "-L")]
            to = words[0] if len(words) == 1 and command.sure else None
            known = self._folder is not None and to is not None and not to.startswith("-")
            self._folder = _joined(self._folder, to) if known and self._folder is not None and to else None


def _gaps(root: Any) -> bool:
    """Is there text that belongs to no token? Then something was overlooked."""
    source, at, waiting = bytes(root.text), root.start_byte, [root]
    while waiting:
        node = waiting.pop()
        if node.child_count and node.type not in ("string", "raw_string", "ansi_c_string", "heredoc_body"):
            waiting.extend(reversed(node.children))
            continue
        between = source[at - root.start_byte : node.start_byte - root.start_byte]
        if between.replace(b"\\\n", b"").strip(b" \t\n"):
            return True
        at = max(at, node.end_byte)
    return bool(source[at - root.start_byte :].replace(b"\\\n", b"").strip(b" \t\n"))


def _joined(folder: str, to: str) -> str:
    return to if to.startswith(("/", "~")) or not folder else f"{folder}/{to}"


def _inert(node: Any) -> bool:
    """Nodes below which nothing runs."""
    return not any(
        child.type in ("command", "command_substitution", "process_substitution") or not _inert(child)
        for child in node.named_children
    )


def _text(node: Any) -> str:
    return str(node.text.decode(errors="replace"))


def _word(node: Any) -> tuple[str, bool]:
    """The word as the shell will give it to the program, and whether it is known for certain."""
    kind, text = node.type, _text(node)
    if kind in ("word", "number", "variable_name") and not node.named_child_count:
        return _unescaped(text), not _GLOB.search(text.replace("\\\n", ""))
    if kind == "raw_string":
        return text[1:-1], True
    if kind == "string":
        plain = all(child.type == "string_content" for child in node.named_children)
        inner = text[1:-1]
        return re.sub(r"\\([$`\"\\\n])", lambda found: found[1].strip("\n"), inner), plain
    if kind == "concatenation":
        parts = [_word(child) for child in node.named_children]
        whole = "".join(part for part, _ in parts)
        spans = sum(child.end_byte - child.start_byte for child in node.named_children)
        complete = spans == node.end_byte - node.start_byte
        unquoted = "".join(_text(c) for c in node.named_children if c.type in ("word", "number"))
        return whole if complete else text, (
            complete and all(sure for _, sure in parts) and not _GLOB.search(unquoted)
        )
    return text, False


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: found[1].strip("\n"), text, flags=re.DOTALL)


def _agrees(node: Any, argv: list[str], assigns: list[str]) -> bool:
    """Does a second reader find the same words? Where two differ a shell may be a third."""
    words = [child for child in node.named_children if not child.type.endswith("_redirect")]
    text = " ".join(_text(word) for word in words)
    try:
        found = shlex.split(text, comments=False)
    except ValueError:
        return False
    plain = [shlex.split(each) for each in assigns if "$" not in each and "`" not in each]
    expected = [*(each for words in plain for each in words), *argv]
    return found[-len(expected) :] == expected if expected else not found


@cache
def _parser() -> Any:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))
