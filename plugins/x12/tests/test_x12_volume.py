"""A file of 50,000 members streams: what is in memory does not grow with the file."""

import subprocess
import sys

import pytest
from casebridge_x12.format import Settings

from casebridge.core.errors import SetupError, error_codes

MEMBERS = 50_000


@pytest.fixture(scope="module")
def large(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("x12") / "large.834"
    with path.open("w") as out:
        out.writelines(made.file_834(MEMBERS))
    return path


def peak_kilobytes(path):
    """The most memory a process of its own ever held while it read the file, and how many members it read."""
    script = (
        "import sys, resource\n"
        "from casebridge import Context\n"
        "from casebridge_x12.format import X12, Settings\n"
        "with open(sys.argv[1], 'rb') as stream:\n"
        "    count = sum(1 for _ in X12(Settings(), Context('state', 'test')).parse(stream, {}))\n"
        "print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    run = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    return tuple(map(int, run.stdout.split()))


def test_fifty_thousand_members_stream_in_bounded_memory(large, made, tmp_path):
    small = tmp_path / "small.834"
    small.write_text("".join(made.file_834(500)))
    (few, before), (many, after) = peak_kilobytes(small), peak_kilobytes(large)
    assert (few, many) == (500, MEMBERS)
    assert large.stat().st_size > 10_000_000
    assert after - before < 24_000


def test_the_first_member_comes_without_reading_the_others_twice(large, x12):
    """The envelope is read whole first; after it, members come one by one."""
    with large.open("rb") as stream:
        records = x12().parse(stream, {})
        assert next(records).position.segment == 9
        assert stream.tell() < 1_000_000


def test_writing_is_refused_clearly(x12):
    with pytest.raises(SetupError, match="reads X12 files but does not write them"):
        x12().render([], None)


def test_the_plugin_gives_the_format():
    from casebridge_x12 import plugin

    given = []
    plugin.register_formats(given.append)
    assert [(f.name, f.capabilities) for f in given] == [("x12", frozenset({"identity", "parse"}))]


def test_the_page_lists_every_setting_and_every_code(docs):
    assert all(f"| `{name}` |" in docs for name in Settings.model_fields)
    own = [code for code in error_codes() if "CB-310" <= code <= "CB-329"]
    assert own
    assert all(code in docs for code in own)
