"""State that cells share without a name: files they write and read, and the random numbers' generator.

Each is treated as a name in parentheses, which no variable can have. Pure; what is seen is a guess.
"""

import ast
import re

RANDOM = "(random numbers)"
RANDOM_CALL = re.compile(
    r"(?:np|numpy)\.random\.(?!default_rng|RandomState|Generator|SeedSequence)\w+$|random\.[a-z]\w*$"
)
SEEDED = re.compile(r"(?:.*\.)?(?:seed|manual_seed|set_seed|set_random_seed|seed_everything)$")
WRITING = re.compile(
    r"(?:to_(?!numpy|list|dict|datetime|numeric|period|timestamp)\w+|save\w*|imsave|dump|write\w*|copy\w*|move|rename"
    r"|replace|unlink|remove|mkdir|makedirs|touch|urlretrieve|extractall)$"
)
PATH = re.compile(r"[\w .\-/\\~:]{0,200}[\w\-]\.\w{1,8}$")
MODES = re.compile(r"[rbt]*[wax+]")
MOST_LITERALS = 40


def file_name(path: str) -> str:
    """The name under which a file is kept."""
    return f"(file {path.removeprefix('./')})"


def of_call(call: ast.Call, name: str) -> tuple[list[str], list[str]]:
    """The hidden state that a call reads, and that it changes; ``name`` is the dotted name of the callee."""
    reads: list[str] = []
    changes: list[str] = []
    if RANDOM_CALL.match(name) or SEEDED.match(name):
        changes.append(RANDOM)
    paths = literal_paths(call)
    (changes if paths and writes(call, name) else reads).extend(map(file_name, paths))
    return reads, changes


def literal_paths(call: ast.Call) -> list[str]:
    """Texts among the arguments, and in what the method is called on, that look like paths."""
    parts: list[ast.expr] = [*call.args, *(word.value for word in call.keywords)]
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
        parts += call.func.value.args
    texts = [
        part.value
        for part in parts[:MOST_LITERALS]
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    return [text for text in texts if len(text) < 200 and PATH.match(text) and "\n" not in text]


def writes(call: ast.Call, name: str) -> bool:
    """Does it write, as far as its name or mode tells?"""
    last = call.func.attr if isinstance(call.func, ast.Attribute) else name
    if last in ("open", "ZipFile", "File"):
        words = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
        return any(
            isinstance(word, ast.Constant)
            and isinstance(word.value, str)
            and bool(MODES.fullmatch(word.value))
            for word in words
        )
    return bool(WRITING.match(last))
