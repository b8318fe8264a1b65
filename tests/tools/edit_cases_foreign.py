"""More cases of the table: edits as other tools and their models write them, and the traps in them."""

import json

from tests.tools.edit_cases import AB, TWO, Files, case, diff, string, v4a

F: Files = {"f.py": AB}
DONE: dict[str, bytes | None] = {"f.py": AB.replace(b"b = 2", b"b = 3")}
SWAP = "<<<<<<< SEARCH\nb = 2\n=======\nb = 3\n>>>>>>> REPLACE\n"
V4A = "*** Begin Patch\n*** Update File: f.py\n@@\n-b = 2\n+b = 3\n*** End Patch\n"
TIME = " 2026-01-01 10:00:00 +0000"
HUNK = "@@ -1,3 +1,3 @@\n a = 1\n-b = 2\n+b = 3\n c = 3\n"
DIFF = f"--- a/f.py\n+++ b/f.py\n{HUNK}"
LONGER = DIFF.replace("1,3", "1,7")
OBJECT = {"path": "f.py", "old_string": "b = 2", "new_string": "b = 3"}

# One edit, told in many ways.
for label, text in {
    "v4a in a heredoc": f"apply_patch <<'EOF'\n{V4A}EOF\n",
    "v4a in a shell call": f"bash -lc 'apply_patch <<PATCH\n{V4A}PATCH'\n",
    "v4a in json": json.dumps({"input": V4A}),
    "v4a in a json command": json.dumps({"command": ["apply_patch", V4A]}),
    "v4a with an environment": V4A.replace("Patch\n***", "Patch\n*** Environment ID: local\n***", 1),
    "v4a with crlf": V4A.replace("\n", "\r\n"),
    "v4a with blanks around its ends": V4A.replace("*** Begin Patch", "  *** Begin Patch  "),
    "v4a, dot path": V4A.replace("f.py", "./f.py"),
    "v4a, a line of blanks before the end": V4A.replace("*** End", "\n*** End"),
    "block with a tag above": f"<path>f.py</path>\n<diff>\n{SWAP}</diff>",
    "block with a comment above": f"// f.py\n{SWAP}",
    "block with a colon": f"f.py:\n```python\n{SWAP}```",
    "block with a numbered head": SWAP.replace("SEARCH\n", "SEARCH\n:start_line:2\n-------\n").join(
        ["f.py\n", ""]
    ),
    "block with two numbers": SWAP.replace("SEARCH\n", "SEARCH\n:start_line:2\n:end_line:2\n-------\n").join(
        ["f.py\n", ""]
    ),
    "block in tildes": f"f.py\n~~~python\n{SWAP}~~~",
    "block in four ticks": f"````python f.py\n{SWAP}````",
    "block after prose with a list": f"I will:\n- change `b`\n- nothing else\n\nf.py\n{SWAP}\nThat's it.",
    "block padded with empty lines": "f.py\n<<<<<<< SEARCH\n\nb = 2\n\n=======\n\nb = 3\n\n>>>>>>> REPLACE\n",
    "block elided": (
        "f.py\n<<<<<<< SEARCH\na = 1\nb = 2\n...\nc = 3\n=======\na = 1\nb = 3\n...\nc = 3\n>>>>>>> REPLACE"
    ),
    "json in a fence": f"```json\n{json.dumps(OBJECT)}\n```",
    "json in a fence in prose": f"Here you are:\n\n```json\n{json.dumps(OBJECT, indent=2)}\n```\nDone.",
    "json with camel case": json.dumps({"filePath": "f.py", "oldString": "b = 2", "newString": "b = 3"}),
    "json with a command": json.dumps(
        {"command": "str_replace", "path": "f.py", "old_str": "b = 2", "new_str": "b = 3"}
    ),
    "json with unicode escapes": '{"path": "f.py", "old_string": "b \\u003d 2", "new_string": "b \\u003d 3"}',
    "json without replace_all": json.dumps({**OBJECT, "replaceAll": None}),
    "json, short names in edits": json.dumps({"path": "f.py", "edits": [{"old": "b = 2", "new": "b = 3"}]}),
    "json in a list": json.dumps([OBJECT]),
    "diff with times": f"--- a/f.py\t2026-01-01 10:00:00.000000000 +0000\n+++ b/f.py\t2026-01-01\n{HUNK}",
    "diff with times after blanks": f"--- f.py{TIME}\n+++ f.py{TIME}\n{HUNK}",
    "diff without prefixes": f"diff --git f.py f.py\nindex 1..2 100644\n--- f.py\n+++ f.py\n{HUNK}",
    "diff with other prefixes": f"diff --git i/f.py w/f.py\n--- i/f.py\n+++ w/f.py\n{HUNK}",
    "diff with crlf": DIFF.replace("\n", "\r\n"),
    "diff with wrong counts": DIFF.replace("-1,3 +1,3", "-1,9 +1,2"),
    "diff with wrong lines": DIFF.replace("-1,3 +1,3", "-900,3 +901,3"),
    "diff with a heading": DIFF.replace("@@\n", "@@ def nothing_of_the_kind():\n", 1),
    "diff with dots for numbers": DIFF.replace("-1,3 +1,3", "..."),
    "diff as a mail": (
        "From 1a2b Mon Sep 17 00:00:00 2001\nFrom: A <a@b>\nSubject: [PATCH] x\n\n---\n f.py | 2 +-\n"
        f" 1 file changed, 1 insertion(+), 1 deletion(-)\n\ndiff --git a/f.py b/f.py\n{DIFF}-- \n2.43.0\n\n"
    ),
    "diff as a mail with wrong counts": f"diff --git a/f.py b/f.py\n{LONGER}-- \n2.43.0\n\n",
    "diff after an index": f"Index: f.py\n{'=' * 67}\n{DIFF}",
    "diff of an original": f"--- f.py.orig\n+++ f.py\n{HUNK}",
    "diff in json": json.dumps({"patch": DIFF}),
    "diff in a fence": f"```diff\n{DIFF}```",
    "diff with quoted names": f'diff --git "a/f.py" "b/f.py"\n--- "a/f.py"\n+++ "b/f.py"\n{HUNK}',
}.items():
    case(f"told: {label}", F, text, DONE)

