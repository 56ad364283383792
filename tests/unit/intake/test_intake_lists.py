"""Hand-made lists, each with what comes of it: what is accepted, refused and quarantined today."""

import io

import pytest

from batch.core.models import JobType
from batch.intake.manifest import Manifest
from batch.intake.model import IntakeOptions

OPTIONS = IntakeOptions((JobType.MEDIA_DNA,), frozenset(JobType), "cn-shanghai")
Row = tuple[int, str, str, str | None, str | None, int]
Case = tuple[bytes, list[Row], list[tuple[int, str, str]], tuple[int, int, str, bool]]
LISTS: dict[str, Case] = {
    "an empty file": (b"", [], [], (0, 0, "", False)),
    "blank lines alone": (b"\n \n,;\n", [], [], (3, 3, "", False)),
    "byte order mark": (
        b"\xef\xbb\xbfmedia_id,types\r\nm1,tag\r\n",
        [(2, "m1", "AIVideoTag", None, None, 0)],
        [],
        (2, 0, ",", True),
    ),
    "UTF-16, CRLF": (
        b"\xff\xfem\x00e\x00d\x00i\x00a\x00_\x00i\x00d\x00;\x00t\x00y\x00p\x00e\x00s\x00\r\x00\n\x00m\x001\x00;\x00d\x00n\x00a\x00\r\x00\n\x00m\x00 \x002\x00;\x00\r\x00\n\x00",  # noqa: E501
        [(2, "m1", "AIMediaDNA", None, None, 0)],
        [(3, "bad media id: 'm 2' (allowed: A-Z a-z 0-9 _ -, at most 64)", "m 2;")],
        (3, 0, ";", True),
    ),
    "line ends mixed": (
        b"media_id,types\rm1,tag\r\nm2,\nm3\n\r\nm4",
        [
            (2, "m1", "AIVideoTag", None, None, 0),
            (3, "m2", "AIMediaDNA", None, None, 0),
            (4, "m3", "AIMediaDNA", None, None, 0),
            (6, "m4", "AIMediaDNA", None, None, 0),
        ],
        [],
        (6, 1, ",", True),
    ),
    "no line end at the end, within quotes": (
        b'media_id,types\nm1,"dna',
        [],
        [(2, "a quote is opened and not closed", 'm1,"dna')],
        (2, 0, ",", True),
    ),
    "no line end at the end, after a quote": (
        b'media_id,types\nm1,"dna"x',
        [],
        [(2, "text stands between a closing quote and the next delimiter", 'm1,"dna"x')],
        (2, 0, ",", True),
    ),
    "ids without a header": (
        b"m1\nm2,\nm 3\n\nm4,x\n",
        [(1, "m1", "AIMediaDNA", None, None, 0), (2, "m2", "AIMediaDNA", None, None, 0)],
        [
            (3, "bad media id: 'm 3' (allowed: A-Z a-z 0-9 _ -, at most 64)", "m 3"),
            (
                5,
                "too many fields: 2 (a file without a header has the media id alone on a line)",
                "m4,x",
            ),
        ],
        (5, 1, ",", False),
    ),
    "delimiter only in the last line": (
        b"m1\nm2;",
        [(1, "m1", "AIMediaDNA", None, None, 0)],
        [(2, "bad media id: 'm2;' (allowed: A-Z a-z 0-9 _ -, at most 64)", "m2;")],
        (2, 0, ",", False),
    ),
    "delimiter only in a line before the last": (
        b"m1\nm2;\nm3;;\n",
        [
            (1, "m1", "AIMediaDNA", None, None, 0),
            (2, "m2", "AIMediaDNA", None, None, 0),
            (3, "m3", "AIMediaDNA", None, None, 0),
        ],
        [],
        (3, 0, ";", False),
    ),
    "tabs": (
        b"note\tMediaId\tTYPES\nx,y;z\tm1\tdna,tag\n\tm2\n",
        [(2, "m1", "AIMediaDNA,AIVideoTag", None, None, 0), (3, "m2", "AIMediaDNA", None, None, 0)],
        [],
        (3, 0, "\t", True),
    ),
    "semicolons, types by commas": (
        b"media_id;types\nm1;dna,tag\nm2;tag|dna\nm3;dna;\n",
        [
            (2, "m1", "AIMediaDNA,AIVideoTag", None, None, 0),
            (3, "m2", "AIMediaDNA,AIVideoTag", None, None, 0),
            (4, "m3", "AIMediaDNA", None, None, 0),
        ],
        [],
        (4, 0, ";", True),
    ),
    "all in quotes": (
        b'"media_id","types"\n"m1","dna,tag"\n" m2 ",""\n"m3","DNA"\n',
        [
            (2, "m1", "AIMediaDNA,AIVideoTag", None, None, 0),
            (3, "m2", "AIMediaDNA", None, None, 0),
            (4, "m3", "AIMediaDNA", None, None, 0),
        ],
        [],
        (4, 0, ",", True),
    ),
    "quotes within a cell without quotes": (
        b'media_id,note\nm1,5" disc\nm2,x"y"z\n',
        [(2, "m1", "AIMediaDNA", None, None, 0), (3, "m2", "AIMediaDNA", None, None, 0)],
        [],
        (3, 0, ",", True),
    ),
    "doubled quotes": (
        b'media_id,note\nm1,"say ""no"""\nm"2,""\n',
        [(2, "m1", "AIMediaDNA", None, None, 0)],
        [(3, "bad media id: 'm\"2' (allowed: A-Z a-z 0-9 _ -, at most 64)", 'm"2,""')],
        (3, 0, ",", True),
    ),
    "line end within quotes": (
        b'media_id,note\nm1,"a\nb"\nm 2,"c\r\n\r\nd"\nm3,x\n',
        [(2, "m1", "AIMediaDNA", None, None, 0), (7, "m3", "AIMediaDNA", None, None, 0)],
        [(4, "bad media id: 'm 2' (allowed: A-Z a-z 0-9 _ -, at most 64)", 'm 2,"c\n\nd"')],
        (7, 0, ",", True),
    ),
    "json over several lines": (
        b'media_id,config\nm1,"{\n""b"":1,\n""a"":2}"\nm2,{}\n',
        [(2, "m1", "AIMediaDNA", '{"a":2,"b":1}', None, 0), (5, "m2", "AIMediaDNA", "{}", None, 0)],
        [],
        (5, 0, ",", True),
    ),
    "a quote never closed": (
        b'media_id,types\nm1,"dna\nm2,tag\nm3,dna\n',
        [(3, "m2", "AIVideoTag", None, None, 0), (4, "m3", "AIMediaDNA", None, None, 0)],
        [(2, "a quote is opened and not closed", 'm1,"dna')],
        (4, 0, ",", True),
    ),
    "a quote closed lines later": (
        b'media_id,types\nm1,"dna\nm2,tag\nm3,"dna,tag"\nm4,\n',
        [
            (3, "m2", "AIVideoTag", None, None, 0),
            (4, "m3", "AIMediaDNA,AIVideoTag", None, None, 0),
            (5, "m4", "AIMediaDNA", None, None, 0),
        ],
        [(2, "a quote is opened and not closed", 'm1,"dna')],
        (5, 0, ",", True),
    ),
    "a stray quote closed by another": (
        b'media_id,note\nm1,"Director cut\nm2,x\nm3,y"\nm4,z\n',
        [
            (3, "m2", "AIMediaDNA", None, None, 0),
            (4, "m3", "AIMediaDNA", None, None, 0),
            (5, "m4", "AIMediaDNA", None, None, 0),
        ],
        [(2, "a quote is opened and not closed", 'm1,"Director cut')],
        (5, 0, ",", True),
    ),
    "a stray quote closed by the next line": (
        b'media_id,note\nm1,"Director cut\nm2,y"\nm3,z\n',
        [(3, "m2", "AIMediaDNA", None, None, 0), (4, "m3", "AIMediaDNA", None, None, 0)],
        [(2, "a quote is opened and not closed", 'm1,"Director cut')],
        (4, 0, ",", True),
    ),
    "a stray quote before the id": (
        b'media_id,note\n"m1,x\nm2,y\nm3,5"\nm4,z\n',
        [
            (3, "m2", "AIMediaDNA", None, None, 0),
            (4, "m3", "AIMediaDNA", None, None, 0),
            (5, "m4", "AIMediaDNA", None, None, 0),
        ],
        [(2, "a quote is opened and not closed", '"m1,x')],
        (5, 0, ",", True),
    ),
    "a stray quote in the header": (
        b'media_id,"note\nm1,x\nm2,y"\nm3,z\n',
        [
            (2, "m1", "AIMediaDNA", None, None, 0),
            (3, "m2", "AIMediaDNA", None, None, 0),
            (4, "m3", "AIMediaDNA", None, None, 0),
        ],
        [],
        (4, 0, ",", True),
    ),
    "a stray quote in the header, closed nowhere": (
        b'media_id,"note\nm1,x\nm2,y\n',
        [(2, "m1", "AIMediaDNA", None, None, 0), (3, "m2", "AIMediaDNA", None, None, 0)],
        [],
        (3, 0, ",", True),
    ),
    "titles of several lines before the id": (
        b'title,media_id\n"a\nb",m1\n"c, d\ne, f",m2\n',
        [(2, "m1", "AIMediaDNA", None, None, 0), (4, "m2", "AIMediaDNA", None, None, 0)],
        [],
        (5, 0, ",", True),
    ),
    "each line opens what the next one closes": (
        b'media_id,note\nm1,"a\nm2,"b\nm3,"c\n',
        [],
        [
            (2, "a quote is opened and not closed", 'm1,"a'),
            (3, "a quote is opened and not closed", 'm2,"b'),
            (4, "a quote is opened and not closed", 'm3,"c'),
        ],
        (4, 0, ",", True),
    ),
    "text after a closing quote": (
        b'media_id,types\n"m1"x,tag\nm2,"tag" \nm3,tag\n',
        [(4, "m3", "AIVideoTag", None, None, 0)],
        [
            (2, "text stands between a closing quote and the next delimiter", '"m1"x,tag'),
            (3, "text stands between a closing quote and the next delimiter", 'm2,"tag" '),
        ],
        (4, 0, ",", True),
    ),
    "an unreadable first line": (
        b'"a"b\nm1\n',
        [(2, "m1", "AIMediaDNA", None, None, 0)],
        [(1, "text stands between a closing quote and the next delimiter", '"a"b')],
        (2, 0, ",", False),
    ),
    "a quote opened in the first line": (
        b'"m1\nm2\nm3\n',
        [(2, "m2", "AIMediaDNA", None, None, 0), (3, "m3", "AIMediaDNA", None, None, 0)],
        [(1, "a quote is opened and not closed", '"m1')],
        (3, 0, ",", False),
    ),
    "NUL": (
        b"media_id,types\nm\x001,tag\nm2,\x00\nm3,tag\n\x00\n",
        [(4, "m3", "AIVideoTag", None, None, 0)],
        [
            (2, "the line holds a NUL character", "m\x001,tag"),
            (3, "the line holds a NUL character", "m2,\x00"),
            (5, "the line holds a NUL character", "\x00"),
        ],
        (5, 0, ",", True),
    ),
    "a record of delimiters": (
        b"media_id,types\n,\n , \n,,\nm1,tag\n",
        [(5, "m1", "AIVideoTag", None, None, 0)],
        [],
        (5, 3, ",", True),
    ),
    "too many fields": (
        b"media_id,types\nm1,tag,x\nm2,tag, ,\nm3,tag\n",
        [(3, "m2", "AIVideoTag", None, None, 0), (4, "m3", "AIVideoTag", None, None, 0)],
        [(2, "too many fields: 3 (the header names 2)", "m1,tag,x")],
        (4, 0, ",", True),
    ),
    "too few fields": (
        b"types,note,media_id\ndna,x,m1\ndna\n,,m2\n",
        [(2, "m1", "AIMediaDNA", None, None, 0), (4, "m2", "AIMediaDNA", None, None, 0)],
        [(3, "no media id", "dna")],
        (4, 0, ",", True),
    ),
    "first fault of several": (
        b"media_id,types,config,priority\nm 1,foo,[,x\nm2,foo,[,x\nm3,tag,[,x\nm4,tag,{},x\nm5,tag,{},7\n",  # noqa: E501
        [(6, "m5", "AIVideoTag", "{}", None, 7)],
        [
            (2, "bad media id: 'm 1' (allowed: A-Z a-z 0-9 _ -, at most 64)", "m 1,foo,[,x"),
            (3, "unknown type: 'foo' (known: AIMediaDNA, AIVideoTag, dna, tag)", "m2,foo,[,x"),
            (4, "config is not a JSON object: Expecting value at character 2: '['", "m3,tag,[,x"),
            (5, "bad priority: 'x' (allowed: a whole number from -32767 to 32767)", "m4,tag,{},x"),
        ],
        (6, 0, ",", True),
    ),
    "user data": (
        b'media_id,user_data\nm1,"{""b"": 1, ""a"": ""\xe6\x97\xa5""}"\nm2,{\nm3, \n',
        [
            (2, "m1", "AIMediaDNA", None, '{"a":"日","b":1}', 0),
            (4, "m3", "AIMediaDNA", None, None, 0),
        ],
        [
            (
                3,
                "user_data is not a JSON object: Expecting property name enclosed in double quotes at character 2: '{'",  # noqa: E501
                "m2,{",
            )
        ],
        (4, 0, ",", True),
    ),
    "other line separators are text": (
        b"media_id,note\nm1,a\xe2\x80\xa8b\xc2\x85c\x0cd\x0be\nm2\x0c,x\n",
        [(2, "m1", "AIMediaDNA", None, None, 0), (3, "m2", "AIMediaDNA", None, None, 0)],
        [],
        (3, 0, ",", True),
    ),
    "header after blank lines": (
        b"\n,,\nmedia_id,types,\nm1,tag,\n",
        [(4, "m1", "AIVideoTag", None, None, 0)],
        [],
        (4, 2, ",", True),
    ),
    "header over two lines": (
        b'media_id,"title\nof it"\nm1,x\n',
        [(3, "m1", "AIMediaDNA", None, None, 0)],
        [],
        (3, 0, ",", True),
    ),
    "gzip": (
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcbMM\xc9L\x8c\xcfL\xd1)\xa9,H-\xe6\xca5\xd4)IL\xe7\xcaU0\xd2\xe1\x02\x00\xadZ\x94\xc7\x1b\x00\x00\x00",
        [(2, "m1", "AIVideoTag", None, None, 0)],
        [(3, "bad media id: 'm 2' (allowed: A-Z a-z 0-9 _ -, at most 64)", "m 2,")],
        (3, 0, ",", True),
    ),
    "sep= says the delimiter": (
        b"sep=;\r\nmedia_id;title, long, and, wide\r\nm1;dna\r\n",
        [(3, "m1", "AIMediaDNA", None, None, 0)],
        [],
        (3, 0, ";", True),
    ),
    "sep= says an unusual one": (
        b"sep=^\nmedia_id^types\nm1^tag\n",
        [(3, "m1", "AIVideoTag", None, None, 0)],
        [],
        (3, 0, "^", True),
    ),
    "pipes": (
        b"media_id|title, long\nm1|x\n",
        [(2, "m1", "AIMediaDNA", None, None, 0)],
        [],
        (2, 0, "|", True),
    ),
    "more commas than delimiters in the header": (
        b"media_id;a, b, c\nm1;x\n",
        [(2, "m1", "AIMediaDNA", None, None, 0)],
        [],
        (2, 0, ";", True),
    ),
    "json lines": (
        b'{"MediaId":"m1"}\n\n{"MediaId":"m2", "type":"tag"}\n{"x":1}\n{"MediaId":\n',
        [(1, "m1", "AIMediaDNA", None, None, 0), (3, "m2", "AIVideoTag", None, None, 0)],
        [
            (4, "no media ids in one object", '{"x": 1}'),
            (5, "not JSON: Expecting value: line 1 column 12 (char 11)", '{"MediaId":'),
        ],
        (5, 1, "", False),
    ),
}
"""Bytes; rows; quarantined lines; and lines, blank records, delimiter, whether a header."""


@pytest.mark.parametrize("name", LISTS)
def test_list(name: str) -> None:
    data, rows, quarantined, facts = LISTS[name]
    manifest = Manifest(None, OPTIONS, stream=io.BytesIO(data))
    chunks = list(manifest.chunks())
    assert [row[:6] for chunk in chunks for row in chunk.rows] == rows
    bad = [(one.line, one.reason, one.raw) for chunk in chunks for one in chunk.quarantined]
    assert bad == quarantined
    assert (
        manifest.facts.lines,
        manifest.facts.blank,
        manifest.facts.delimiter,
        bool(manifest.facts.header),
    ) == facts
