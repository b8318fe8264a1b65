"""Owns which files of a folder are looked at: ignore rules, secrets, binaries, sizes and odd files.

Links are never followed and nothing but regular files is opened, so that loops, pipes, devices and
links out of the folder cost nothing. What a file holds is left to `chunking`.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_SKIPPED = """
.git .hg .svn .jj node_modules bower_components __pycache__ .venv venv .ipynb_checkpoints .mypy_cache
.ruff_cache .pytest_cache .hypothesis .tox .nox .cache .eggs .yarn .gradle .terraform .virtual_documents
.codemad .idea site-packages
"""
SKIPPED = frozenset(_SKIPPED.split())
SECRET = re.compile(
    r"""^\.env($|\.(?!example$|sample$|template$|dist$))|^\.envrc$|\.env$
    |\.(pem|key|p12|pfx|kdbx|jks|keystore|ppk|asc|gpg|age|ovpn|tfstate|tfvars)(\.backup|\.bak)?$
    |^id_(rsa|dsa|ecdsa|ed25519)|^\.?(netrc|pgpass|htpasswd|npmrc|pypirc|git-credentials|dockercfg)$|^_netrc$
    |^(credentials|secrets?|service[-_]account.*)(\.(json|ya?ml|toml|ini|txt|env|cfg))?$|^client_secret.*\.json$
    |^kubeconfig$|^jupyter_.*cookie_secret$""",
    re.IGNORECASE | re.VERBOSE,
)
SECRET_FOLDERS = frozenset({".ssh", ".aws", ".gnupg", ".azure", ".kube", ".docker"})
_BINARY = """
.png .jpg .jpeg .gif .bmp .ico .icns .webp .tif .tiff .psd .pdf .ps .eps .mp3 .mp4 .wav .ogg .flac .avi
.mov .mkv .webm .zip .gz .tgz .bz2 .xz .zst .7z .rar .tar .whl .egg .jar .war .class .o .a .so .dylib .dll
.exe .bin .dat .pyc .pyo .pyd .wasm .ttf .otf .woff .woff2 .eot .parquet .feather .arrow .npy .npz .pkl
.pickle .joblib .h5 .hdf5 .nc .mat .rds .rda .rdata .sav .dta .xls .xlsx .doc .docx .ppt .pptx .odt .sqlite
.sqlite3 .db .duckdb .mdb .onnx .pt .pth .safetensors .ckpt .pb .tflite .gguf .mo .po .pot .iso .img .dmg
.deb .rpm .swp .lock .map .snap
"""
BINARY = frozenset(_BINARY.split())
BEYOND = "beyond the number of files that are indexed"
DEEPEST = 150
IGNORE_FILES = (".gitignore", ".codemadignore")


class Entry(NamedTuple):
    """A file to index: its POSIX path below the root, and what tells that it has changed."""

    path: str
    size: int
    mtime: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes up to which files are read, how many files are indexed, and at how many names is looked."""

    text: int = 1_000_000
    notebook: int = 20_000_000
    files: int = 200_000
    visited: int = 2_000_000


@dataclass(slots=True)
class Skips:
    """Why files were left out, counted, with some of their paths."""

    counts: Counter[str] = field(default_factory=Counter)
    paths: list[tuple[str, str]] = field(default_factory=list)

    def add(self, path: str, reason: str) -> None:
        self.counts[reason] += 1
        if len(self.paths) < 50:
            self.paths.append((path, reason))


