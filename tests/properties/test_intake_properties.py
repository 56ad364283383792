"""What holds for every manifest, whatever is in it."""

import csv
import gzip
import io
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from batch.core.models import JobType
from batch.errors import UsageError
from batch.intake import csv_list, decoding, records
from batch.intake.errors import CellError
from batch.intake.manifest import Manifest
from batch.intake.media_ids import are_media_ids, parse_media_id
from batch.intake.model import Chunk, IntakeOptions, ManifestRow, QuarantinedLine
from batch.intake.names import plain
from batch.intake.quarantine import QuarantineWriter
from batch.intake.records import RecordReader
from batch.intake.rows import RowMaker

OPTIONS = IntakeOptions(
    default_types=(JobType.MEDIA_DNA,), offered=frozenset(JobType), region="cn-shanghai"
)
# Short: among long ones of one length a shorter one is taken for a title, or for cut off.
MEDIA_IDS = st.from_regex(r"[A-Za-z0-9_-]{1,15}", fullmatch=True).filter(
    lambda text: are_media_ids([text])
)
# Alone on the first line these would be taken for a header.
NO_NAMES = {"types", "type", "jobtype", "config", "userdata", "priority"}
BOMS = {
    "utf-8": b"",
    "utf-8-sig": b"",
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
}
TYPES = {
    "": "AIMediaDNA",
    "AIMediaDNA": "AIMediaDNA",
    "Tag": "AIVideoTag",
    "dna|tag": "AIMediaDNA,AIVideoTag",
    "AIVideoTag,AIMediaDNA": "AIMediaDNA,AIVideoTag",
    "tag;dna": "AIMediaDNA,AIVideoTag",
}
PIECES = (
    (*',;\t"\n\r\0 |+', "\r\n", '""', "m1", "a" * 64, "a" * 65, "media_id", "VideoId", "types"),
    ("config", "user_data", "priority", "dna", "AIVideoTag", "foo", "{}", '{""a"":1}', "-3", "x,y"),
    ("日本", "\u2028", "\x85", "\x0c", "\ufeff", "m2,tag\n", '"m3","dna,tag"\n', '\n"m4\n'),
)
FRAGMENTS = st.sampled_from([piece for group in PIECES for piece in group])
# Mostly bare ids, so that whole pieces of them come about.
BARE = st.lists(
    st.from_regex(r"[a-z]{1,3}|[A-Z_-]{62,65}", fullmatch=True) | st.just("m1") | FRAGMENTS,
    max_size=40,
).map("\n".join)
TEXTS = st.lists(FRAGMENTS | st.text(max_size=3), max_size=40).map("".join)
HEADERS = st.sampled_from(
    [
        "",
        "media_id,types\n",
        "note;MediaId;types\n",
        "types\tVideoId\tnote\tpriority\n",
        '"media_id","types"\n"m1","dna,tag"\n',
        "media_id,config,user_data\n",
    ]
)
ACCEPTED = re.compile(r"[A-Za-z0-9_-]{1,64}")


def load(data: bytes, options: IntakeOptions = OPTIONS) -> tuple[Manifest, Chunk]:
    source = Manifest(None, options, stream=io.BytesIO(data))
    lines: list[int] = []
    whole = Chunk(lines, [], [], [])
    for chunk in source.chunks():
        lines.extend(chunk.lines)
        whole.media_ids.extend(chunk.media_ids)
        whole.said.extend(chunk.said)
        whole.quarantined.extend(chunk.quarantined)
    return source, whole


def encode(text: str, encoding: str, *, packed: bool) -> bytes:
    data = BOMS[encoding] + text.encode(encoding)
    return gzip.compress(data) if packed else data


