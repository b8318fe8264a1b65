"""Edits as models write them: files before, the text, and files after or the cause of the refusal."""

import json
from dataclasses import dataclass

Files = dict[str, bytes]


@dataclass(frozen=True)
class Case:
    """``after`` holds the files that differ afterwards (None: gone), or is the cause of the refusal."""

    name: str
    before: Files
    text: str
    after: dict[str, bytes | None] | str


CASES: list[Case] = []


def case(name: str, before: Files, text: str, after: dict[str, bytes | None] | str) -> None:
    CASES.append(Case(name, before, text, after))


def string(name: str, before: bytes, old: str, new: str, after: bytes | str, *, every: bool = False) -> None:
    """A string replacement in f.py."""
    value = {"path": "f.py", "old_string": old, "new_string": new, "replace_all": every}
    case(
        f"str {name}",
        {"f.py": before},
        json.dumps(value),
        after if isinstance(after, str) else {"f.py": after},
    )


def block(name: str, before: bytes, old: str, new: str, after: bytes | str) -> None:
    """A SEARCH/REPLACE block for f.py."""
    text = f"f.py\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n"
    case(f"block {name}", {"f.py": before}, text, after if isinstance(after, str) else {"f.py": after})


def v4a(name: str, before: bytes, body: str, after: bytes | str) -> None:
    """An update of f.py in V4A."""
    text = f"*** Begin Patch\n*** Update File: f.py\n{body}*** End Patch\n"
    case(f"v4a {name}", {"f.py": before}, text, after if isinstance(after, str) else {"f.py": after})


def diff(name: str, before: bytes, body: str, after: bytes | str) -> None:
    """A unified diff of f.py."""
    text = f"--- a/f.py\n+++ b/f.py\n{body}"
    case(f"diff {name}", {"f.py": before}, text, after if isinstance(after, str) else {"f.py": after})


