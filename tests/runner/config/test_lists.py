"""Files that name tests."""

from __future__ import annotations

import io
import json
from importlib import resources
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st

from testlanes.runner.config.lists import (
    LoadList,
    build_selection,
    format_by_profile,
    parse_by_profile,
    read_load_list,
    read_load_lists,
    read_patterns,
    read_plan,
    relative_filter,
)
from testlanes.runner.errors import UserError
from testlanes.runner.ids import ProfileName
from testlanes.runner.settings import Selection

PY311, PY312 = ProfileName("py311"), ProfileName("py312")


def test_a_plain_list_has_one_id_a_line(tmp_path: Path) -> None:
    (tmp_path / "ids").write_text(" m.a \n\nm.b[ä #1]\r\n# m.c\n", "utf-8")

    assert read_load_list(tmp_path, "ids") == LoadList(frozenset({"m.a", "m.b[ä #1]", "# m.c"}))


def test_a_list_may_come_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("m.a\n"))

    assert read_load_list(tmp_path, "-").ids == {"m.a"}


def test_json_names_tests_by_profile(tmp_path: Path) -> None:
    (tmp_path / "ids").write_text(
        '{"m.a": {"profiles": ["py311", "py312"]}, "m.b": {"profiles": ["py312"]}}'
    )

    assert read_load_list(tmp_path, "ids").per_profile == {
        "py311": {"m.a"},
        "py312": {"m.a", "m.b"},
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "ids is not JSON"),
        ('{"m.a": []}', "ids: 'm.a' has no list of \"profiles\""),
        ('{"m.a": {"profile": []}}', "ids: 'm.a' has no list of \"profiles\""),
        ('{"m.a": {"profiles": [1]}}', "ids: 'm.a' has 1 as a profile"),
    ],
)
def test_json_of_another_shape_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "ids").write_text(text)

    with pytest.raises(UserError, match=says):
        read_load_list(tmp_path, "ids")


CASES = st.sets(st.tuples(st.text(min_size=1), st.sampled_from([PY311, PY312])))


@given(CASES)
def test_what_is_written_is_read_again_and_fits_the_schema(
    cases: set[tuple[str, ProfileName]],
) -> None:
    text = format_by_profile(cases)

    read = parse_by_profile(text, "here")
    assert {(test_id, name) for name, ids in read.items() for test_id in ids} == cases
    assert_fits(json.loads(text), schema())


def test_the_schema_is_published_with_an_example_that_fits_and_is_read() -> None:
    (example,) = schema()["examples"]

    assert_fits(example, schema())
    assert parse_by_profile(json.dumps(example), "here").keys() == {"py311", "py312"}
    with pytest.raises(AssertionError):
        assert_fits({"m.a": {}}, schema())


def schema() -> Any:
    """Return the JSON Schema as it is installed."""
    folder = resources.files("testlanes.runner.config")
    return json.loads((folder / "tests-by-profile.schema.json").read_text("utf-8"))


def assert_fits(value: Any, rule: Any) -> None:
    """Check a value against the part of JSON Schema that ours uses; an unknown keyword fails."""
    known = {"$schema", "title", "description", "examples", "type", "additionalProperties"}
    known |= {"properties", "required", "propertyNames", "items", "minLength", "uniqueItems"}
    assert rule.keys() <= known
    if "type" in rule:
        assert isinstance(value, {"object": dict, "array": list, "string": str}[rule["type"]])
    if isinstance(value, str):
        assert len(value) >= rule.get("minLength", 0)
    if isinstance(value, list):
        items = cast("list[Any]", value)
        assert not rule.get("uniqueItems") or len(set(items)) == len(items)
        for item in items:
            assert_fits(item, rule.get("items", {}))
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        assert set(rule.get("required", [])) <= fields.keys()
        for key, each in fields.items():
            assert_fits(key, rule.get("propertyNames", {}))
            other = rule.get("additionalProperties", {})
            assert_fits(each, rule.get("properties", {}).get(key, other))


