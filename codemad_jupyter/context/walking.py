"""Owns which files of a folder are looked at: no secrets, binaries, huge or odd files, nothing ignored.

Links are never followed and nothing but regular files is opened, so that loops, pipes, devices and
links out of the folder cost nothing. Ignore rules are left to `ignoring`, what a file holds to `chunking`.
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
from typing import NamedTuple

from codemad_jupyter.context.ignoring import Rules

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
