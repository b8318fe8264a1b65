"""Which language a path is in, by its name alone."""

from pathlib import PurePosixPath

SUFFIXES = {
    "python": ".py .pyi .pyw .pyx .pxd",
    "notebook": ".ipynb",
    "markdown": ".md .markdown .mdx .rmd .qmd .myst",
    "rest": ".rst",
    "r": ".r",
    "julia": ".jl",
    "sql": ".sql .ddl .hql",
    "javascript": ".js .mjs .cjs .jsx",
    "typescript": ".ts .mts .cts",
    "tsx": ".tsx",
    "c": ".c .h",
    "cpp": ".cpp .cc .cxx .c++ .hpp .hh .hxx .h++ .ipp .inl .cu .cuh",
    "java": ".java",
    "go": ".go",
    "rust": ".rs",
    "shell": ".sh .bash .zsh .ksh .bats",
}
NAMES = {
    ".bashrc": "shell",
    ".bash_profile": "shell",
    ".profile": "shell",
    ".zshrc": "shell",
    "snakefile": "python",
    "sconstruct": "python",
    "wscript": "python",
    ".rprofile": "r",
}
BY_SUFFIX = {suffix: name for name, suffixes in SUFFIXES.items() for suffix in suffixes.split()}
INTERPRETERS = {"python": "python", "bash": "shell", "sh": "shell", "zsh": "shell", "node": "javascript"}
INTERPRETERS |= {"rscript": "r", "julia": "julia"}
KERNELS = {"python": "python", "r": "r", "julia": "julia", "javascript": "javascript", "sql": "sql"}
KERNELS |= {
    "typescript": "typescript",
    "bash": "shell",
    "c++": "cpp",
    "go": "go",
    "rust": "rust",
    "java": "java",
}


def language_of(path: str, text: str = "") -> str:
    """The language of a file; "text" where none is known."""
    pure = PurePosixPath(path.lower())
    known = BY_SUFFIX.get(pure.suffix) or NAMES.get(pure.name)
    if known == "c" and pure.suffix == ".h" and _looks_like_cpp(text):
        return "cpp"
    if known or pure.suffix or not text.startswith("#!"):
        return known or "text"
    words = text[2:200].split("\n", 1)[0].replace("/", " ").split()
    return next((INTERPRETERS[word.rstrip("0123456789.")] for word in words[::-1] if _runs(word)), "text")


def _runs(word: str) -> bool:
    return word.rstrip("0123456789.") in INTERPRETERS


def _looks_like_cpp(text: str) -> bool:
    head = text[:20_000]
    return any(mark in head for mark in ("namespace ", "template", "class ", "public:", "::"))
