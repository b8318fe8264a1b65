"""Writes the schema by which JupyterLab's settings editor shows the settings, from the models themselves.

``python -m codemad_jupyter.config.lab_schema`` writes the file, ``--check`` only compares and ends with 1
when it is out of date.
"""

import json
import sys
from pathlib import Path
from typing import Any

from codemad_jupyter.config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "labextension" / "schema" / "settings.json"
KEPT = (
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "items",
    "properties", "additionalProperties", "description", "default", "minItems", "maxItems", "pattern",
)  # fmt: skip
WORDS = {"openai": "OpenAI", "url": "URL", "api": "API", "litellm": "LiteLLM"}


def lab_schema() -> dict[str, Any]:
    """The schema of the plugin ``codemad-jupyter:settings``."""
    found = Settings.model_json_schema()
    definitions = found.get("$defs", {})
    fields = found["properties"].items()
    defaults = Settings.model_validate({}).model_dump(mode="json")
    return {
        "title": "CodeMAD: models, limits and privacy",
        "description": "Your own settings, kept in your config.toml: the same for the sidebar, the magics and"
        " the command line. What stands in the environment wins over them.",
        "jupyter.lab.setting-icon": "codemad-jupyter:logo",
        "jupyter.lab.setting-icon-label": "CodeMAD",
        "jupyter.lab.transform": True,
        "type": "object",
        "properties": {
            name: _with_titles({"title": title(name), **plain(field, definitions), "default": defaults[name]})
            for name, field in fields
        },
        "additionalProperties": False,
    }


def plain(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of one field without references, and with one list of types instead of alternatives."""
    if "$ref" in field:
        target = definitions[field["$ref"].rsplit("/", 1)[-1]]
        field = {**target, **{key: value for key, value in field.items() if key != "$ref"}}
    if "anyOf" in field:
        field = {**_joined(field["anyOf"], definitions), **field}
    kept = {key: field[key] for key in KEPT if key in field}
    if "description" in kept:  # a class's docstring, where backquotes mark what is code
        kept["description"] = kept["description"].replace("`", "")
    if isinstance(kept.get("items"), dict):
        kept["items"] = plain(kept["items"], definitions)
    if isinstance(kept.get("additionalProperties"), dict):
        kept["additionalProperties"] = plain(kept["additionalProperties"], definitions)
    if "properties" in kept:
        kept["properties"] = {
            name: {"title": title(name), **plain(value, definitions)}
            for name, value in kept["properties"].items()
        }
    return kept


def _with_titles(schema: Any) -> Any:
    """The schema with a title for each choice, which a settings editor can show and translate."""
    if isinstance(schema, list):
        return [_with_titles(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    choices = [
        {"const": each, "title": "none" if each is None else str(each) or "any"}
        for each in schema.get("enum", ())
    ]
    rest = {key: _with_titles(value) for key, value in schema.items() if key != "enum"}
    return {**rest, "oneOf": choices} if choices else rest


def title(name: str) -> str:
    """The name of a setting as a person reads it."""
    words = [WORDS.get(word, word) for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def _joined(options: list[dict[str, Any]], definitions: dict[str, Any]) -> dict[str, Any]:
    """One schema that allows what any of the options allows."""
    joined: dict[str, Any] = {}
    kinds: list[str] = []
    for option in (plain(option, definitions) for option in options):
        kind = option.pop("type", None)
        kinds += [each for each in (kind if isinstance(kind, list) else [kind]) if each and each not in kinds]
        if "const" in option:
            option["enum"] = [option.pop("const")]
        if "enum" in option:
            option["enum"] = [*joined.get("enum", ()), *option["enum"]]
        joined.update(option)
    if "enum" in joined and "null" in kinds:
        joined["enum"].append(None)
    return {**joined, "type": kinds if len(kinds) > 1 else kinds[0]} if kinds else joined


def text() -> str:
    """The file's content."""
    return json.dumps(lab_schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or with ``--check`` say that it is out of date."""
    is_fresh = FILE.exists() and FILE.read_text(encoding="utf-8") == text()
    if is_fresh:
        return 0
    name = FILE.relative_to(ROOT)
    if "--check" in arguments:
        sys.stderr.write(f"{name} is out of date: run python -m codemad_jupyter.config.lab_schema\n")
        return 1
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"wrote {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