# What must not be mistaken for something else.
case(
    "auto: a block about a patch",
    {"f.md": b"*** Begin Patch\nx\n"},
    "f.md\n<<<<<<< SEARCH\n*** Begin Patch\nx\n=======\n*** Begin Patch\ny\n>>>>>>> REPLACE",
    {"f.md": b"*** Begin Patch\ny\n"},
)
case(
    "auto: a block about a diff",
    {"f.md": b"--- a/x\n+++ b/x\n@@\n"},
    "f.md\n<<<<<<< SEARCH\n--- a/x\n+++ b/x\n@@\n=======\n--- a/y\n+++ b/y\n@@\n>>>>>>> REPLACE",
    {"f.md": b"--- a/y\n+++ b/y\n@@\n"},
)
case(
    "auto: a diff about a block",
    {"f.md": b"<<<<<<< SEARCH\nx\n"},
    "--- a/f.md\n+++ b/f.md\n@@ -1,2 +1,2 @@\n <<<<<<< SEARCH\n-x\n+y\n",
    {"f.md": b"<<<<<<< SEARCH\ny\n"},
)
case(
    "auto: a patch about a diff",
    {"f.md": b"--- a/x\n+++ b/x\n"},
    "*** Begin Patch\n*** Update File: f.md\n@@\n --- a/x\n-+++ b/x\n+++++ b/y\n*** End Patch",
    {"f.md": b"--- a/x\n++++ b/y\n"},
)
case(
    "auto: a block in a json file",
    {"f.json": b'{"a": 1}\n'},
    'f.json\n```json\n<<<<<<< SEARCH\n{"a": 1}\n=======\n{"a": 2}\n>>>>>>> REPLACE\n```',
    {"f.json": b'{"a": 2}\n'},
)
case("auto: prose that begins with a bracket", F, f"[f.py](f.py) changes:\n\nf.py\n{SWAP}", DONE)
case("auto: conflict markers alone", F, "<<<<<<< HEAD\nb = 2\n=======\nb = 3\n>>>>>>> topic\n", "malformed")
case("auto: nothing", F, "", "malformed")
case("auto: only blanks", F, " \n\n", "malformed")
case(
    "auto: a combined diff",
    F,
    "diff --cc f.py\n--- a/f.py\n+++ b/f.py\n@@@ -1 -1 +1 @@@\n- b = 2\n++b = 3\n",
    "malformed",
)
case(
    "auto: a context diff",
    F,
    "*** f.py\n--- f.py\n***************\n*** 2 ****\n! b = 2\n--- 2 ----\n! b = 3\n",
    "malformed",
)
case("json: two names for one text", F, json.dumps({**OBJECT, "old": "c = 3"}), "malformed")
case(
    "json: one name twice",
    F,
    '{"path": "f.py", "path": "g.py", "old_string": "b = 2", "new_string": "x"}',
    "malformed",
)
case("json: two paths", F, json.dumps({**OBJECT, "file_path": "g.py"}), "malformed")
case(
    "json: half a surrogate",
    F,
    '{"path": "f.py", "old_string": "b = 2", "new_string": "\\ud83d"}',
    "encoding",
)
case(
    "json: half a surrogate in the path",
    F,
    '{"path": "\\ud83d.py", "old_string": "", "new_string": "x"}',
    "path",
)
case(
    "json: a whole pair",
    F,
    '{"path": "f.py", "old_string": "b = 2", "new_string": "\\ud83d\\ude00"}',
    {"f.py": AB.replace(b"b = 2", "\U0001f600".encode())},
)
case(
    "json: create", F, json.dumps({"command": "create", "path": "n.py", "file_text": "x\n"}), {"n.py": b"x\n"}
)
case("json: view", F, json.dumps({"command": "view", "path": "f.py"}), "malformed")
case("json: replace_all is a word", F, json.dumps({**OBJECT, "replace_all": "yes"}), "malformed")
case("json: no edits", F, json.dumps({"path": "f.py", "edits": []}), "malformed")
case("json: deep", F, "[" * 100_000, "malformed")

