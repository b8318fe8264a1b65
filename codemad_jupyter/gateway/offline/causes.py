"""Well-known errors that no rule can mend: the usual cause and the next step, in plain words."""

# ruff: noqa: E501 - a table reads better with one entry on one line

import re

from codemad_jupyter.gateway.offline.diagnosis import Diagnosis, Scene
from codemad_jupyter.gateway.offline.literals import shown

NO_RULE = "I know no safe change for this one, so I propose none. A connected model may."

_CAUSES = (
    ("ZeroDivisionError", "", "something is divided by zero. Check the divisor on that line before dividing."),
    ("IndexError", "out of (range|bounds)", "a position is asked for that the sequence does not have; counting starts at 0. Look at its length."),
    ("TypeError", r"not callable", "something that is no function is called with (). Often a variable took a function's name; rename it and restart."),
    ("TypeError", r"not subscriptable", "a value is indexed with [] that cannot be, often None or a function without its ()."),
    ("TypeError", r"unsupported operand|can only concatenate|must be str", "values of different types are combined. Convert one of them, for example with str(), int() or pd.to_numeric()."),
    ("TypeError", r"missing \d+ required|takes \d+ positional|unexpected keyword", "a function is called with other arguments than it takes. Compare the call with its signature."),
    ("TypeError", r"not iterable", "a single value, often None, is used where a sequence is needed."),
    ("ValueError", r"could not convert string to float|invalid literal", "a text is read as a number and is none. pd.to_numeric(column, errors=\"coerce\") shows which."),
    ("ValueError", r"truth value of a", "a whole column stands where one true or false is needed. Use & and | with parentheses instead of and/or, or .any() / .all()."),
    ("ValueError", r"contains NaN|Input .* NaN", "the data has missing values that this step cannot take. Fill or drop them first."),
    ("ValueError", r"length|shape|dimension|broadcast|inconsistent", "two things of different length or shape are combined. Compare their .shape."),
    ("RecursionError", "", "a function calls itself without end. Check the condition that should stop it."),
    ("MemoryError", "", "the data does not fit in memory. Work on fewer rows or columns."),
    ("UnboundLocalError", "", "a function uses a name before it gave it a value; assigning inside a function makes the name local."),
    ("KeyboardInterrupt", "", "the cell was interrupted. Nothing is broken; run it again when you like."),
    ("AssertionError", "", "an assert did not hold. Its condition says what was expected."),
    ("PermissionError", "", "this process may not open that path."),
    ("ConnectionError", "", "the network or the server could not be reached."),
    ("FileExistsError", "", "the path is there already."),
    ("IsADirectoryError", "", "the path is a folder, not a file."),
    ("UnicodeDecodeError", "", "the file is not UTF-8. Try encoding=\"latin-1\"."),
    ("MergeError", "", "the two tables cannot be merged in this way. Compare their key columns."),
)  # fmt: skip


def explain(scene: Scene) -> Diagnosis:
    """The usual cause of the error, without a change."""
    name = scene.error.name.rpartition(".")[2]
    message = " ".join(scene.error.message.split())[:300]
    for known, pattern, cause in _CAUSES:
        if known == name and re.search(pattern, message):
            return Diagnosis(f"{cause} Python says {shown(message)}." if message else cause, NO_RULE)
    return Diagnosis(f"Python says {shown(message)}." if message else "there is no message.", NO_RULE)
