"""A manifest in every form operators have them in."""

import gzip
import hashlib
import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from batch.core.models import JobType
from batch.errors import UsageError
from batch.intake.csv_list import CHUNK_LINES
from batch.intake.manifest import Manifest
from batch.intake.model import IntakeOptions, ManifestRow, QuarantinedLine
from batch.intake.options import check_options
from batch.intake.records import MAX_RECORD

DNA, TAG, BOTH = "AIMediaDNA", "AIVideoTag", "AIMediaDNA,AIVideoTag"
OPTIONS = IntakeOptions(
    default_types=(JobType.MEDIA_DNA,), offered=frozenset(JobType), region="cn-shanghai"
)


def load(
    data: bytes | str, options: IntakeOptions = OPTIONS
) -> tuple[Manifest, list[ManifestRow], list[QuarantinedLine]]:
    stream = io.BytesIO(data if isinstance(data, bytes) else data.encode())
    manifest = Manifest(None, options, stream=stream)
    rows: list[ManifestRow] = []
    quarantined: list[QuarantinedLine] = []
    for chunk in manifest.chunks():
        rows += chunk.rows
        quarantined += chunk.quarantined
    assert (manifest.facts.rows, manifest.facts.quarantined) == (len(rows), len(quarantined))
    return manifest, rows, quarantined


def good(data: bytes | str, options: IntakeOptions = OPTIONS) -> list[tuple[int, str, str]]:
    _, rows, quarantined = load(data, options)
    assert quarantined == []
    return [(row.line, row.media_id, row.types) for row in rows]


def bad(data: bytes | str, options: IntakeOptions = OPTIONS) -> list[tuple[int, str, str]]:
    return [(line.line, line.reason, line.raw) for line in load(data, options)[2]]


def refusal(data: bytes | str, options: IntakeOptions = OPTIONS) -> str:
    with pytest.raises(UsageError) as caught:
        load(data, options)
    return str(caught.value)


def test_row_has_every_column() -> None:
    text = 'priority,media_id,user_data,config,types\n-3,m1,"{""a"": 1}","{""b"":2, ""a"":1}",tag\n'
    manifest, rows, _ = load(text)
    config = '{"a":1,"b":2}'
    assert rows == [ManifestRow(2, "m1", TAG, config, '{"a":1}', -3, None)]
    assert manifest.facts.columns == ("types", "config", "user_data", "priority")