@given(
    records=st.lists(
        st.tuples(MEDIA_IDS, st.sampled_from(sorted(TYPES)), st.integers(0, 2)), max_size=30
    ),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    last_end=st.booleans(),
    encoding=st.sampled_from(sorted(BOMS)),
    packed=st.booleans(),
    quote_all=st.booleans(),
    note=st.text(st.characters(exclude_characters="\0\r", codec="utf-8"), max_size=5),
)
def test_what_is_written_is_read_back(
    records: list[tuple[str, str, int]],
    delimiter: str,
    end: str,
    last_end: bool,
    encoding: str,
    packed: bool,
    quote_all: bool,
    note: str,
) -> None:
    """Any dialect, with blank lines before records and line ends within quotes."""
    out = io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter=delimiter,
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL,
    )
    writer.writerow(["note", "media_id", "types"])
    expected, line = [], 2
    for media_id, types, blank in records:
        out.write("\n" * blank)
        writer.writerow([note, media_id, types])
        expected.append((line + blank, media_id, TYPES[types]))
        line += blank + 1 + note.count("\n")
    text = out.getvalue() if last_end else out.getvalue().removesuffix("\n")
    source, chunk = load(encode(text.replace("\n", end), encoding, packed=packed))
    assert [(row.line, row.media_id, row.types) for row in chunk.rows] == expected
    assert chunk.quarantined == []
    assert source.facts.blank == sum(blank for _, _, blank in records)
    assert source.facts.delimiter == delimiter


@given(
    ids=st.lists(MEDIA_IDS.filter(lambda i: plain(i) not in NO_NAMES), max_size=50),
    end=st.sampled_from(["\n", "\r\n", "\r", ",\n", ";;\r\n"]),
    encoding=st.sampled_from(sorted(BOMS)),
)
def test_plain_list_of_ids_is_read_back(ids: list[str], end: str, encoding: str) -> None:
    source, chunk = load(encode("".join(i + end for i in ids), encoding, packed=False))
    assert [(row.line, row.media_id) for row in chunk.rows] == list(enumerate(ids, 1))
    assert (source.facts.lines, source.facts.header, chunk.quarantined) == (len(ids), "", [])


def check_accounts(source: Manifest, chunk: Chunk) -> None:
    facts = source.facts
    assert (facts.rows, facts.quarantined) == (len(chunk.rows), len(chunk.quarantined))
    lines = [row.line for row in chunk.rows] + [line.line for line in chunk.quarantined]
    assert len(set(lines)) == len(lines)
    assert all(1 <= line <= source.facts.lines for line in lines)
    assert lines[: len(chunk.rows)] == sorted(lines[: len(chunk.rows)])
    assert all(ACCEPTED.fullmatch(row.media_id) for row in chunk.rows)
    assert facts.lines == (
        facts.header_lines + facts.rows + facts.blank + facts.quarantined + facts.continued
    )


@given(data=st.binary(max_size=300) | TEXTS.map(str.encode), column=st.none() | st.just("m1"))
@settings(max_examples=400)
def test_any_bytes_give_rows_quarantine_or_a_usage_error(data: bytes, column: str | None) -> None:
    try:
        source, chunk = load(data, replace(OPTIONS, column=column))
    except UsageError:
        return
    check_accounts(source, chunk)


@given(text=TEXTS.map(lambda text: re.sub('["\r]', "", text)))
def test_every_line_without_quotes_is_accounted_for(text: str) -> None:
    """Without records over several lines each line is one thing and one only."""
    try:
        source, chunk = load(text.encode())
    except UsageError:
        return
    check_accounts(source, chunk)
    assert source.facts.continued == 0
    for line in chunk.quarantined:
        assert text.removeprefix("\ufeff").split("\n")[line.line - 1] == line.raw