def test_lists_of_regexes_have_comments(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("# all\nm\\.a  # one\n\n  m#b\nt.py::x[z-a]\n")

    assert read_patterns(tmp_path, "x") == ("m\\.a", "m#b", "t.py::x[z-a]")


def test_a_line_that_is_no_regex_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("ok\n(\n")

    with pytest.raises(UserError, match=r"x: line 2: '\(' is not a regular expression"):
        read_patterns(tmp_path, "x")


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff")

    with pytest.raises(UserError, match=r"There is no file .*/gone"):
        read_load_list(tmp_path, "gone")
    with pytest.raises(UserError, match=r"There is no file .*/gone"):
        read_plan(str(tmp_path / "gone"))
    with pytest.raises(UserError, match="x is not UTF-8"):
        read_patterns(tmp_path, "x")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read_patterns(tmp_path, ".")


def test_a_plan_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('[["m.a"]]')

    assert len(read_plan(str(tmp_path / "plan.json")).segments) == 2


def test_a_selection_is_put_together(tmp_path: Path) -> None:
    for name, text in (("ids", "m.a\nm.b"), ("in", "one"), ("out", "two")):
        (tmp_path / name).write_text(text)

    assert build_selection(tmp_path, tmp_path).everything
    assert build_selection(
        tmp_path,
        tmp_path,
        filters=["f"],
        listed=read_load_lists(tmp_path, ["ids"]),
        include_lists=["in"],
        exclude_lists=["out"],
        exclude=["three"],
    ) == Selection(("f",), frozenset({"m.a", "m.b"}), ("one",), ("three", "two"))


def test_failing_tests_and_a_list_must_both_name_a_test(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("m.a")
    (tmp_path / "json").write_text('{"m.b": {"profiles": ["py312"]}}')
    failing = {PY311: frozenset({"m.a"}), PY312: frozenset({"m.a", "m.b"})}

    def per_profile(*load_lists: str) -> object:
        return build_selection(
            tmp_path, tmp_path, listed=read_load_lists(tmp_path, load_lists), failing=failing
        ).per_profile

    assert per_profile() == failing
    assert per_profile("plain") == {PY311: {"m.a"}, PY312: {"m.a"}}
    assert per_profile("json") == {PY311: set(), PY312: {"m.b"}}


def test_several_lists_add_up_if_they_are_of_one_kind(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("m.a")
    (tmp_path / "b").write_text("m.b")
    (tmp_path / "c").write_text('{"m.c": {"profiles": ["py312"]}}')
    (tmp_path / "d").write_text('{"m.d": {"profiles": ["py311", "py312"]}}')

    assert read_load_lists(tmp_path, []) is None
    assert read_load_lists(tmp_path, ["a", "b"]) == LoadList(frozenset({"m.a", "m.b"}))
    assert read_load_lists(tmp_path, ["c", "d"]) == LoadList(
        None, {PY311: frozenset({"m.d"}), PY312: frozenset({"m.c", "m.d"})}
    )
    with pytest.raises(UserError, match="cannot be loaded together"):
        read_load_lists(tmp_path, ["a", "c"])


def test_paths_are_meant_from_where_the_user_is(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_x.py").write_text("")

    assert relative_filter("test_x.py::test_a[1]", folder, tmp_path) == "tests/test_x.py::test_a[1]"
    assert relative_filter(".", folder, tmp_path) == "tests"
    assert relative_filter(f"{folder}/test_x.py", tmp_path, tmp_path) == "tests/test_x.py"
    assert relative_filter("tests/test_x.py", tmp_path, tmp_path) == "tests/test_x.py"
    assert relative_filter("test_gone.py", folder, tmp_path) == "test_gone.py"
    assert relative_filter("../..", folder, tmp_path) == "../.."
    assert relative_filter("a\0b", folder, tmp_path) == "a\0b"