def test_row_without_columns_has_the_defaults() -> None:
    options = replace(
        OPTIONS,
        default_types=(JobType.VIDEO_TAG, JobType.MEDIA_DNA),
        config='{"b": 1}',
        priority=5,
    )
    expected = ManifestRow(1, "m1", BOTH, '{"b":1}', None, 5, None)
    assert load("m1\n", options)[1] == [expected]
    own = load('media_id;config;priority\nm1;{"c":1};\nm2;;9\n', options)[1]
    assert [(row.config, row.priority) for row in own] == [('{"c":1}', 5), ('{"b":1}', 9)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("last", ["", "end"])
def test_line_ends_and_delimiters(end: str, delimiter: str, last: str) -> None:
    lines = ["media_id,types", "a,dna", "", 'b,"tag"', "c,", ""][: 6 if last else 5]
    text = end.join(lines).replace(",", delimiter)
    assert good(text) == [(2, "a", DNA), (4, "b", TAG), (5, "c", DNA)]
    manifest = load(text)[0]
    assert (
        manifest.facts.delimiter,
        bool(manifest.facts.header),
        manifest.facts.lines,
        manifest.facts.blank,
    ) == (
        delimiter,
        True,
        5,
        1,
    )


@pytest.mark.parametrize(
    ("encoding", "bom", "flag", "told"),
    [
        ("utf-8", b"", None, "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", None, "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "UTF8", "utf-8"),
        ("utf-16-le", b"\xff\xfe", None, "utf-16-le"),
        ("utf-16-be", b"\xfe\xff", None, "utf-16-be"),
        ("utf-16-be", b"\xfe\xff", "utf-16", "utf-16-be"),
        ("utf-8", b"\xef\xbb\xbf", "gb18030", "utf-8"),
        ("utf-16-le", b"", "utf-16-le", "utf-16-le"),
        ("utf-32-le", b"\xff\xfe\0\0", None, "utf-32-le"),
        ("cp932", b"", "Shift_JIS", "cp932"),
        ("gb18030", b"", "GB18030", "gb18030"),
        ("gb18030", b"", "gbk", "gb18030"),
        ("euc-jp", b"", "euc-jp", "euc_jp"),
    ],
)
def test_encodings(encoding: str, bom: bytes, flag: str | None, told: str) -> None:
    data = bom + "media_id,題名,types\nm1,日本,tag\n".encode(encoding)
    manifest, rows, _ = load(data, replace(OPTIONS, encoding=flag))
    assert [(row.line, row.media_id, row.types) for row in rows] == [(2, "m1", TAG)]
    assert manifest.facts.encoding == told
    assert manifest.facts.ignored == ("題名",)


def test_undecodable_bytes_are_reported_with_line_byte_and_flag() -> None:
    text = "media_id,title\r\n" + "m1,x\r\n" * 3 + "m2,日本語\r\n" * 3
    told = refusal(text.encode("shift_jis"))
    assert told.startswith("standard input: line 5 is not utf-8 (byte 0x93); say --encoding gb180")
    assert "--encoding shift_jis" in told
    assert "could be" in told
    assert "shift_jis, " in told


def test_undecodable_line_is_counted_across_blocks() -> None:
    assert "line 200001 " in refusal(b"m1\r\n" * 200_000 + b"\xff\n")
    assert "line 2 " in refusal(b"m1\r\xff")


def test_cut_character_at_the_end_is_reported() -> None:
    assert "line 2 is not utf-8 (byte 0xE6)" in refusal("m1\n日".encode()[:-1])


def test_wrong_flag_is_reported() -> None:
    told = refusal("m1,日本\n".encode(), replace(OPTIONS, encoding="euc_kr"))
    assert "line 1 is not cp949 (byte 0xE6)" in told


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_mark_is_reported(encoding: str) -> None:
    assert refusal("media_id\nm1\n".encode(encoding)) == (
        f"standard input looks like UTF-16 without a byte order mark; say --encoding {encoding}"
    )


def test_utf16_by_flag_without_mark_is_reported() -> None:
    assert "utf-16-le" in refusal("m1\n".encode("utf-16-le"), replace(OPTIONS, encoding="utf-16"))


def test_workbook_is_reported() -> None:
    assert "save it as CSV" in refusal(b"PK\x03\x04rest")


@pytest.mark.parametrize("name", ["media.csv.gz", "media.csv"])
def test_gzip_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    data = gzip.compress(b"m1\n") + gzip.compress(b"m2\n")
    path = tmp_path / name
    path.write_bytes(data)
    manifest = Manifest(path, OPTIONS)
    assert [row.media_id for chunk in manifest.chunks() for row in chunk.rows] == ["m1", "m2"]
    assert manifest.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("harm", ["cut", "cut header", "bit", "trailer", "garbage"])
def test_damaged_gzip_is_reported(harm: str) -> None:
    data = bytearray(gzip.compress(os.urandom(50_000).hex().encode()))
    match harm:
        case "cut":
            del data[-20_000:]
        case "cut header":
            del data[5:]
        case "bit":
            data[5_000] ^= 0xFF
        case "trailer":
            data[-5] ^= 0xFF
        case "garbage":
            data += b"rubbish"
    assert "is cut short or damaged; nothing was loaded" in refusal(bytes(data))


def test_facts_are_of_the_stored_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbfm1\r\n\r\nm 2\r\n")
    manifest = Manifest(path, OPTIONS)
    for _ in range(2):
        assert len(list(manifest.chunks())) == 1
        assert manifest.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (
            manifest.facts.lines,
            manifest.facts.blank,
            manifest.facts.rows,
            manifest.facts.quarantined,
        ) == (3, 1, 1, 1)
        assert (manifest.facts.records, bool(manifest.facts.header), manifest.facts.delimiter) == (
            2,
            False,
            ",",
        )


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b" \n,,\n;;", b'""\n'])
def test_empty_input_has_no_rows(data: bytes) -> None:
    manifest, rows, quarantined = load(data)
    assert (rows, quarantined, manifest.facts.blank) == ([], [], manifest.facts.lines)


