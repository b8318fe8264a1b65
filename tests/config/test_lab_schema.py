"""The settings that JupyterLab shows are those of the models."""

import json
from typing import Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from codemad_jupyter.config import lab_schema
from codemad_jupyter.config.settings import Settings


def test_the_schema_is_the_one_of_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert lab_schema.main(["--check"]) == 0, capsys.readouterr().err
    properties = json.loads(lab_schema.FILE.read_text(encoding="utf-8"))["properties"]
    assert list(properties) == list(Settings.model_fields)
    for name, schema in properties.items():
        assert schema["description"], name
        assert schema["title"], name
        assert "$ref" not in json.dumps(schema), name


def test_its_defaults_fit_and_nonsense_does_not() -> None:
    schema = lab_schema.lab_schema()
    defaults = {name: field["default"] for name, field in schema["properties"].items()}
    jsonschema.validate(defaults, schema)
    for wrong in ({"max_steps": 0}, {"data_level": "all"}, {"zzz": 1}, {"cost_limit": -1}, {"trial": "yes"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_tables_are_written_out() -> None:
    class Below(BaseModel):
        model: str | None = Field(None, description="A model.")
        kind: Literal["a", "b"] | None = None

    class Top(BaseModel):
        many: dict[str, Below] = Field(default_factory=dict, description="Tables.")
        one: Below | None = None

    found = Top.model_json_schema()
    many: Any = lab_schema.plain(found["properties"]["many"], found["$defs"])
    below = many["additionalProperties"]["properties"]
    assert below["model"] == {
        "title": "Model",
        "type": ["string", "null"],
        "description": "A model.",
        "default": None,
    }
    assert below["kind"]["enum"] == ["a", "b", None]
    one = lab_schema.plain(found["properties"]["one"], found["$defs"])
    assert one["type"] == ["object", "null"]
    assert set(one["properties"]) == {"model", "kind"}