AB = b"a = 1\nb = 2\nc = 3\n"
# Exact, line ends, byte order marks, encodings.
string("one line", AB, "b = 2", "b = 9", b"a = 1\nb = 9\nc = 3\n")
string("within a line", AB, "= 2", "= 22", b"a = 1\nb = 22\nc = 3\n")
string("two lines", AB, "a = 1\nb = 2\n", "x = 1\n", b"x = 1\nc = 3\n")
string("deletes a line", AB, "b = 2\n", "", b"a = 1\nc = 3\n")
string("empties a line", AB, "b = 2", "", b"a = 1\n\nc = 3\n")
string("joins lines", AB, "1\nb", "1; b", b"a = 1; b = 2\nc = 3\n")
string("takes the last line end", AB, "c = 3\n", "c = 3", b"a = 1\nb = 2\nc = 3")
string("deletes to the end", AB, "\nc = 3\n", "", b"a = 1\nb = 2")
string("everything", AB, AB.decode(), "z\n", b"z\n")
string("all places", b"x y x\nx\n", "x", "zz", b"zz y zz\nzz\n", every=True)
string("all places over lines", b"a\nb\na\nb\n", "a\nb\n", "c\n", b"c\nc\n", every=True)
string("crlf", b"a\r\nb\r\nc\r\n", "a\nb", "x\ny\nz", b"x\r\ny\r\nz\r\nc\r\n")
string("crlf said", b"a\r\nb\r\nc\r\n", "a\r\nb\r\n", "x\r\n", b"x\r\nc\r\n")
string("crlf said of a lf file", b"a\nb\nc\n", "a\r\nb", "x\r\ny", b"x\ny\nc\n")
string("mixed line ends", b"a\r\nb\nc\r\nd\n", "b\nc", "b\nC", b"a\r\nb\nC\r\nd\n")
string("mixed, one more line", b"a\r\nb\nc\r\n", "b", "b\nnew", b"a\r\nb\nnew\nc\r\n")
string("lone returns", b"a\rb\rc\r", "b", "x\ny", b"a\rx\ry\rc\r")
string("return inside a line", b"p\rq\nb\n", "b", "c", b"p\rq\nc\n")
string("bom", b"\xef\xbb\xbfa = 1\n", "a = 1\n", "a = 2\n", b"\xef\xbb\xbfa = 2\n")
string("no last newline", b"a\nb", "b", "c", b"a\nc")
string("no last newline, one asked for", b"a\nb", "b\n", "c\n", b"a\nc")
string(
    "utf-16 le",
    "a = 1\nb\n".encode("utf-16-le").join([b"\xff\xfe", b""]),
    "a = 1",
    "a = \u00e9",
    b"\xff\xfe" + "a = \u00e9\nb\n".encode("utf-16-le"),
)
string(
    "utf-16 be",
    b"\xfe\xff" + "a\nb\n".encode("utf-16-be"),
    "b",
    "c",
    b"\xfe\xff" + "a\nc\n".encode("utf-16-be"),
)
string("latin-1", b"d\xe9j\xe0 = 1\nb\n", "b", "c", b"d\xe9j\xe0 = 1\nc\n")
string("latin-1 matched", b"\xe9t\xe9 = 1\n", "\u00e9t\u00e9 = 1", "\u00e9t\u00e9 = 2", b"\xe9t\xe9 = 2\n")
string("latin-1 cannot hold it", b"\xe9t\xe9 = 1\n", "= 1", "= '\u20ac'", "encoding")
string("windows-1252 is a guess", b"x = \x93q\x94\nb\n", "b", "c", "encoding")
string("binary", b"a\x00b\n", "a", "b", "encoding")
string("half a utf-16", b"\xff\xfea", "a", "b", "encoding")
string("emoji", "s = '\U0001f40d'\nb\n".encode(), "b", "c", "s = '\U0001f40d'\nc\n".encode())
string("form feed is no line end", b"a\x0cb\nc\n", "c", "d", b"a\x0cb\nd\n")
string("line separator is no line end", "a\u2028b\nc\n".encode(), "c", "d", "a\u2028b\nd\n".encode())
# Escapes are literal.
string("backslash n", b"key\n", "key", r"a\nb", b"a\\nb\n")
string("groups", b"key\n", "key", r"\1 \g<0>", b"\\1 \\g<0>\n")
string("dollars", b"key\n", "key", "$& $1 $$", b"$& $1 $$\n")
string("pattern characters", b"a.*b\naxxb\n", "a.*b", "c", b"c\naxxb\n")
string("percent and braces", b"f'{x} %s'\n", "{x} %s", "{y} %d", b"f'{y} %d'\n")
string("backslash n is not a line end", b"a\nb\n", r"a\nb", "c", "not_found")
# Trailing blanks.
string("blanks in the file", b"a  \nb\t\nc\n", "a\nb\nc", "a\nB\nc", b"a  \nB\nc\n")
string("blanks in the edit", b"a\nb\n", "a  \nb ", "a\nX", b"a\nX\n")
string("blank line with blanks", b"a\n    \nb\n", "a\n\nb", "a\n\nX", b"a\n    \nX\n")
string("blanks and crlf", b"a \r\nb\r\nc", "a\nb\n", "a\nX\n", b"a \r\nX\r\nc")
string("blanks twice", b"a \nb\na \nb\n", "a\nb\n", "c\n", "ambiguous")
string("one exact, one with blanks", b"a \nb\na\nb\n", "a\nb\n", "c\n", b"a \nb\nc\n")
# Indentation.
string(
    "deeper in the file",
    b"def f():\n    if x:\n        y()\n",
    "if x:\n    y()",
    "if x:\n    y()\n    z()",
    b"def f():\n    if x:\n        y()\n        z()\n",
)
string(
    "flatter in the file",
    b"if x:\n    y()\n",
    "    if x:\n        y()\n",
    "    if x:\n        z()\n",
    b"if x:\n    z()\n",
)
string(
    "tabs in the file",
    b"def f():\n\tif x:\n\t\ty()\n",
    "    if x:\n        y()",
    "    if x:\n        z()",
    b"def f():\n\tif x:\n\t\tz()\n",
)
string(
    "tabs in the edit",
    b"def f():\n    if x:\n        y()\n",
    "\tif x:\n\t\ty()",
    "\tif x:\n\t\tz()\n\t\t\tw()",
    b"def f():\n    if x:\n        z()\n            w()\n",
)
string(
    "two for four",
    b"def f():\n    if x:\n        y()\n",
    "  if x:\n    y()",
    "  if x:\n    z()",
    b"def f():\n    if x:\n        z()\n",
)
string(
    "one line, deeper body",
    b"class A:\n\tdef f():\n\t\treturn 1\n",
    "    return 1\n",
    "    if a:\n        return 2\n",
    b"class A:\n\tdef f():\n\t\tif a:\n\t\t\treturn 2\n",
)
string("uneven indentation", b"if x:\n    y()\n        z()\n", "  if x:\n    y()\n    z()", "q", "not_found")
string(
    "indentation twice",
    b"if a:\n  x = 1\n  y = 1\nif b:\n  x = 1\n  y = 1\n",
    "x = 1 \ny = 1",
    "z",
    "ambiguous",
)
string(
    "blank line inside a shift",
    b"def f():\n    a()\n\n    b()\n",
    "a()\n\nb()",
    "a()\n\nc()",
    b"def f():\n    a()\n\n    c()\n",
)
# Unicode punctuation.
string("curly quotes", "m = \u201chi\u201d\nn\n".encode(), 'm = "hi"', 'm = "yo"', b'm = "yo"\nn\n')
string(
    "curly apostrophe",
    "# it\u2019s\nx = 1\n".encode(),
    "# it's\nx = 1",
    "# it's\nx = 2",
    "# it\u2019s\nx = 2\n".encode(),
)
string("dash", "a \u2014 b\nc\n".encode(), "a - b\nc", "a - b\nd", "a \u2014 b\nd\n".encode())
string("no-break space", "a\u00a0= 1\nb\n".encode(), "a = 1", "a = 2", b"a = 2\nb\n")
string("ellipsis", "wait\u2026\nb\n".encode(), "wait...\nb", "wait...\nc", "wait\u2026\nc\n".encode())
string("odd in the edit", b'm = "hi"\n', "m = \u201chi\u201d", "m = 'x'", b"m = 'x'\n")
string("folded twice", "\u2018a\u2019\n\u2019a\u2018\n".encode(), "'a'", "b", "ambiguous")
string(
    "others stay odd",
    "\u201cz\u201d\nm = \u201chi\u201d\n".encode(),
    'm = "hi"',
    "m = 1",
    "\u201cz\u201d\nm = 1\n".encode(),
)
string(
    "folded and shifted",
    "if x:\n    p(\u201ca\u201d)\n    q()\n".encode(),
    'p("a")\nq()',
    'p("a")\nr()',
    "if x:\n    p(\u201ca\u201d)\n    r()\n".encode(),
)
string("accents are not folded", "\u00e9t\u00e9\n".encode(), "ete", "x", "not_found")
# Never by case, similarity, or first and last line.
string("case", b"Name = 1\n", "name = 1", "x", "not_found")
string("similar", b"value = total\n", "value = totals", "x", "not_found")
string(
    "first and last line",
    b"def f():\n    a()\n    b()\n    return 1\n",
    "def f():\n    other()\n    b2()\n    return 1",
    "x",
    "not_found",
)
string("blanks inside a line", b"a  =  1\n", "a = 1", "a = 2", "not_found")
# Refusals.
string("twice", b"x = 1\ny\nx = 1\n", "x = 1", "x = 2", "ambiguous")
string("overlapping twice", b"aaa\n", "aa", "b", "ambiguous")
string("already there", b"b = 3\n", "b = 2", "b = 3", "already_applied")
string("nothing changes", AB, "a", "a", "no_change")
string("nothing changes but line ends", AB, "a = 1\n", "a = 1\r\n", "no_change")
string("empty old", AB, "", "x", "exists")
string("placeholder", AB, "b = 2", "# ... rest of the code ...", "placeholder")
string("empty file", b"", "a", "b", "not_found")
# Elision.
LONG = b"def f():\n    a = 1\n    b = 2\n    c = 3\n    return a\n"
string(
    "elided",
    LONG,
    "def f():\n...\n    return a",
    "def g():\n...\n    return b",
    LONG.replace(b"f()", b"g()").replace(b"return a", b"return b"),
)
string(
    "elided with a remark",
    LONG,
    "def f():\n    # ... existing code ...\n    return a",
    "def g():\n    # ... existing code ...\n    return a",
    LONG.replace(b"f()", b"g()"),
)
string("elided on one side", LONG, "def f():\n...\n    return a", "def g(): pass", "not_found")
string("elided piece twice", b"a\nx\nb\nb\n", "a\n...\nb", "c\n...\nd", "not_found")
string("elided out of order", b"b\nx\na\n", "a\n...\nb", "c\n...\nd", "not_found")
string(
    "dots that are code",
    b"def f():\n    ...\n",
    "def f():\n    ...",
    "def f():\n    pass",
    b"def f():\n    pass\n",
)