def test_standard_input_is_read_from_a_real_pipe() -> None:
    script = (
        "import sys; from batch.core.models import JobType;"
        "from batch.intake.manifest import Manifest; from batch.intake.model import IntakeOptions;"
        "o = IntakeOptions((JobType.MEDIA_DNA,), frozenset(JobType), 'cn-shanghai');"
        "m = Manifest(None, o, stream=sys.stdin.buffer);"
        "print(sum(len(c.rows) for c in m.chunks()), m.sha256, sys.stdin.buffer.closed)"
    )
    data = gzip.compress(b"m1\n" * 500_000)
    done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True)
    assert done.stdout.decode().split() == ["500000", hashlib.sha256(data).hexdigest(), "False"]


def test_raw_pipe_gives_few_bytes_at_a_time() -> None:
    read, write = os.pipe()
    os.write(write, b"m1\nm2\nm3")
    os.close(write)
    with open(read, "rb", buffering=0) as stream:  # noqa: PTH123
        manifest = Manifest(None, OPTIONS, stream=stream)
        assert [one for c in manifest.chunks() for one in c.media_ids] == ["m1", "m2", "m3"]


def test_input_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        list(Manifest(tmp_path / "missing", OPTIONS).chunks())
    with pytest.raises(UsageError, match="cannot read"):
        list(Manifest(tmp_path, OPTIONS).chunks())
    with pytest.raises(UsageError, match="standard input is closed"):
        list(Manifest(None, OPTIONS).chunks())


class TestHeader:
    """Which first lines are headers, and what they must say."""

    @pytest.mark.parametrize(
        "name", ["media_id", "MediaId", "VideoId", "video_id", "MEDIA_ID", ' "videoid" '.strip()]
    )
    def test_known_names(self, name: str) -> None:
        assert good(f"\n{name}\nm1\n") == [(3, "m1", DNA)]

    def test_extra_columns_are_ignored_and_reported(self) -> None:
        manifest, rows, _ = load("title,MediaId,Types,note\nfoo,m1,tag\nbar,m2\n,m3,,x y\n")
        assert [(row.media_id, row.types) for row in rows] == [
            ("m1", TAG),
            ("m2", DNA),
            ("m3", DNA),
        ]
        assert (manifest.facts.columns, manifest.facts.ignored) == (("types",), ("title", "note"))

    def test_named_column(self) -> None:
        options = replace(OPTIONS, column="asset")
        assert good("media_id,asset\nx y,m1\n", options) == [(2, "m1", DNA)]

    def test_named_column_missing(self) -> None:
        told = refusal("Asset_Id,title\nm1,x\n", replace(OPTIONS, column="asset_ids"))
        assert told == (
            "standard input has no column 'asset_ids' (its columns: 'Asset_Id', 'title'); "
            "did you mean 'Asset_Id'?"
        )
        assert "did you mean" not in refusal("m1\n", replace(OPTIONS, column="asset"))

    def test_named_column_twice(self) -> None:
        assert "rename one" in refusal("a,a\nm1,x\n", replace(OPTIONS, column="a"))

    def test_named_column_in_an_unreadable_header(self) -> None:
        told = refusal('"a"b,c\nm1\n', replace(OPTIONS, column="a"))
        assert told.startswith("the header of standard input cannot be read: text stands between")

    def test_two_columns_of_ids(self) -> None:
        assert refusal("media_id,VideoId\nm1,m2\n") == (
            "standard input has more than one column of media ids ('media_id', 'VideoId'); "
            "name the one to use with --column"
        )
        options = replace(OPTIONS, column="VideoId")
        assert good("media_id,VideoId\nm1,m2\n", options) == [(2, "m2", DNA)]

    def test_optional_column_twice(self) -> None:
        assert "the column types twice" in refusal("media_id,types,TYPES\nm1,,\n")

    def test_header_without_ids(self) -> None:
        assert refusal("asset,types\nm1,dna\n") == (
            "standard input has no column of media ids (its columns: 'asset', 'types'); "
            "name it with --column, or begin the file with a line of names, such as media_id,title"
        )

    def test_no_header(self) -> None:
        assert good("m1\nm2,\nm3,,\n m4 \n") == [
            (1, "m1", DNA),
            (2, "m2", DNA),
            (3, "m3", DNA),
            (4, "m4", DNA),
        ]

    def test_header_after_lines_of_delimiters(self) -> None:
        assert good(",,\n\nmedia_id,types,\nm1,tag,\n") == [(4, "m1", TAG)]

    def test_very_wide_header(self) -> None:
        wide = "media_id" + ",x" * 5000 + "\nm1\n"
        assert good(wide) == [(2, "m1", DNA)]

    def test_header_over_several_lines_and_blocks(self) -> None:
        title = "x\n" * 300_000
        assert good(f'media_id,"{title}"\nm1,x\n') == [(300_002, "m1", DNA)]