# Files: renames, deletes, modes, names.
G = "diff --git a/f.py b/sub/g h.py\nsimilarity index 100%\nrename from f.py\nrename to sub/g h.py\n"
case("git: rename with blanks", F, G, {"f.py": None, "sub/g h.py": AB})
case("git: rename two, one is missing", F, G + G.replace("f.py", "x.py").replace("g h", "i"), "missing_file")
case(
    "git: delete",
    F,
    "diff --git a/f.py b/f.py\ndeleted file mode 100644\nindex 1..0\n--- a/f.py\n+++ /dev/null\n"
    "@@ -1,3 +0,0 @@\n-a = 1\n-b = 2\n-c = 3\n",
    {"f.py": None},
)
case(
    "git: delete an empty file",
    {"e": b""},
    "diff --git a/e b/e\ndeleted file mode 100644\nindex e69..0\n",
    {"e": None},
)
case(
    "git: octal name",
    {"d\u00e9j\u00e0.py": b"x\n"},
    'diff --git "a/d\\303\\251j\\303\\240.py" "b/d\\303\\251j\\303\\240.py"\n'
    '--- "a/d\\303\\251j\\303\\240.py"\n'
    '+++ "b/d\\303\\251j\\303\\240.py"\n@@ -1 +1 @@\n-x\n+y\n',
    {"d\u00e9j\u00e0.py": b"y\n"},
)
case(
    "git: rename to an octal name",
    F,
    'diff --git a/f.py "b/\\303\\251.py"\nrename from f.py\nrename to "\\303\\251.py"\n',
    {"f.py": None, "\u00e9.py": AB},
)
case(
    "git: new file without /dev/null",
    F,
    "--- n.py\t1970-01-01 00:00:00 +0000\n+++ n.py\t2026-01-01 00:00:00 +0000\n@@ -0,0 +1,2 @@\n+x\n+y\n",
    {"n.py": b"x\ny\n"},
)
case("git: new file that exists", F, "--- f.py\n+++ f.py\n@@ -0,0 +1 @@\n+x\n", "exists")
case("git: copy", F, "diff --git a/f.py b/g.py\ncopy from f.py\ncopy to g.py\n", "unsupported")
case(
    "git: submodule",
    F,
    "diff --git a/m b/m\nnew file mode 160000\n--- /dev/null\n+++ b/m\n@@ -0,0 +1 @@\n+Sub 1\n",
    "unsupported",
)
case("git: becomes a link", F, "diff --git a/f.py b/f.py\nold mode 100644\nnew mode 120000\n", "unsupported")
case(
    "git: several files",
    {**F, "g.py": b"g\n", "h.py": b"h\n"},
    f"diff --git a/f.py b/f.py\n{DIFF}diff --git a/g.py b/g.py\ndeleted file mode 100644\n"
    "--- a/g.py\n+++ /dev/null\n"
    "@@ -1 +0,0 @@\n-g\ndiff --git a/h.py b/i.py\nsimilarity index 100%\nrename from h.py\nrename to i.py\n"
    "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+n\n",
    {**DONE, "g.py": None, "h.py": None, "i.py": b"h\n", "n": b"n\n"},
)
case(
    "git: a deleted file holds more",
    F,
    "--- a/f.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a = 1\n-b = 2\n",
    "not_found",
)
case(
    "v4a: rewrite by delete and add",
    F,
    "*** Begin Patch\n*** Delete File: f.py\n*** Add File: f.py\n+z\n*** End Patch",
    {"f.py": b"z\n"},
)
case(
    "v4a: delete and go on to use it",
    F,
    "*** Begin Patch\n*** Delete File: f.py\n*** Update File: f.py\n-b = 2\n+x\n*** End Patch",
    "missing_file",
)
case("v4a: add an empty file", F, "*** Begin Patch\n*** Add File: e.py\n*** End Patch", {"e.py": b""})
case(
    "v4a: move, then change it there",
    F,
    "*** Begin Patch\n*** Update File: f.py\n*** Move to: g.py\n*** Update File: g.py\n"
    "@@\n-b = 2\n+b = 3\n*** End Patch",
    {"f.py": None, "g.py": DONE["f.py"]},
)
case(
    "v4a: move out", F, "*** Begin Patch\n*** Update File: f.py\n*** Move to: ../g.py\n*** End Patch", "path"
)
case(
    "v4a: move through a link",
    F,
    "*** Begin Patch\n*** Update File: f.py\n*** Move to: out/g.py\n*** End Patch",
    "path",
)
case(
    "v4a: move into git",
    F,
    "*** Begin Patch\n*** Update File: f.py\n*** Move to: .Git/g.py\n*** End Patch",
    "path",
)
case(
    "v4a: move to another case",
    F,
    "*** Begin Patch\n*** Update File: f.py\n*** Move to: F.py\n*** End Patch",
    {"f.py": None, "F.py": AB},
)
case("v4a: a folder by another case", F, "*** Begin Patch\n*** Add File: OUT/g.py\n+x\n*** End Patch", "path")
case(
    "v4a: another writing of a name",
    {"\u00e9.py": b"x\n"},
    "*** Begin Patch\n*** Add File: e\u0301.py\n+x\n*** End Patch",
    "path",
)
case("v4a: delete a link", F, "*** Begin Patch\n*** Delete File: out\n*** End Patch", "path")
case("v4a: cut off", F, "*** Begin Patch\n*** Update File: f.py\n@@\n-b = 2\n+b", "malformed")
case(
    "block: in a new folder",
    F,
    "a/b/c.py\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE\n",
    {"a/b/c.py": b"x\n"},
)
case(
    "block: an empty file is filled",
    {"e.py": b""},
    "e.py\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE\n",
    {"e.py": b"x\n"},
)
case("block: a name without a suffix", {"run": b"b = 2\n"}, f"run\n{SWAP}", {"run": b"b = 3\n"})
case("block: several files, one fails", {**F, "g.py": b"g\n"}, f"f.py\n{SWAP}\ng.py\n{SWAP}", "not_found")
case(
    "block: the second sees the first",
    F,
    f"f.py\n{SWAP}<<<<<<< SEARCH\nb = 3\n=======\nb = 4\n>>>>>>> REPLACE\n",
    {"f.py": AB.replace(b"b = 2", b"b = 4")},
)
case("block: an unfinished second", F, f"f.py\n{SWAP}<<<<<<< SEARCH\nb = 3\n=======\nb = 4\n", "malformed")
case("block: no divider", F, "f.py\n<<<<<<< SEARCH\nb = 2\n>>>>>>> REPLACE\n", "malformed")

