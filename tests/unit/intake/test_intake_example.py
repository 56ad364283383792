"""The example manifest: its counts are stated in the documents."""

from collections import Counter
from pathlib import Path

from batch.core.models import JobType
from batch.intake.manifest import Manifest
from batch.intake.model import IntakeOptions

EXAMPLE = Path(__file__).parents[3] / "examples" / "media.csv"
OPTIONS = IntakeOptions(
    default_types=(JobType.MEDIA_DNA,), offered=frozenset(JobType), region="cn-shanghai"
)


def test_example_has_the_counts_the_documents_state() -> None:
    manifest = Manifest(EXAMPLE, OPTIONS)
    chunks = list(manifest.chunks())
    pairs = Counter(
        (row.media_id, job_type)
        for chunk in chunks
        for row in chunk.rows
        for job_type in row.types.split(",")
    )
    assert (manifest.facts.lines, manifest.facts.rows, manifest.facts.quarantined) == (553, 540, 12)
    assert (len(pairs), pairs.total() - len(pairs)) == (645, 20)
    assert Counter(job_type for _, job_type in pairs) == {"AIMediaDNA": 369, "AIVideoTag": 276}


def test_example_shows_many_ways_to_go_wrong() -> None:
    lines = [line for chunk in Manifest(EXAMPLE, OPTIONS).chunks() for line in chunk.quarantined]
    kinds = {line.reason.split(":")[0] for line in lines}
    assert kinds == {
        "bad media id",
        "no media id",
        "too many fields",
        "unknown type",
        "the line holds a NUL character",
        "text stands between a closing quote and the next delimiter",
        "a quote is opened and not closed",
    }


def test_example_has_the_form_of_an_export_from_windows() -> None:
    data = EXAMPLE.read_bytes()
    assert data.startswith(b"\xef\xbb\xbfmedia_id,types\r\n")
    assert data.count(b"\n") == data.count(b"\r\n") == 553