# Several edits in one call.
def edits(name: str, before: bytes, pairs: list[tuple[str, str]], after: bytes | str) -> None:
    value = {"path": "f.py", "edits": [{"old_string": a, "new_string": b} for a, b in pairs]}
    case(
        f"edits {name}",
        {"f.py": before},
        json.dumps(value),
        after if isinstance(after, str) else {"f.py": after},
    )


edits("two", AB, [("a = 1", "a = 5"), ("c = 3", "c = 6")], b"a = 5\nb = 2\nc = 6\n")
edits("backwards", AB, [("c = 3", "c = 6"), ("a = 1", "a = 5")], b"a = 5\nb = 2\nc = 6\n")
edits("one builds on the other", AB, [("a = 1", "q"), ("q", "r")], b"r\nb = 2\nc = 3\n")
edits("second fails", AB, [("a = 1", "a = 5"), ("zz", "y")], "not_found")
edits("first fails", AB, [("zz", "y"), ("a = 1", "a = 5")], "not_found")
# SEARCH/REPLACE.
block("plain", AB, "b = 2\n", "b = 3\n", b"a = 1\nb = 3\nc = 3\n")
block("whole lines only", b"max = 10\nx = 1\n", "x = 1\n", "x = 2\n", b"max = 10\nx = 2\n")
block("part of a line", b"max = 10\n", "ax = 10\n", "x\n", "not_found")
block("deletes", AB, "b = 2\n", "", b"a = 1\nc = 3\n")
block("new line before", AB, "b = 2\n", "n\nb = 2\n", b"a = 1\nn\nb = 2\nc = 3\n")
block("crlf file", b"a\r\nb\r\n", "a\n", "x\ny\n", b"x\r\ny\r\nb\r\n")
block("no last newline", b"a\nb", "b\n", "c\nd\n", b"a\nc\nd")
block("after the last line", b"a\nb", "b\n", "b\nc\n", b"a\nb\nc")
block("shifted", b"if x:\n    a\n    b\n", "a\nb\n", "a\nc\n", b"if x:\n    a\n    c\n")
block("twice", b"a\nb\na\n", "a\n", "c\n", "ambiguous")
block("no end", AB, "b = 2\n=======\nx\n<<<<<<< SEARCH\n", "", "malformed")
B = "<<<<<<< SEARCH\na = 1\n=======\na = 2\n>>>>>>> REPLACE"
DONE: dict[str, bytes | None] = {"f.py": AB.replace(b"a = 1", b"a = 2")}
for label, text in {
    "fenced": f"Change it:\n\nf.py\n```python\n{B}\n```\nDone.",
    "name in fence": f"```python\nf.py\n{B}\n```",
    "name after language": f"```python f.py\n{B}\n```",
    "name in backticks": f"Now `f.py`:\n{B}",
    "bold name": f"**f.py**\n{B}",
    "heading": f"### f.py\n{B}",
    "file prefix": f"File: f.py\n{B}",
    "five": "f.py\n<<<<< SEARCH\na = 1\n=====\na = 2\n>>>>> REPLACE",
    "nine": "f.py\n<<<<<<<<< SEARCH\na = 1\n=========\na = 2\n>>>>>>>>> REPLACE",
    "crlf text": f"f.py\n{B}\n".replace("\n", "\r\n"),
    "dashes and pluses": "f.py\n------- SEARCH\na = 1\n=======\na = 2\n+++++++ REPLACE",
}.items():
    case(f"block {label}", {"f.py": AB}, text, DONE)
