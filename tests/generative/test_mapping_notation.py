"""Any text is a map or a MapError with a place, any text is a path or a PathError: never anything else."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from casebridge.core.errors import MapError
from casebridge.mapping import notation
from casebridge.mapping.converters import BUILT_IN
from casebridge.mapping.header import Tables, define
from casebridge.mapping.paths import Path, PathError, parse_path

PIECES = ["a", "b.c", "(", ")", "=", "&", "|", "^", ".", ":", "present", "$x", '"', "q r", " ", "[0]", "é", "01"]
YAML = ["map", "case", "person", "fields", "each", "key", "at", "codes", "rows", "choose", ": ", "\n", "  ", "- ", "{",
        "}", "[", "]", ",", "'", "&a ", "*a", "!!x ", "#", "birth", "names", "$n", "(a=b)", "true", "|"]  # fmt: skip
HEAD = "map: t/m\ncase: person\nother: t/T\n"


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("a(" * 100_000)
@example("a(b(c(d=1)=2)=3)")
@example("^." * 500)
def test_any_text_is_a_path_or_refused(text: str) -> None:
    path = path_or_error(text)
    if isinstance(path, PathError):
        assert 0 <= path.offset <= len(text)
    else:
        assert parse_path(str(path), {"x": "1"}) == path


def path_or_error(text: str) -> Path | PathError:
    try:
        return parse_path(text, {"x": "1"})
    except PathError as e:
        return e


@settings(deadline=None)
@given(st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from(YAML), max_size=30).map(lambda parts: "".join(parts).encode()),
    st.lists(st.sampled_from(YAML), max_size=30).map(lambda parts: (HEAD + "fields: " + "".join(parts)).encode()),
))  # fmt: skip
@example(b"a: &a [*a, *a]")
@example(b"a: " + b"[" * 20000)
@example(b"a: " + b"{a: " * 20000)
@example(b"? [a]\n: b")
@example(b"<<: {a: b}")
def test_any_bytes_are_a_map_or_refused_with_a_place(data: bytes) -> None:
    error = error_of(data)
    assert error is None or (error.file == "m.yaml" and error.line >= 1)


def error_of(data: bytes) -> MapError | None:
    try:
        define(notation.parse(data, "m.yaml"), Tables(()), BUILT_IN)
    except MapError as e:
        return e
    return None
