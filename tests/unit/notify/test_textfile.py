"""The file for Prometheus: readable by others, replaced in one step, success never forgotten."""

import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from batch.notify.textfile import (
    LAST_SUCCESS,
    Metric,
    night_metrics,
    record_textfile,
    write_textfile,
)

NIGHT = datetime(2026, 11, 23, 6, tzinfo=UTC)


def _night(exit_code: int, days: int = 0, account: str = "default") -> list[Metric]:
    ended = NIGHT + timedelta(days=days)
    return night_metrics(
        account=account, region="cn-shanghai", exit_code=exit_code,
        started_at=ended - timedelta(hours=8), ended_at=ended,
        states={"submitted": 3, "in_doubt": 0},
    )  # fmt: skip


def _values(path: Path) -> dict[str, float]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}


def _last_success(path: Path, account: str = "default") -> float | None:
    return _values(path).get(f'{LAST_SUCCESS}{{account="{account}",region="cn-shanghai"}}')


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where node_exporter looks."""
    return tmp_path / "vod_batch.prom"


def test_a_night_leaves_its_figures(path: Path) -> None:
    """In the exposition format, family by family."""
    write_textfile(path, _night(3))
    values = _values(path)
    labels = 'account="default",region="cn-shanghai"'
    assert values[f"vod_batch_last_run_exit_code{{{labels}}}"] == 3
    assert values[f"vod_batch_last_run_success{{{labels}}}"] == 1
    assert values[f"vod_batch_last_run_duration_seconds{{{labels}}}"] == 8 * 3600
    assert values[f'vod_batch_submissions{{{labels},state="submitted"}}'] == 3
    assert _last_success(path) == NIGHT.timestamp()
    text = path.read_text()
    assert text.count("# TYPE vod_batch_submissions gauge\n") == 1
    assert text.endswith("\n")


def test_a_failed_night_keeps_the_last_success(path: Path) -> None:
    """However many of them there are."""
    write_textfile(path, _night(0))
    for day in (1, 2, 3):
        write_textfile(path, _night(69, day))
        assert _last_success(path) == NIGHT.timestamp()
        assert f"# TYPE {LAST_SUCCESS} gauge" in path.read_text()
    write_textfile(path, _night(0, 4))
    assert _last_success(path) == (NIGHT + timedelta(days=4)).timestamp()


def test_a_first_night_that_fails_claims_no_success(path: Path) -> None:
    """Absence is what an alert must see."""
    write_textfile(path, _night(77))
    assert LAST_SUCCESS not in path.read_text()


def test_another_targets_success_is_kept(path: Path) -> None:
    """Two accounts may share a file by mistake."""
    write_textfile(path, _night(0))
    write_textfile(path, _night(0, 1, "other"))
    assert _last_success(path) == NIGHT.timestamp()
    assert _last_success(path, "other") == (NIGHT + timedelta(days=1)).timestamp()


@pytest.mark.parametrize("rubbish", [b"", b"\xff\xfe\x00", f"{LAST_SUCCESS} x\n".encode()])
def test_a_broken_file_is_replaced(path: Path, rubbish: bytes) -> None:
    """What cannot be read is not carried on."""
    path.write_bytes(rubbish)
    write_textfile(path, _night(69))
    assert LAST_SUCCESS not in path.read_text()


def test_others_may_read_it_and_nothing_is_left_over(path: Path) -> None:
    """node_exporter is another user."""
    write_textfile(path, _night(0))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_reader_never_sees_half_a_file(path: Path) -> None:
    """It is renamed when it is whole."""
    write_textfile(path, _night(0))
    seen: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for day in range(200):
        write_textfile(path, _night(0, day))
    done.set()
    reader.join()
    assert {text.count("\n") for text in seen} == {path.read_text().count("\n")}


def test_labels_are_quoted(path: Path) -> None:
    """Whatever a name holds."""
    write_textfile(path, [Metric("a", "b\nc", 1.5, {"d": 'e"f\\g\nh'})])
    assert path.read_text() == '# HELP a b\\nc\n# TYPE a gauge\na{d="e\\"f\\\\g\\nh"} 1.5\n'


def test_a_file_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    """It never fails a run."""
    delivery = record_textfile(tmp_path / "missing" / "x.prom", _night(0))
    assert (delivery.ok, "No such file" in delivery.detail) == (False, True)
    assert not record_textfile(tmp_path / "x.prom", [Metric("not a name", "", 1)]).ok
    assert record_textfile(tmp_path / "x.prom", _night(0)).ok