# Headings and ends of files.
v4a("heading cut short", TWO, "@@ class B\n-        return 1\n+        return 2\n", TWO[:-2] + b"2\n")
v4a("heading cut within a word", TWO, "@@ clas\n-        return 1\n+        return 2\n", "not_found")
BASES = b"class A(Base):\n    x = 1\n\nclass AB:\n    x = 1\n"
v4a("heading without its bases", BASES, "@@ class A\n-    x = 1\n+    x = 2\n", BASES.replace(b"1", b"2", 1))
v4a(
    "headings stacked and cut",
    TWO,
    "@@ class B\n@@ def f\n-        return 1\n+        return 2\n",
    TWO[:-2] + b"2\n",
)
v4a("end of file of two alike", b"x\n\nx\n", "@@\n-x\n+z\n*** End of File\n", b"x\n\nz\n")
v4a("empty lines of context", b"a\n\n\nb\n", "@@\n a\n\n\n-b\n+c\n", b"a\n\n\nc\n")
v4a("tabs", b"if x:\n\ty\n", "@@\n if x:\n-\ty\n+\tz\n", b"if x:\n\tz\n")
v4a(
    "curly in the file",
    "s = \u2018a\u2019\nt\n".encode(),
    "@@\n s = 'a'\n-t\n+u\n",
    "s = \u2018a\u2019\nu\n".encode(),
)
v4a("all lines go", AB, "@@\n-a = 1\n-b = 2\n-c = 3\n", b"")
v4a("a line of pluses", b"a\n", "@@\n a\n++++\n", b"a\n+++\n")
v4a("a heading that looks like a range", AB, "@@ -1,3 +1,3 @@\n a = 1\n-b = 2\n+b = 3\n", DONE["f.py"] or b"")
diff(
    "two hunks, wrong lines",
    AB,
    "@@ -9 +9 @@\n-a = 1\n+a = 5\n@@ -1 +1 @@\n-c = 3\n+c = 6\n",
    b"a = 5\nb = 2\nc = 6\n",
)
diff("stray line cuts a hunk", AB, "@@ -1,9 +1,9 @@\n-a = 1\n+a = 5\nb = 2\n-c = 3\n+c = 6\n", "malformed")
diff("empty context lines", b"a\n\nb\n", "@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n", b"a\n\nc\n")
diff("an empty line goes", b"a\n\nb\n", "@@ -1,3 +1,2 @@\n a\n-\n b\n", b"a\nb\n")
diff("adds at the start", AB, "@@ -1,1 +1,2 @@\n+z\n a = 1\n", b"z\n" + AB)
diff("adds at the end", AB, "@@ -3 +3,2 @@\n c = 3\n+d\n", AB + b"d\n")
diff("lines that look like a header", b"a\n-- x\n", "@@ -1,2 +1,2 @@\n a\n--- x\n++- y\n", b"a\n+- y\n")
diff("crlf file, crlf diff", b"a\r\nb\r\n", "@@ -1,2 +1,2 @@\r\n a\r\n-b\r\n+c\r\n", b"a\r\nc\r\n")
diff("applied already", AB.replace(b"2", b"3"), HUNK, "already_applied")
diff("hunk of context alone", AB, "@@ -1,2 +1,2 @@\n a = 1\n b = 2\n", "malformed")