class TestDelimiter:
    """The first line decides; quotes hide."""

    @pytest.mark.parametrize(
        ("text", "delimiter"),
        [
            ("media_id;types\nm1;dna,tag\n", ";"),
            ("media_id\ttitle\nm1\ta,b;c\n", "\t"),
            ('"x,y,z";media_id\n1;m1\n', ";"),
            ('"x"",;"",y"\tmedia_id\n1\tm1\n', "\t"),
            ("m1\nm2;\nm3;\n", ";"),
            ("m1\nm2\n", ","),
        ],
    )
    def test_delimiter(self, text: str, delimiter: str) -> None:
        assert load(text)[0].facts.delimiter == delimiter
        assert load(text)[2] == []


class TestQuarantine:
    """Bad lines go out one by one, good ones stay."""

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("a b", "bad media id: 'a b' (allowed: A-Z a-z 0-9 _ -, at most 64)"),
            (",tag", "no media id"),
            ("m1,dna,x", "too many fields: 3 (the header names 2)"),
            ("m1,foo", "unknown type: 'foo' (known: AIMediaDNA, AIVideoTag, dna, tag)"),
            ("m\0x", "the line holds a NUL character"),
            ("m1,\0", "the line holds a NUL character"),
            ('"m1"x', "text stands between a closing quote and the next delimiter"),
            ('m1,"dna', "a quote is opened and not closed"),
        ],
    )
    def test_reason(self, line: str, reason: str) -> None:
        text = f"media_id,types\ngood1,tag\n{line}\n\ngood2\n"
        _, rows, quarantined = load(text)
        assert [(row.line, row.media_id) for row in rows] == [(2, "good1"), (5, "good2")]
        assert quarantined == [QuarantinedLine(3, reason, line)]

    def test_fields_without_header(self) -> None:
        reason = "too many fields: 2 (a file without a header has the media id alone on a line)"
        assert bad("m1\nm2,tag\n") == [(2, reason, "m2,tag")]

    def test_unreadable_cells(self) -> None:
        text = "media_id;config;user_data;priority\nm1;[];;\nm2;;{;\nm3;;;1.5\nm4;;;\n"
        _, rows, quarantined = load(text)
        assert [row.media_id for row in rows] == ["m4"]
        assert [line.reason.split(":")[0] for line in quarantined] == [
            "config is not a JSON object",
            "user_data is not a JSON object",
            "bad priority",
        ]

    def test_type_not_offered(self) -> None:
        options = replace(OPTIONS, offered=frozenset({JobType.MEDIA_DNA}), region="ap-southeast-1")
        text = "media_id,types\nm1,dna\nm2,tag\n"
        reason = "AIVideoTag is not offered in region ap-southeast-1"
        assert bad(text, options) == [(3, reason, "m2,tag")]

    def test_record_over_several_lines_is_whole(self) -> None:
        text = 'media_id,note\r\nm1,"a\r\nb"\r\nm 2,"c\r\n\r\nd"\r\nm3,x\r\n'
        manifest, rows, quarantined = load(text)
        assert [(row.line, row.media_id) for row in rows] == [(2, "m1"), (7, "m3")]
        assert [(line.line, line.raw) for line in quarantined] == [(4, 'm 2,"c\n\nd"')]
        assert (manifest.facts.lines, manifest.facts.blank, manifest.facts.records) == (7, 0, 3)

    def test_quote_never_closed_costs_one_line(self) -> None:
        text = 'media_id,types\nm1,"dna\n' + "m2,tag\n" * 400_000
        manifest, rows, quarantined = load(text)
        assert len(rows) == 400_000
        reason = "a quote is opened and not closed"
        assert quarantined == [QuarantinedLine(2, reason, 'm1,"dna')]
        assert manifest.facts.lines == 400_002

    def test_quote_closed_by_a_later_line_costs_one_line(self) -> None:
        text = 'media_id,types\nm1,"dna\nm2,tag\nm3,"dna,tag"\n'
        _, rows, quarantined = load(text)
        assert [row.media_id for row in rows] == ["m2", "m3"]
        reason = "a quote is opened and not closed"
        assert quarantined == [QuarantinedLine(2, reason, 'm1,"dna')]

    def test_line_without_end_is_cut(self) -> None:
        text = "media_id,note\nm1,x\nm2," + "x" * (3 * MAX_RECORD) + "\nm3,x\n"
        _, rows, quarantined = load(text)
        assert [(row.line, row.media_id) for row in rows] == [(2, "m1"), (4, "m3")]
        (line,) = quarantined
        assert (line.line, len(line.raw)) == (3, 4096)
        assert line.reason.startswith("longer than 1048576 characters")

    def test_long_record_within_the_limit_is_read(self) -> None:
        text = "media_id,note\nm1," + "x" * (MAX_RECORD - 100) + "\n"
        assert load(text)[1][0].media_id == "m1"

    @pytest.mark.parametrize(
        ("config", "user_data"),
        [("y" * 9000, ""), ("", "y" * 9000), ("y" * 5000, "y" * 5000), ("中" * 1000, "")],
    )
    def test_a_row_whose_request_would_be_too_long_is_reported(
        self, config: str, user_data: str
    ) -> None:
        """A gateway would answer 414; the other rows of the list are loaded."""
        cells = [f'"{{""a"":""{text}""}}"' if text else "" for text in (config, user_data)]
        text = f"media_id,config,user_data\nm1,,\nm2,{','.join(cells)}\nm3,,\n"
        _, rows, quarantined = load(text)
        assert [row.media_id for row in rows] == ["m1", "m3"]
        [line] = quarantined
        assert line.line == 3
        assert line.reason.startswith("config and user_data make a request line of ")
        assert "(allowed: 8,000," in line.reason

    def test_an_option_that_is_too_long_is_reported_before_any_file_is_read(self) -> None:
        options = replace(OPTIONS, config='{"a":"' + "y" * 9000 + '"}')
        with pytest.raises(UsageError, match=r"--config is too long: .* give a shorter one"):
            check_options(options)

    def test_many_long_records_do_not_pile_up(self) -> None:
        text = "media_id,note\n" + ("a b," + "x" * 900_000 + "\n") * 20
        manifest = Manifest(None, OPTIONS, stream=io.BytesIO(text.encode()))
        assert max(len(chunk.quarantined) for chunk in manifest.chunks()) < 8

    def test_spreadsheet_formula_stays_as_it_is(self) -> None:
        assert bad('"=HYPERLINK(""x"")"\n')[0][2] == '"=HYPERLINK(""x"")"'


