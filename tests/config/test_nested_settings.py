"""Settings in tables: merged key by key, each with its origin and line, checked where they stand."""

import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from codemad_jupyter.config.fields import checked, description, known, matches
from codemad_jupyter.config.layers import expanded
from codemad_jupyter.config.project import used_providers
from codemad_jupyter.config.toml_files import (
    Given,
    change,
    dotted,
    from_file,
    leaves,
    line_of,
    nested,
    read_key,
    read_value,
)
from codemad_jupyter.protocol.errors import UsageError


class Below(BaseModel):
    model_config = ConfigDict(extra="forbid")
    model: str | None = Field(None, description="A model's name.")
    limit: int = Field(5, ge=1, description="A whole number, 1 or more.")


class Top(BaseModel):
    model_config = ConfigDict(extra="forbid")
    plain: int = Field(1, description="A number.")
    one: Below | None = Field(None, description="One table.")
    many: dict[str, Below] = Field(default_factory=dict, description="Tables by name.")


def test_tables_are_taken_apart_and_put_together() -> None:
    tables = {"a": 1, "b": {"c": {"d": 2}, "e": [{"f": 3}]}, "empty": {}}
    flat = dict(leaves(tables))
    assert flat == {("a",): 1, ("b", "c", "d"): 2, ("b", "e"): [{"f": 3}], ("empty",): {}}
    assert nested(flat) == tables


@pytest.mark.parametrize(
    ("text", "key"),
    [("a", ("a",)), ("a.b.c", ("a", "b", "c")), ('a."b.c"', ("a", "b.c")), (" a . b ", ("a", "b"))],
)
def test_keys_are_read_as_in_toml(text: str, key: tuple[str, ...]) -> None:
    assert read_key(text) == key
    assert read_key(dotted(key)) == key


@pytest.mark.parametrize("text", ["", "a b", "a = 1\nb", "a.", "[a]", "é", "a\nb", "a={}\nb"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no name of a setting"):
        read_key(text)


def test_values_are_read_as_in_toml_else_as_text() -> None:
    found = [read_value(text) for text in ("1", "true", "[1, 2]", "anthropic/claude", "1\nx = 2", "'q'")]
    assert found == [1, True, [1, 2], "anthropic/claude", "1\nx = 2", "q"]


FILE = b"""# first
plain = 1
one.model = "x"

[many.code]   # a table
limit = 3
text = \"\"\"
plain = 7
\"\"\"
[many."odd name"]
"model" = "y"
[[list]]
z = 1
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("plain",), 2),
        (("one", "model"), 3),
        (("many", "code", "limit"), 6),
        (("many", "odd name", "model"), 11),
        (("many", "code"), 5),
        (("list", "z"), 13),
        (("nowhere",), None),
    ],
)
def test_the_line_of_a_key_is_found(key: tuple[str, ...], line: int | None) -> None:
    assert line_of(FILE, key) == line


def test_values_of_a_file_know_their_lines() -> None:
    layer = from_file(tomllib.loads(FILE.decode()), Path("/c.toml"), FILE)
    given = layer[("many", "code", "limit")]
    assert (given.value, given.origin, given.place) == (3, "/c.toml", "/c.toml, line 6")


def test_each_value_is_checked_by_itself() -> None:
    assert checked(Top, ("many", "any name", "limit"), "7", place="p", shown="7") == 7
    assert checked(Top, ("one", "model"), "x", place="p", shown="x") == "x"
    assert checked(Top, ("many",), {}, place="p", shown="{}") == {}
    with pytest.raises(UsageError, match=r"The setting many.a.limit = 0 from p cannot be used") as error:
        checked(Top, ("many", "a", "limit"), 0, place="p", shown="0")
    assert "1 or more" in error.value.hint
    for key, hint in (
        (("plaint",), "Did you mean plain"),
        (("many", "a", "limits"), "Did you mean limit"),
        (("one", "zzz"), "Known are: model, limit"),
        (("plain", "below"), "codemad config list"),
        (("openai_api_key",), "codemad keys"),
    ):
        with pytest.raises(UsageError, match="There is no setting") as error:
            checked(Top, key, 1, place="p", shown="1")
        assert hint in error.value.hint


def test_a_table_given_whole_is_taken_apart() -> None:
    whole = checked(Top, ("many",), {"a": {"limit": 3}, "b": {"model": "x"}}, place="p", shown="…")
    assert dict(expanded(("many",), whole)) == {("many", "a", "limit"): 3, ("many", "b", "model"): "x"}
    assert dict(expanded(("plain",), 2)) == {("plain",): 2}
    assert dict(expanded(("list",), ("a",))) == {("list",): ("a",)}


def test_descriptions_come_from_the_nearest_field() -> None:
    assert description(Top, ("many", "a", "limit")) == "A whole number, 1 or more."
    assert description(Top, ("many", "a")) == "Tables by name."
    assert known(Top, ("many", "a"))
    assert not known(Top, ("many", "a", "b"))
    assert not known(Top, ())


def test_patterns_name_any_step() -> None:
    assert matches(("purposes", "code", "model"), "purposes.*.model")
    assert not matches(("purposes", "code"), "purposes.*.model")
    assert not matches(("purposes", "code", "limit"), "purposes.*.model")


def test_a_project_chooses_only_among_providers_in_use() -> None:
    own = {
        ("model",): Given("ollama/a", "u", "u"),
        ("fallbacks",): Given("openai/b, anthropic/d", "u", "u"),
        ("completion_model",): Given(None, "u", "u"),
        ("purposes", "code", "model"): Given("mistral/c", "u", "u"),
        ("ollama_url",): Given("http://127.0.0.1", "u", "u"),
    }
    assert used_providers(own) == {"ollama", "openai", "anthropic", "mistral"}
    assert used_providers({}) == set()


def test_one_value_changes_and_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "config" / "c.toml"
    assert change(path, ("many", "code", "limit"), 4)
    assert path.stat().st_mode & 0o777 == 0o600
    assert tomllib.loads(path.read_text()) == {"many": {"code": {"limit": 4}}}
    assert change(path, ("many", "code", "limit"), None)
    assert path.read_text().strip() == ""
    assert not change(path, ("many", "code", "limit"), None)
    path.write_bytes(FILE)
    assert change(path, ("plain",), 2)
    assert change(path, ("one", "model"), None)
    text = path.read_text()
    assert text.startswith("# first\nplain = 2\n")
    assert "# a table" in text
    assert tomllib.loads(text)["many"]["code"]["limit"] == 3
    assert not change(path, ("plain",), 2)
    with pytest.raises(UsageError, match="cannot be changed"):
        change(path, ("plain", "below"), 1)
    path.write_text("broken = \n")
    with pytest.raises(UsageError, match="line 1"):
        change(path, ("plain",), 1)
    assert path.read_text() == "broken = \n"


def test_a_linked_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("plain = 1\n")
    (tmp_path / "c.toml").symlink_to("real.toml")
    change(tmp_path / "c.toml", ("plain",), 3)
    assert (tmp_path / "c.toml").is_symlink()
    assert (tmp_path / "real.toml").read_text() == "plain = 3\n"