# Blanks, tabs, quotes, Unicode.
string("tab for blanks inside a line", b"a\t= 1\n", "a = 1", "a = 2", "not_found")
string(
    "tabs shifted",
    b"class A:\n\tdef f():\n\t\tx\n\t\ty\n",
    "def f():\n\tx\n\ty",
    "def f():\n\tx\n\tz",
    b"class A:\n\tdef f():\n\t\tx\n\t\tz\n",
)
string("mixed tabs and blanks", b"\tif x:\n\t    y\n", "if x:\n    y", "if x:\n    z", b"\tif x:\n\t    z\n")
string("zero width is no blank", "a\u200b = 1\n".encode(), "a = 1", "a = 2", "not_found")
string("soft hyphen is no hyphen", "a\u00adb\n".encode(), "a-b", "c", "not_found")
string("combined accents are not folded", "e\u0301 = 1\n".encode(), "\u00e9 = 1", "x", "not_found")
string("full width is not folded", "\uff41 = 1\n".encode(), "a = 1", "x", "not_found")
string(
    "low quotes",
    "x = \u201ea\u201d\ny\n".encode(),
    'x = "a"\ny',
    'x = "a"\nz',
    "x = \u201ea\u201d\nz\n".encode(),
)
string("narrow no-break", "1\u202f000\ny\n".encode(), "1 000\ny", "1 000\nz", "1\u202f000\nz\n".encode())
string("minus sign", "x \u2212 1\ny\n".encode(), "x - 1\ny", "x - 1\nz", "x \u2212 1\nz\n".encode())
string(
    "all places with odd ones",
    "\u2019a\u2019\nb\n\u2019a\u2019\n".encode(),
    "'a'",
    "c",
    b"c\nb\nc\n",
    every=True,
)
string(
    "all places, exact ones first",
    "'a'\n\u2019a\u2019\n".encode(),
    "'a'",
    "c",
    "c\n\u2019a\u2019\n".encode(),
    every=True,
)
string("all places, overlapping blocks", b"x \n" * 5, "x\nx\n", "y\n", b"y\ny\nx \n", every=True)
string("all places, overlapping text", b"aaaaa\n", "aa", "b", b"bba\n", every=True)
string("all places, crlf", b"a\r\nb\r\na\r\n", "a", "c\nd", b"c\r\nd\r\nb\r\nc\r\nd\r\n", every=True)
string("all places, none", AB, "zz", "y", "not_found", every=True)
string("all places, last line without end", b"a\nb\na", "a", "c", b"c\nb\nc", every=True)
string(
    "all places shifted",
    b"if x:\n    a\n    b\nelse:\n    a\n    b\n",
    "a \nb",
    "c\nd",
    b"if x:\n    c\n    d\nelse:\n    c\n    d\n",
    every=True,
)
string("quotes of code", b'print("it\'s")\n', 'print("it\'s")', "print('it\\'s')", b"print('it\\'s')\n")
string("escape of a tab", b"s = '\\t'\n", "s = '\t'", "x", "not_found")
string("nul in the new text", AB, "b = 2", "b = \0", "encoding")
string("padded with an empty line", AB, "\nb = 2\nc = 3\n", "\nb = 3\nc = 3\n", b"a = 1\nb = 3\nc = 3\n")
string("padding alone is no place", b"a\n\nb\n", "\n\n\n", "x\n", "not_found")
LONG = b"".join(b"line %d  \n" % n for n in range(700))
SAID = "".join(f"line {n}\n" for n in range(700))
string(
    "a long block keeps its other lines",
    LONG,
    SAID,
    SAID.replace("line 5\n", "new 5\n").replace("line 690\n", "new 690\n"),
    LONG.replace(b"line 5  \n", b"new 5\n").replace(b"line 690  \n", b"new 690\n"),
)