def test_chunks_have_about_10000_lines() -> None:
    manifest = Manifest(None, OPTIONS, stream=io.BytesIO(b"m1\n" * 95_000 + b"m 1\n" * 15_000))
    sizes = [len(chunk.rows) + len(chunk.quarantined) for chunk in manifest.chunks()]
    assert sum(sizes) == 110_000
    assert sizes == [CHUNK_LINES] * 11


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (replace(OPTIONS, default_types=()), "no job type is given"),
        (
            replace(OPTIONS, default_types=(JobType.VIDEO_TAG,), offered=frozenset(), region="eu"),
            "AIVideoTag is not offered in region 'eu', which offers no video AI at all",
        ),
        (replace(OPTIONS, config="[1]"), "--config is not a JSON object: it is not in braces"),
        (replace(OPTIONS, config='{"a":"\udc80"}'), "half of a surrogate pair"),
        (replace(OPTIONS, priority=40_000), "--priority 40000 is out of range"),
        (replace(OPTIONS, encoding="klingon"), "--encoding 'klingon' is not known"),
        (replace(OPTIONS, encoding="hex"), "--encoding 'hex' is not known"),
        (replace(OPTIONS, encoding="unicode_escape"), "is not known"),
        (replace(OPTIONS, encoding="a\0b"), "is not known"),
        (replace(OPTIONS, column=" "), "--column is empty"),
    ],
)
def test_options_that_cannot_be_carried_out(options: IntakeOptions, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_options(options)
    assert told in str(caught.value)
    with pytest.raises(UsageError):
        Manifest(None, options)


def test_good_options_pass() -> None:
    check_options(replace(OPTIONS, config='{"DNADBId":"x"}', encoding="shift_jis", column="Id"))
