"""What we write, python-subunit reads as the same; what it writes, and what is broken, we read."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import subunit  # pyright: ignore[reportMissingTypeStubs]
import testtools  # pyright: ignore[reportMissingTypeStubs]
from hypothesis import given, settings, strategies as st

from testlanes.runner.ids import ProfileName, Status
from testlanes.runner.repository.base import StoredResult
from testlanes.runner.repository.spelling import readable_mime, stored_id, stored_name
from testlanes.runner.repository.stream_v1 import read_v1, v1_time, write_v1
from testlanes.runner.repository.stream_v2 import write_v2

START = 1_760_000_000_123_456_000

_subunit = cast(Any, subunit)
_testtools = cast(Any, testtools)


def micro(seconds: int, micros: int) -> int:
    return (1_700_000_000 + seconds) * 1_000_000_000 + micros * 1000


texts = st.text(alphabet=st.characters(codec=None), max_size=12)
details = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from(["stdout", "traceback", "reason", "]", "traceback (i=1)"]), texts
        ),
        st.sampled_from(
            [
                "text/plain;charset=utf8",
                'text/x-traceback; charset="utf8"; language="python"',
                "a/b",
                "x",
                "",
            ]
        ),
        st.one_of(
            st.binary(min_size=1, max_size=40),
            st.sampled_from(
                [b"]\n", b"\r\n0\r\n", b"]\nsuccessful: a [ multipart\n]\n", b"x" * 70_000]
            ),
        ),
    ),
    max_size=4,
    unique_by=lambda detail: stored_name(detail[0]),
)
statuses = st.sampled_from([status for status in Status if status is not Status.NOT_RUN])
results = st.builds(
    StoredResult,
    test_id=texts,
    status=statuses,
    tags=st.lists(st.sampled_from(["worker-0", "worker-1", "py311", "slow"]), unique=True).map(
        tuple
    ),
    start=st.builds(micro, st.integers(0, 10**6), st.integers(0, 999_999)),
    stop=st.builds(micro, st.integers(10**6, 10**7), st.integers(0, 999_999)),
    details=details.map(tuple),
)


def expected(one: StoredResult) -> StoredResult:
    return StoredResult(
        stored_id(one.test_id),
        one.status,
        one.profile,
        one.tags,
        one.start,
        one.stop,
        tuple(
            sorted(
                (stored_name(name), readable_mime(stored_name(name), mime, data), data)
                for name, mime, data in one.details
            )
        ),
    )


def by_subunit(data: bytes) -> tuple[list[StoredResult], bytes]:
    """Read v1 the way testr does; returns the results and what went to the terminal."""
    terminal, read = io.BytesIO(), list[StoredResult]()

    def take(test: dict[str, Any]) -> None:
        start, stop = (
            None if moment is None else nanoseconds(moment) for moment in test["timestamps"]
        )
        found = tuple(
            sorted(
                (
                    name,
                    f"{kind.type}/{kind.subtype}{parameters(kind.parameters)}",
                    b"".join(one.iter_bytes()),
                )
                for name, one in test["details"].items()
                for kind in [one.content_type]
            )
        )
        status = Status(test["status"])
        read.append(
            StoredResult(
                test["id"],
                status,
                tags=tuple(sorted(test["tags"])),
                start=start,
                stop=stop,
                details=found,
            )
        )

    target = _testtools.ExtendedToStreamDecorator(_testtools.StreamToDict(take))
    target.startTestRun()
    _subunit.ProtocolTestCase(io.BytesIO(data), terminal).run(target)
    target.stopTestRun()
    return read, terminal.getvalue()


def nanoseconds(moment: datetime) -> int:
    since = moment - datetime.fromtimestamp(0, UTC)
    return (since.days * 86400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def parameters(found: dict[str, str]) -> str:
    tail = ",".join(f"{key}={found[key]}" for key in sorted(found))
    return f";{tail}" if tail else ""


def plain(one: StoredResult) -> StoredResult:
    """Without what python-subunit does not keep: the order of tags, all of a type's parameters."""
    return StoredResult(
        one.test_id,
        one.status,
        tags=tuple(sorted(one.tags)),
        start=one.start,
        stop=one.stop,
        details=tuple((name, mime.partition(";")[0], data) for name, mime, data in one.details),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(results, max_size=4))
def test_what_is_written_is_read_back_by_us_and_by_python_subunit(
    several: list[StoredResult],
) -> None:
    data = b"".join(map(write_v1, several))
    wanted = [expected(one) for one in several]

    assert list(read_v1(data)) == wanted
    theirs, terminal = by_subunit(data)
    assert [plain(one) for one in theirs] == [plain(one) for one in wanted]
    assert terminal == b""


def test_a_block_is_what_testr_writes_byte_for_byte() -> None:
    one = StoredResult("m.C.t", Status.SUCCESS, tags=("worker-0", "py311"), start=START, stop=START + 74_000,
                       details=(("stdout", 'text/plain; charset="utf8"', b"hello\nworld\n!"),))  # fmt: skip
    assert write_v1(one) == (
        b"time: 2025-10-09 08:53:20.123456Z\n"
        b"tags: worker-0 py311\n"
        b"test: m.C.t\n"
        b"time: 2025-10-09 08:53:20.123530Z\n"
        b"successful: m.C.t [ multipart\n"
        b"Content-Type: text/plain;charset=utf8\n"
        b"stdout\n"
        b"D\r\nhello\nworld\n!0\r\n"
        b"]\n"
        b"tags: -worker-0 -py311\n"
    )