@given(header=HEADERS, body=TEXTS | BARE, config=st.sampled_from([None, '{"a":1}']))
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_plain_lines_are_read_as_the_csv_module_reads_them(
    header: str, body: str, config: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short cuts, for bare lines and for plain ones, change the speed and nothing else."""
    data = (header + body).encode()
    options = replace(OPTIONS, config=config, offered=frozenset({JobType.MEDIA_DNA}))
    with monkeypatch.context() as patch:
        patch.setattr(csv_list, "CHUNK_LINES", 3)  # bare chunks between others
        fast = outcome(data, options)
        patch.setattr(RowMaker, "bare", lambda *_: None)
        plain = outcome(data, options)
        patch.setattr(RecordReader, "one_a_line", lambda *_: None)
        slow = outcome(data, options)
    assert fast == plain == slow


@given(st.lists(MEDIA_IDS | st.text(max_size=3)))
@example(["m1", "a" * 65])
@example(["m1", ""])
@example(["m1", "m\n2"])
@example(["m1", "m\u0662"])
def test_many_ids_are_judged_as_each_of_them_is(texts: list[str]) -> None:
    assert are_media_ids(texts) == (bool(texts) and all(map(is_bare_media_id, texts)))


def is_bare_media_id(text: str) -> bool:
    try:
        return parse_media_id(text) == text
    except CellError:
        return False


DAMAGES = st.sampled_from(
    ['"', '""', "'", "\0", ",", ";", "\n", '\n"', '"\n', "\u200b", '="', "NULL", " ", "{", "a,b\n"]
)
TITLES = st.sampled_from(["x", '"a, b"', '"5"" disc"', '"a\nb"', "", "y z"])
HEADS = st.sampled_from(
    ["media_id,title\n", 'media_id,"title\n', '"media_id,title\n', "\n\nid,t\n"]
)


@given(
    damages=st.lists(st.tuples(st.integers(0, 10**6), DAMAGES), max_size=6),
    titles=st.lists(TITLES, min_size=1),
    head=HEADS,
    cut=st.integers(0, 40),
)
@settings(max_examples=int(os.environ.get("BROKEN_LISTS", "500")), deadline=None)
def test_no_id_is_gone_without_a_trace(
    damages: list[tuple[int, str]], titles: list[str], head: str, cut: int
) -> None:
    """A list that was cut, or that something was pushed into: each id is a row or in quarantine."""
    ids = [f"{number:032x}" for number in range(1, len(titles) + 1)]
    text = "".join(f"{i},{t}\n" for i, t in zip(ids, titles, strict=True))[: -cut or None]
    for place, damage in damages:
        at = place % (len(text) + 1)
        text = text[:at] + damage + text[at:]
    try:
        source, chunk = load((head + text).encode())
    except UsageError:
        return
    check_accounts(source, chunk)
    raws = [line.raw for line in chunk.quarantined]
    told = "\n".join([source.facts.header, *chunk.media_ids, *raws])
    assert [one for one in ids if one in text and one not in told] == []


@given(header=HEADERS, body=TEXTS, size=st.integers(1, 40))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_where_the_blocks_end_makes_no_difference(
    header: str, body: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One encoding, since detection looks at the first block.
    options = replace(OPTIONS, encoding="utf-8")
    # A header, since without one the delimiter is told from the lines at hand.
    data = ((header or "media_id,types\n") + body).encode()
    whole = outcome(data, options)
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "BLOCK_BYTES", size)
        patch.setattr(csv_list, "CHUNK_LINES", 2)
        pieces = outcome(data, options)
    assert pieces == whole


@given(header=HEADERS, body=TEXTS)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_record_limit_bounds_every_record(
    header: str, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(records, "MAX_RECORD", 20)
        patch.setattr(decoding, "BLOCK_BYTES", 7)
        try:
            source, chunk = load((header + body).encode(), replace(OPTIONS, encoding="utf-8"))
        except UsageError:
            return
    check_accounts(source, chunk)


def outcome(
    data: bytes, options: IntakeOptions
) -> tuple[list[ManifestRow], list[QuarantinedLine], tuple[object, ...]] | str:
    try:
        source, chunk = load(data, options)
    except UsageError as error:
        return str(error)
    facts = (
        source.facts.lines,
        source.facts.rows,
        source.facts.blank,
        source.facts.delimiter,
        bool(source.facts.header),
        source.sha256,
    )
    return chunk.rows, chunk.quarantined, facts


# Manifests are decoded, and their line ends are LF by then.
RAWS = st.text(st.characters(exclude_characters="\r", codec="utf-8"))


@given(st.lists(st.builds(QuarantinedLine, st.integers(1), RAWS, RAWS), min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_quarantine_file_gives_every_line_back(
    tmp_path: Path, lines: list[QuarantinedLine]
) -> None:
    with QuarantineWriter(tmp_path, "x") as writer:
        writer.write(lines)
    assert writer.path is not None
    with writer.path.open(encoding="utf-8", newline="") as file:
        _, *read = csv.reader(file)
    writer.path.unlink()
    assert read == [[str(line.line), line.reason, line.raw] for line in lines]