case("block no name", {"f.py": AB}, B, "malformed")
case(
    "block underline inside nine",
    {"f.md": b"Title\n=======\nx\n"},
    "f.md\n<<<<<<<<< SEARCH\nTitle\n=======\n=========\nOther\n=======\n>>>>>>>>> REPLACE",
    {"f.md": b"Other\n=======\nx\n"},
)
case(
    "block underline is ambiguous",
    {"f.md": b"Title\n=======\nx\n"},
    "f.md\n<<<<<<< SEARCH\nTitle\n=======\n=======\nOther\n>>>>>>> REPLACE",
    "malformed",
)
case(
    "block same file again",
    {"f.py": AB},
    f"f.py\n{B}\nand\n{B.replace('a = ', 'c = ').replace('c = 1', 'c = 3')}",
    {"f.py": b"a = 2\nb = 2\nc = 2\n"},
)
case(
    "block new file",
    {"f.py": AB},
    "sub/n.py\n<<<<<<< SEARCH\n=======\nx = 1\n>>>>>>> REPLACE",
    {"sub/n.py": b"x = 1\n"},
)
case(
    "block new file that exists", {"f.py": AB}, "f.py\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE", "exists"
)
# V4A.
v4a("plain", AB, "@@\n a = 1\n-b = 2\n+b = 3\n c = 3\n", b"a = 1\nb = 3\nc = 3\n")
v4a("no heading", AB, " a = 1\n-b = 2\n+b = 3\n", b"a = 1\nb = 3\nc = 3\n")
TWO = b"class A:\n    def f(self):\n        return 1\n\nclass B:\n    def f(self):\n        return 1\n"
v4a("ambiguous", TWO, "@@\n-        return 1\n+        return 2\n", "ambiguous")
v4a("class heading", TWO, "@@ class A:\n-        return 1\n+        return 2\n", TWO.replace(b"1", b"2", 1))
v4a(
    "stacked headings",
    TWO,
    "@@ class B:\n@@     def f(self):\n-        return 1\n+        return 2\n",
    TWO[:-2] + b"2\n",
)
v4a("heading twice", TWO, "@@     def f(self):\n-        return 1\n+        return 2\n", "ambiguous")
v4a("heading missing", TWO, "@@ class C:\n-        return 1\n+        return 2\n", "not_found")
v4a("two hunks", AB, "@@\n-a = 1\n+a = 5\n@@\n-c = 3\n+c = 6\n", b"a = 5\nb = 2\nc = 6\n")
v4a("hunks out of order", AB, "@@\n-c = 3\n+c = 6\n@@\n-a = 1\n+a = 5\n", b"a = 5\nb = 2\nc = 6\n")
v4a(
    "hunks share context",
    AB,
    "@@\n-a = 1\n+a = 5\n b = 2\n@@\n b = 2\n-c = 3\n+c = 6\n",
    b"a = 5\nb = 2\nc = 6\n",
)
v4a("hunks meet", AB, "@@\n-a = 1\n-b = 2\n+x\n@@\n-b = 2\n+y\n", "overlap")
v4a("end of file", b"x\ny\nx\n", "@@\n-x\n+z\n*** End of File\n", b"x\ny\nz\n")
v4a("not at the end of file", AB, "@@\n-a = 1\n+z\n*** End of File\n", "not_found")
v4a("append", AB, "@@\n+d = 4\n", AB + b"d = 4\n")
v4a("append without last newline", b"a", "@@\n+b\n", b"a\nb")
v4a("below a heading", AB, "@@ b = 2\n+x\n", b"a = 1\nb = 2\nx\nc = 3\n")
v4a("empty context line", b"a\n\nb\n", "@@\n a\n\n-b\n+c\n", b"a\n\nc\n")
v4a("crlf file", b"a\r\nb\r\n", "@@\n a\n-b\n+c\n", b"a\r\nc\r\n")
v4a("context keeps its blanks", b"a \t\nb\n", "@@\n a\n-b\n+c\n", b"a \t\nc\n")
v4a("no last newline", b"a\nb", "@@\n-b\n+c\n", b"a\nc")
v4a("line without sign", AB, "@@\na = 1\n-b = 2\n", "malformed")
v4a("no hunk", AB, "", "malformed")


