"""Commands that run other commands: what runs in the end, for rules that speak of it.

What is found counts against a command always; it counts for one only where the wrapper changes nothing but
priority, time or waiting (`Unwrapped.plain`).
"""

import os
import re
from dataclasses import dataclass, replace

from codemad_jupyter.tools.command_line import Line, Simple, read_line

SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "rbash"})
INTERPRETER = re.compile(
    r"(python|pypy|ipython|perl|ruby|node|nodejs|deno|bun|php|lua|julia|rscript|r)[\d.]*"
)
INLINE = frozenset({"-c", "-e", "-E", "-p", "-r", "--eval", "--print", "-pe", "-ne", "-ce"})
"""Options by which an interpreter takes code from the command line."""
_NEUTRAL = {
    "nice": ("-n", "--adjustment"),
    "ionice": ("-c", "-n", "--class", "--classdata"),
    "timeout": ("-k", "-s", "--kill-after", "--signal"),
    "nohup": (),
    "setsid": (),
    "stdbuf": ("-i", "-o", "-e", "--input", "--output", "--error"),
    "time": ("-f", "-o", "--format", "--output"),
    "chrt": (),
    "taskset": ("-c", "-p"),
}
"""Wrappers that change nothing about what runs, with their options that take a value."""
_CHANGING = {
    "env": ("-u", "-C", "--unset", "--chdir"),
    "sudo": ("-u", "-g", "-h", "-p", "-C", "-D", "-R", "-T", "-r", "-t", "-U", "--user", "--group"),
    "doas": ("-u", "-C", "-a"),
    "xargs": ("-I", "-n", "-P", "-L", "-s", "-d", "-a", "-E", "--replace", "--max-args", "--arg-file",
              "--max-procs", "--max-lines", "--delimiter", "--eof", "--max-chars"),
    "command": (), "builtin": (), "exec": ("-a",), "busybox": (), "toybox": (), "coproc": (),
    "chroot": ("--userspec", "--groups"), "unshare": (), "nsenter": ("-t", "--target"), "watch": ("-n", "-d"),
    "strace": ("-o", "-e", "-p", "-s"), "ltrace": ("-o", "-e"), "script": ("-c",), "parallel": ("-j",),
    "flock": ("-w", "-E"), "runuser": ("-u", "-g"), "setpriv": (), "firejail": (), "bwrap": (),
    "dbus-run-session": (),
    "uv": (), "poetry": (), "pipenv": (), "conda": ("-n", "-p"), "mamba": ("-n", "-p"), "npx": (), "bunx": (),
    "ssh": ("-i", "-p", "-o", "-l", "-F", "-J"), "su": (), "pkexec": ("--user",), "xvfb-run": (), "entr": (),
}  # fmt: skip
_WORDS_BEFORE = {"timeout": 1, "chrt": 1, "taskset": 1, "chroot": 1, "flock": 1, "ssh": 1}
"""How many words of its own a wrapper takes before the command."""
_RUN_WORD = {"uv": "run", "poetry": "run", "pipenv": "run", "conda": "run", "mamba": "run"}
_EVALUATES = frozenset({"eval", "source", ".", "trap", "alias", "enable", "hash", "shopt", "set", "bind"})
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")


@dataclass(frozen=True)
class Unwrapped:
    """What a simple command runs: itself and those inside, outermost first. ``plain``: the innermost alone
    counts for allowing."""

    chain: tuple[Simple, ...]
    plain: bool = True
    unclear: tuple[str, ...] = ()


def name_of(word: str) -> str:
    """A program's name without its folder and case."""
    name = os.path.basename(word.replace("\\", "/")).casefold()  # noqa: PTH119 - a word, not a file
    return name.removesuffix(".exe")