def test_an_attachment_too_big_for_one_packet_is_split_and_read_as_one() -> None:
    big = bytes(range(256)) * 40_000
    one = StoredResult("t", Status.FAIL, details=(("log", "application/octet-stream", big),))
    data = write_v1(one)

    (read,) = read_v1(data)
    assert read.details == one.details
    (theirs,), _ = by_subunit(data)
    assert [name for name, _, _ in theirs.details] == ["log", "log (part 2)", "log (part 3)"]
    assert all(len(part) < 4_194_000 for _, _, part in theirs.details)


def test_two_attachments_of_one_name_are_both_kept() -> None:
    one = StoredResult("t", Status.FAIL, details=(("a\n", "a/b", b"1"), ("a\\n", "a/b", b"2")))
    (read,) = read_v1(write_v1(one))
    assert [(name, data) for name, _, data in read.details] == [("a\\n", b"1"), ("a\\n-2", b"2")]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (b"test: a\nsuccess: a\n", [("a", Status.SUCCESS, ())]),
        (b"testing a\nsuccessful a\n", [("a", Status.SUCCESS, ())]),
        (b"test a\nerror: a [\nboo\n ]\n]\n", [("a", Status.FAIL, (b"boo\n]\n",))]),
        (b"test: a\nskip: a [\nwhy\n]\n", [("a", Status.SKIP, (b"why\n",))]),
        (b"noise\ntest: a\nmore\nxfail: a\nnoise\n", [("a", Status.XFAIL, ())]),
        (b"test: a\n", [("a", Status.FAIL, ())]),
        (b"test: a\nfailure: b\nfailure: a", [("a", Status.FAIL, ())]),
        (b"test: a\nuxsuccess: a [ multipart\n]\n", [("a", Status.UXSUCCESS, ())]),
        (
            b"progress: +2\n\ntest: a [ multipart\nsuccess: a [ multipart\n",
            [("a [ multipart", Status.SUCCESS, ())],
        ),
    ],
)
def test_the_other_forms_of_v1_are_read_as_python_subunit_reads_them(
    text: bytes, wanted: list[tuple[str, Status, tuple[bytes, ...]]]
) -> None:
    read = list(read_v1(text))
    assert [
        (one.test_id, one.status, tuple(d for _, _, d in one.details)) for one in read
    ] == wanted
    theirs, _ = by_subunit(text)
    assert [(one.test_id, one.status) for one in theirs] == [(i, s) for i, s, _ in wanted]


@pytest.mark.parametrize(
    "broken",
    [
        b"test: a\nfailure: a [ multipart\nContent-Type: x\nn\nZZ\r\nabc\n]\n",
        b"test: a\nfailure: a [ multipart\nContent-Type: a/b\nlog\n\n1\r\nx0\r\n]\n",
        b"test: a\nfailure: a [ multipart\nContent-Type: a/b\nlog\nFFFF\r\nshort\n]\n",
    ],
)
def test_a_broken_attachment_costs_only_itself(broken: bytes) -> None:
    """python-subunit raises ValueError for the whole run here."""
    read = list(read_v1(broken + b"test: b\nsuccess: b\n"))
    assert [(one.test_id, one.status) for one in read] == [
        ("a", Status.FAIL),
        ("b", Status.SUCCESS),
    ]


@given(st.binary(max_size=200), st.integers(0, 300))
def test_no_bytes_make_the_reader_raise(noise: bytes, cut: int) -> None:
    block = write_v1(
        StoredResult("a", Status.FAIL, tags=("x",), start=START, details=(("l", "a/b", noise),))
    )
    for data in (noise, block[:cut], block[:cut] + noise, noise + b"\n" + block):
        for one in read_v1(data):
            assert one.test_id


def test_sticky_tags_and_times_hold_until_they_change() -> None:
    text = b"tags: a b\ntime: 2025-10-09 08:53:20Z\ntest: x\ntags: c -b\nsuccess: x\ntest: y\ntime: 2025-10-09 10:53:21+02:00\nsuccess: y\n"
    x, y = read_v1(text)
    assert (x.tags, y.tags) == (("a", "c"), ("a", "b"))
    assert x.stop is None
    assert (y.start, y.stop) == (1_760_000_000_000_000_000, 1_760_000_001_000_000_000)


def test_the_tag_that_names_a_known_profile_is_the_results_profile() -> None:
    data = write_v1(StoredResult("t", Status.SUCCESS, tags=("worker-0", "py311", "slow")))
    assert [one.profile for one in read_v1(data, {"py311", "py312"})] == [ProfileName("py311")]
    assert [one.profile for one in read_v1(data)] == [ProfileName("default")]


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)))  # noqa: DTZ001 - hypothesis wants naive ones
def test_times_are_written_to_the_microsecond(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    text = moment.strftime("%Y-%m-%d %H:%M:%S.%fZ")
    assert v1_time(nanoseconds(moment)).decode() == text


def test_v2_says_the_same_as_v1() -> None:
    one = StoredResult("m.t[ü]", Status.XFAIL, tags=("worker-0",), start=START, stop=START + 5000,
                       details=(("reason", "text/plain;charset=utf8", b"why\n"), ("big", "a/b", b"x" * 3_000_000)))  # fmt: skip
    out = io.BytesIO()
    write_v2(read_v1(write_v1(one)), out)
    read: list[Any] = []
    sink: Callable[[Any], None] = read.append
    reader = _testtools.StreamToDict(sink)
    reader.startTestRun()
    _subunit.ByteStreamToStreamResult(io.BytesIO(out.getvalue())).run(reader)
    reader.stopTestRun()
    (test,) = read
    assert (test["id"], test["status"], test["tags"]) == ("m.t[ü]", "xfail", {"worker-0"})
    assert [nanoseconds(moment) for moment in test["timestamps"]] == [START, START + 5000]
    assert {name: len(b"".join(d.iter_bytes())) for name, d in test["details"].items()} == {
        "reason": 4,
        "big": 3_000_000,
    }