def patch(name: str, before: Files, body: str, after: dict[str, bytes | None] | str) -> None:
    case(f"v4a {name}", before, f"*** Begin Patch\n{body}\n*** End Patch", after)


F = {"f.py": AB}
patch("add", F, "*** Add File: d/n.py\n+x\n+\n+y", {"d/n.py": b"x\n\ny\n"})
patch("add over", F, "*** Add File: f.py\n+x", "exists")
patch("add without plus", F, "*** Add File: n.py\nx", "malformed")
patch("delete", F, "*** Delete File: f.py", {"f.py": None})
patch("delete missing", F, "*** Delete File: n.py", "missing_file")
patch("move", F, "*** Update File: f.py\n*** Move to: d/g.py", {"f.py": None, "d/g.py": AB})
patch(
    "move and change",
    F,
    "*** Update File: f.py\n*** Move to: g.py\n@@\n-b = 2\n+b = 3",
    {"f.py": None, "g.py": AB.replace(b"2", b"3")},
)
patch("move over", {**F, "g.py": b"g\n"}, "*** Update File: f.py\n*** Move to: g.py", "exists")
patch(
    "two files, one fails",
    {**F, "g.py": b"g\n"},
    "*** Update File: f.py\n-b = 2\n+b = 3\n*** Update File: g.py\n-zz\n+y",
    "not_found",
)
patch("update missing", F, "*** Update File: n.py\n-b\n+c", "missing_file")
patch("empty", F, "", "malformed")
case("v4a no end", F, "*** Begin Patch\n*** Delete File: f.py\n", "malformed")
case(
    "v4a in prose",
    F,
    "Sure:\n```\n*** Begin Patch\n*** Delete File: f.py\n*** End Patch\n```\n",
    {"f.py": None},
)
# Unified diff.
diff("plain", AB, "@@ -1,3 +1,3 @@\n a = 1\n-b = 2\n+b = 3\n c = 3\n", b"a = 1\nb = 3\nc = 3\n")
diff("no numbers", AB, "@@ @@\n a = 1\n-b = 2\n+b = 3\n", b"a = 1\nb = 3\nc = 3\n")
diff("bare at signs", AB, "@@\n-b = 2\n+b = 3\n", b"a = 1\nb = 3\nc = 3\n")
diff("wrong numbers", AB, "@@ -70,9 +71,2 @@\n a = 1\n-b = 2\n+b = 3\n", b"a = 1\nb = 3\nc = 3\n")
diff("number tells which", b"x\ny\nx\n", "@@ -3 +3 @@\n-x\n+z\n", b"x\ny\nz\n")
diff("wrong number, two places", b"x\ny\nx\n", "@@ -2 +2 @@\n-x\n+z\n", "ambiguous")
diff("removed dashes", b"-- a\nb\n", "@@ -1,2 +1,2 @@\n--- a\n+++ c\n b\n", b"++ c\nb\n")
diff(
    "no last newline",
    b"a\nb",
    "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n",
    b"a\nc",
)
diff(
    "adds the last newline", b"a\nb", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n", b"a\nb\n"
)
diff(
    "takes the last newline",
    b"a\nb\n",
    "@@ -1,2 +1,2 @@\n a\n-b\n+b\n\\ No newline at end of file\n",
    b"a\nb",
)
diff("unmarked, no last newline", b"a\nb", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n", b"a\nc")
diff("crlf file", b"a\r\nb\r\n", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n", b"a\r\nc\r\n")
diff("adds without context", AB, "@@ -2,0 +3,1 @@\n+x\n", "not_found")
diff("context differs", AB, "@@ -1,2 +1,2 @@\n a = 7\n-b = 2\n+b = 3\n", "not_found")
case("diff new", F, "--- /dev/null\n+++ b/n.py\n@@ -0,0 +1,2 @@\n+x\n+y\n", {"n.py": b"x\ny\n"})
case(
    "diff new, no last newline",
    F,
    "--- /dev/null\n+++ b/n.py\n@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n",
    {"n.py": b"x"},
)
case("diff new over", F, "--- /dev/null\n+++ b/f.py\n@@ -0,0 +1 @@\n+x\n", "exists")
case(
    "diff new and empty", F, "diff --git a/e b/e\nnew file mode 100644\nindex 0000000..e69de29\n", {"e": b""}
)
case("diff delete", F, "--- a/f.py\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-a = 1\n-b = 2\n-c = 3\n", {"f.py": None})
case("diff delete of another content", F, "--- a/f.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-a = 1\n", "not_found")
GIT = "diff --git a/f.py b/g.py\nsimilarity index 90%\nrename from f.py\nrename to g.py\n"
case("diff rename", F, GIT, {"f.py": None, "g.py": AB})
case(
    "diff rename and change",
    F,
    GIT + "--- a/f.py\n+++ b/g.py\n@@ -2 +2 @@\n-b = 2\n+b = 3\n",
    {"f.py": None, "g.py": AB.replace(b"2", b"3")},
)
case("diff rename unsaid", F, "--- a/f.py\n+++ b/g.py\n@@ -2 +2 @@\n-b = 2\n+b = 3\n", "missing_file")
case(
    "diff two files",
    {**F, "g.py": b"g\n"},
    "--- a/f.py\n+++ b/f.py\n@@ -2 +2 @@\n-b = 2\n+b = 3\n--- a/g.py\n+++ b/g.py\n@@ -1 +1 @@\n-g\n+h\n",
    {"f.py": AB.replace(b"2", b"3"), "g.py": b"h\n"},
)
case(
    "diff in prose",
    F,
    "Here:\n```diff\n--- f.py\n+++ f.py\n@@\n-b = 2\n+b = 3\n```\nThat is all.\n",
    {"f.py": AB.replace(b"2", b"3")},
)
case("diff binary", F, "diff --git a/f.py b/f.py\nBinary files a/f.py and b/f.py differ\n", "unsupported")
case(
    "diff link",
    F,
    "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n",
    "unsupported",
)
# Paths.
for path, cause in {
    "../x.py": "path",
    "/etc/x.py": "path",
    "~/x.py": "path",
    "a/../x.py": "path",
    "file:///x": "path",
    "C:\\x": "path",
    ".git/config": "path",
    ".GIT/config": "path",
    "sub/.git/hooks/pre-commit": "path",
    ".g\u200cit/config": "path",
    ".git./config": "path",
    "GIT~1/config": "path",
    "a\x00b": "path",
    "n.ipynb": "notebook",
    "n.IPYNB": "notebook",
    "F.py": "path",
    "f.py/x": "path",
    "out/x.py": "path",
    "gitlink/config": "path",
    "x" * 5000: "path",
}.items():
    case(f"path {path[:20]!r}", F, json.dumps({"path": path, "old_string": "", "new_string": "x\n"}), cause)
case("no format", F, "Just words.", "malformed")
case("no json", F, '{"path": ', "malformed")
case("unknown key", F, '{"path": "f.py", "old_string": "a", "new_string": "b", "count": 1}', "malformed")