# Cells of notebooks.
NOTEBOOK = (
    b'{\r\n  "cells": [\r\n    {"cell_type": "code", "id": "one", "metadata": {"z": 1, "a": "\\u00e9"},\r\n'
    b'      "outputs": [], "execution_count": 1, "source": ["x = 1\\n", "y = 2"]}],\r\n'
    b'  "metadata": {}, "nbformat": 4, "nbformat_minor": 5\r\n}'
)
NB = (
    json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "execution_count": 1,
                    "id": "one",
                    "metadata": {"k": "\u00e9"},
                    "outputs": [{"name": "stdout", "output_type": "stream", "text": ["1\n"]}],
                    "source": ["x = 1\n", "y = 2"],
                },
                {"cell_type": "markdown", "id": "two", "metadata": {}, "source": "# x = 1"},
            ],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        },
        indent=1,
        ensure_ascii=False,
    ).encode()
    + b"\n"
)
N: Files = {"n.ipynb": NB}
CELL = "n.ipynb#one\n<<<<<<< SEARCH\ny = 2\n=======\ny = 3\nz\n>>>>>>> REPLACE\n"
case("cell: block", N, CELL, {"n.ipynb": NB.replace(b'"y = 2"', b'"y = 3\\n",\n    "z"')})
case(
    "cell: json",
    N,
    json.dumps({"path": "n.ipynb#two", "old_string": "x = 1", "new_string": "x = 2"}),
    {"n.ipynb": NB.replace(b'"# x = 1"', b'"# x = 2"')},
)
case(
    "cell: two cells of one notebook",
    N,
    "*** Begin Patch\n*** Update File: n.ipynb#one\n@@\n-y = 2\n+y = 4\n"
    "*** Update File: n.ipynb#two\n@@\n-# x = 1\n+# y\n*** End Patch",
    {"n.ipynb": NB.replace(b'"y = 2"', b'"y = 4"').replace(b'"# x = 1"', b'"# y"')},
)
case(
    "cell: a text of both cells is looked for in one",
    N,
    json.dumps({"path": "n.ipynb#one", "old_string": "x = 1", "new_string": "x = 5"}),
    {"n.ipynb": NB.replace(b'"x = 1\\n"', b'"x = 5\\n"')},
)
case("cell: unknown", N, CELL.replace("#one", "#onne"), "missing_file")
case("cell: not there", N, CELL.replace("y = 2", "y = 7"), "not_found")
case("cell: one of two fails", N, CELL + CELL.replace("#one", "#two"), "not_found")
case(
    "cell: cannot be added by a patch",
    N,
    "*** Begin Patch\n*** Add File: n.ipynb#new\n+x\n*** End Patch",
    "unsupported",
)
case(
    "cell: cannot be moved by a patch",
    N,
    "*** Begin Patch\n*** Update File: n.ipynb#one\n*** Move to: n.ipynb#x\n*** End Patch",
    "unsupported",
)
case("cell: of a notebook outside", N, CELL.replace("n.ipynb", "../n.ipynb"), "path")
case("cell: of a broken notebook", {"n.ipynb": b"{"}, CELL, "notebook")
case("cell: of a notebook with conflict markers", {"n.ipynb": b"<<<<<<< HEAD\n" + NB}, CELL, "notebook")
case("cell: of no notebook", F, CELL, "notebook")