def unwrap(command: Simple, depth: int = 0) -> Unwrapped:
    """The commands that run in the end."""
    if not command.argv or depth > 12:
        return Unwrapped((command,), False, ("it is wrapped too deeply",) if depth > 12 else ())
    name = name_of(command.argv[0])
    if name in _EVALUATES:
        line = read_line(" ".join(command.argv[1:]), folder=command.folder)
        return _with_line(command, line, f"{name} changes what later words mean", depth)
    if name in SHELLS:
        return _shell(command, depth)
    if name == "find":
        return _find(command, depth)
    if name in _NEUTRAL or name in _CHANGING:
        return _wrapped(command, name, depth)
    return Unwrapped((command,))


def _wrapped(command: Simple, name: str, depth: int) -> Unwrapped:
    options = _NEUTRAL.get(name, _CHANGING.get(name, ()))
    words, skipped = _after_options(command.argv[1:], options)
    words = words[_WORDS_BEFORE.get(name, 0) :]
    plain = name in _NEUTRAL and not skipped
    if name in ("env", "sudo", "doas"):
        while words and _ASSIGNMENT.match(words[0]):
            words = words[1:]
    if name in _RUN_WORD:
        if _RUN_WORD[name] not in words:
            return Unwrapped((command,))
        words, _ = _after_options(words[words.index(_RUN_WORD[name]) + 1 :], options)
    if name == "env" and any(word.startswith(("-S", "--split-string")) for word in command.argv):
        return Unwrapped((command,), False, ("env splits words of its own",))
    if not words:
        return Unwrapped((command,), plain=name not in ("exec", "xargs"))
    more = name in ("xargs", "parallel")
    inner = replace(command, argv=words, sure=command.sure and not more)
    if name in ("ssh", "watch", "parallel", "script", "su") and len(words) == 1:
        return _with_line(command, read_line(words[0], folder=None), f"{name} runs a line of its own", depth)
    below = unwrap(inner, depth + 1)
    return Unwrapped((command, *below.chain), plain and below.plain, below.unclear)


def _after_options(words: tuple[str, ...], valued: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """What follows the options, and whether one of them was not understood for certain."""
    unknown = False
    while words and words[0].startswith("-") and words[0] != "-":
        option, words = words[0], words[1:]
        if option == "--":
            break
        if option in valued and words:
            words = words[1:]
        elif option not in valued and "=" not in option and len(option) > 2 and not option[2:].isdigit():
            unknown = True
    return words, unknown


def _shell(command: Simple, depth: int) -> Unwrapped:
    """``bash -c 'line'``; a script from a file is the shell's own business, one from a pipe nobody's."""
    rest = command.argv[1:]
    for at, word in enumerate(rest):
        if word.startswith("-") and not word.startswith("--") and "c" in word:
            code = next((each for each in rest[at + 1 :] if not each.startswith("-")), "")
            return _with_line(command, read_line(code, folder=command.folder), "", depth)
        if not word.startswith("-"):
            return Unwrapped((command,))
    return Unwrapped((command,), False, ("a shell reads what it runs from elsewhere",))


def _find(command: Simple, depth: int) -> Unwrapped:
    chain: list[Simple] = [command]
    unclear: tuple[str, ...] = ()
    acts = False
    for at, word in enumerate(command.argv):
        if word in ("-exec", "-execdir", "-ok", "-okdir"):
            end = next((i for i in range(at, len(command.argv)) if command.argv[i] in (";", "+")), None)
            below = unwrap(replace(command, argv=command.argv[at + 1 : end], sure=False), depth + 1)
            chain += below.chain
            unclear += below.unclear
        acts = acts or word in ("-delete", "-fprint", "-fprintf", "-fls", "-fprint0")
    if acts:
        chain.append(replace(command, argv=("rm", *command.argv[1:]), sure=False))
    return Unwrapped(tuple(chain), len(chain) == 1, unclear)


def _with_line(command: Simple, line: Line, reason: str, depth: int) -> Unwrapped:
    chain: list[Simple] = [command]
    unclear = [*line.unclear, *([reason] if reason else [])]
    for each in line.commands:
        below = unwrap(each, depth + 1)
        chain += below.chain
        unclear += below.unclear
    if not line.commands:
        unclear.append("it runs a line that cannot be read")
    return Unwrapped(tuple(chain), False, tuple(unclear))