class Rules:
    """The ignore rules of a folder: those of git and `.codemadignore`, each folder's own for what is below.

    As with git, the rule that comes last wins and a deeper file comes after the ones above it; a file
    below an ignored folder cannot be taken back in.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._specs: dict[str, tuple[tuple[str, GitIgnoreSpec], ...]] = {}

    def below(self, folder: str) -> tuple[tuple[str, GitIgnoreSpec], ...]:
        """The rule files that count in a folder (POSIX path, "" for the root), outermost first."""
        known = self._specs.get(folder)
        if known is None:
            above = self.below(_parent(folder)) if folder else self._outermost()
            place = f"{self._root}/{folder}" if folder else f"{self._root}"
            own = (_spec(f"{place}/{name}") for name in IGNORE_FILES)
            known = (*above, *((folder, spec) for spec in own if spec is not None))
            self._specs[folder] = known
        return known

    def ignored(self, path: str, *, folder: bool) -> bool:
        """Whether a rule leaves this one path out; its parents are looked at by who walks."""
        verdict = False
        for base, spec in self.below(_parent(path)):
            inner = path[len(base) + 1 :] if base else path
            found = spec.check_file(f"{inner}/" if folder else inner).include
            verdict = verdict if found is None else found
        return verdict

    def _outermost(self) -> tuple[tuple[str, GitIgnoreSpec], ...]:
        spec = _spec(f"{self._root}/.git/info/exclude")
        return () if spec is None else (("", spec),)


def _spec(path: str) -> GitIgnoreSpec | None:
    """The rules of a file; none where it is no regular file, too large, or not to be read.

    Each folder is asked for some: a `Path` for each would take as long as all the rest of a walk.
    """
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_size > 200_000:
            return None
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    from pathspec import GitIgnoreSpec

    written = [line for line in lines if line.strip() and not line.startswith("#")]
    return GitIgnoreSpec.from_lines(written) if written else None


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def walk_files(root: Path, *, limits: Limits | None = None, skips: Skips | None = None) -> Iterator[Entry]:
    """The files to index below the root, in a fixed order, without a step out of it."""
    skips = Skips() if skips is None else skips
    limits = limits or Limits()
    rules = Rules(root)
    pending = [""]
    visited = given = 0
    while pending:
        folder = pending.pop()
        folders: list[str] = []
        for name in _listing(f"{root}/{folder}", folder, skips):
            visited += 1
            path = f"{folder}/{name}" if folder else name
            found = _state(root, path, skips)
            if found is None:
                continue
            if stat.S_ISDIR(found.st_mode):
                if _wanted_folder(path, rules, skips):
                    folders.append(path)
            elif _taken(path, found, rules, limits, skips):
                given += 1
                yield Entry(path, found.st_size, found.st_mtime_ns)
            if given >= limits.files or visited >= limits.visited:
                skips.add(path, BEYOND)
                return
        pending += reversed(folders)


def list_paths(root: Path, *, limit: int = 20_000) -> Iterator[str]:
    """POSIX paths of all files below the root, but for the folders of tools and caches."""
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names):
            count += 1
            if count > limit:
                return
            yield (Path(folder) / name).relative_to(root).as_posix()


def look_at(root: Path, path: str, *, rules: Rules, limits: Limits | None = None) -> Entry | None:
    """One path as a walk would give it; None where it would be left out or is not there."""
    parts = PurePosixPath(path).parts
    skips = Skips()
    if not parts or ".." in parts:
        return None
    for depth in range(1, len(parts)):
        folder = "/".join(parts[:depth])
        try:
            real = stat.S_ISDIR((root / folder).lstat().st_mode)
        except OSError:
            return None
        if not real or not _wanted_folder(folder, rules, skips):
            return None
    try:
        found = (root / path).lstat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode) or _refused(path, found.st_size, rules, limits or Limits()):
        return None
    return Entry(path, found.st_size, found.st_mtime_ns)


def _listing(folder: str, path: str, skips: Skips) -> list[str]:
    """The names in a folder, and nothing else of them: a folder may have a million."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - which makes a Path of each
    except OSError as error:
        skips.add(path, f"cannot be listed ({error.strerror})")
        return []


def _wanted_folder(path: str, rules: Rules, skips: Skips) -> bool:
    name = path.rpartition("/")[2]
    if name in SKIPPED or name.endswith(".egg-info"):
        return False
    if name in SECRET_FOLDERS:
        skips.add(path, "holds secrets")
    elif path.count("/") >= DEEPEST:
        skips.add(path, "too deep")
    elif rules.ignored(path, folder=True):
        skips.add(path, "ignored")
    else:
        return True
    return False


def _state(root: Path, path: str, skips: Skips) -> os.stat_result | None:
    try:
        return os.lstat(f"{root}/{path}")
    except OSError as error:
        skips.add(path, f"cannot be looked at ({error.strerror})")
        return None


def _taken(path: str, found: os.stat_result, rules: Rules, limits: Limits, skips: Skips) -> bool:
    if not stat.S_ISREG(found.st_mode):
        reason = "a link" if stat.S_ISLNK(found.st_mode) else "no regular file"
    else:
        reason = _refused(path, found.st_size, rules, limits)
    if reason:
        skips.add(path, reason)
    return not reason


def _refused(path: str, size: int, rules: Rules, limits: Limits) -> str:
    """Why a file is left out, "" where it is not."""
    name = path.rpartition("/")[2]
    suffix = posixpath.splitext(name)[1].lower()
    if size == 0:
        return "empty"
    if name == ".git":
        return "names where the history of a work tree is"
    if SECRET.search(name):
        return "looks like a file of secrets"
    if suffix in BINARY or name.endswith((".min.js", ".min.css")):
        return "binary or generated"
    if size > (limits.notebook if suffix == ".ipynb" else limits.text):
        return "too large"
    if not _encodable(path):
        return "its name is no text"
    return "ignored" if rules.ignored(path, folder=False) else ""


def _encodable(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_text(path: Path, *, limit: int) -> str | None:
    """The text of a regular file; None where it is binary, has grown, is gone or became a link."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        raw = file.read(limit + 1)
    if len(raw) > limit or b"\0" in raw[:8192]:
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _latin(raw)


def _latin(raw: bytes) -> str | None:
    """Text of an old encoding is worth finding; what is mostly no text at all is not."""
    text = raw.decode("latin-1")
    odd = sum(1 for letter in text[:4000] if letter < " " and letter not in "\t\n\r\f")
    return text if odd * 50 < len(text[:4000]) else None
