"""A night as cron starts it: the inbox, the looks before paying, and what it tells by its end."""

import gzip
import json
import os
from pathlib import Path

import pytest

from tests.integration.night.conftest import MakeShift
from tests.support.ledger import media
from tests.support.shift import Shift

PRICES = '{"AIMediaDNA": "0.05", "AIVideoTag": "0.30"}'


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_new_files_are_loaded_sent_followed_and_put_away(make_shift: MakeShift) -> None:
    """Afterwards the inbox is empty, and each list stands in done/ beside its results."""
    shift = make_shift()
    shift.drop("b.csv", range(3))
    shift.drop("a.csv", range(10, 12), "dna,tag")
    shift.run()
    assert shift.states() == {"succeeded": 7}
    assert _names(shift.inbox) == ["done"]
    done = shift.inbox / "done"
    assert _names(done) == ["a.csv", "a.csv.results.csv", "b.csv", "b.csv.results.csv"]
    results = (done / "a.csv.results.csv").read_text(encoding="utf-8").splitlines()
    assert len(results) == 1 + 4
    assert all("succeeded" in line for line in results[1:])
    assert shift.run().stdout.count("none came") == 1


def test_bad_lines_and_bad_files_are_set_apart(make_shift: MakeShift) -> None:
    """Bad lines go beside the list into done/; a file that cannot be read goes to failed/."""
    shift = make_shift()
    good = shift.drop("mixed.csv", range(3))
    with good.open("a") as file:
        file.write("not an id\n")
    shift.settle(good)
    broken = shift.inbox / "broken.csv.gz"
    broken.write_bytes(gzip.compress(b"media_id\n" + media(9).encode())[:-9])
    shift.settle(broken)
    ended = shift.run(code=3)
    assert shift.states() == {"succeeded": 3}
    assert _names(shift.inbox / "done") == [
        "mixed.csv", "mixed.csv.quarantine.csv", "mixed.csv.results.csv",
    ]  # fmt: skip
    assert _names(shift.inbox / "failed") == ["broken.csv.gz", "broken.csv.gz.error.txt"]
    assert "broken.csv.gz: NOT LOADED" in ended.stdout
    assert "it lies in failed/, mend it there and put it into the inbox again" in ended.stdout


def test_a_file_that_is_still_written_to_waits(make_shift: MakeShift) -> None:
    """What was touched a moment ago is left where it is, and said so."""
    shift = make_shift()
    fresh = shift.drop("fresh.csv", range(3))
    os.utime(fresh)
    ended = shift.run()
    assert "fresh.csv: still being written, waits for the next night" in ended.stdout
    assert _names(shift.inbox) == ["fresh.csv"]
    assert shift.states() == {}
    shift.settle(fresh)
    shift.run()
    assert shift.states() == {"succeeded": 3}


def test_preflight_saves_every_call_for_media_that_are_not_there(make_shift: MakeShift) -> None:
    """With 30 % missing no call is made for them; rows say why, the report what it saved."""
    gone = ", ".join(f'"{media(n)}"' for n in range(30))
    shift = make_shift(
        f"[media]\nmissing = [{gone}]\nduration_seconds = 600", VOD_BATCH_PRICES=PRICES
    )
    shift.drop("a.csv", range(100))
    ended = shift.run(code=3)
    assert shift.states() == {"succeeded": 70, "rejected": 30}
    assert shift.emulator.submits() == 70
    assert "InvalidVideo.NotFound" not in shift.emulator.meter()["answers"]
    codes = {row["error_code"] for row in shift.rows() if row["status"] == "rejected"}
    assert codes == {"Preflight.NotFound"}
    assert "30  submissions of media not there or not ready, about 15.00 CNY saved" in ended.stdout


def test_without_preflight_each_missing_media_costs_a_call(make_shift: MakeShift) -> None:
    """The same list unlooked at: this is what preflight saves."""
    shift = make_shift(f'[media]\nmissing = ["{media(1)}", "{media(2)}"]')
    shift.drop("a.csv", range(10))
    shift.run("--no-preflight", code=3)
    assert shift.emulator.submits() == 10
    assert shift.states() == {"succeeded": 8, "rejected": 2}


def test_a_media_that_is_not_ready_is_put_off(make_shift: MakeShift) -> None:
    """One that is still being uploaded comes due again later; it is not rejected."""
    shift = make_shift(f'[media.statuses]\nUploading = ["{media(1)}"]\nBlocked = ["{media(2)}"]')
    shift.drop("a.csv", range(4))
    shift.run(code=3)
    assert shift.states() == {"succeeded": 2, "pending": 1, "rejected": 1}


def test_a_night_costs_what_the_cloud_charged(make_shift: MakeShift) -> None:
    """Report, status and the emulator's bill agree to the cent; a failed job is free."""
    shift = make_shift(
        f'[media]\nduration_range = [31.5, 900.0]\n[jobs]\nfailing_media = ["{media(3)}"]',
        VOD_BATCH_PRICES=PRICES,
    )
    shift.drop("a.csv", range(15), "dna,tag")
    facts = shift.facts(code=3)
    bill = shift.emulator.meter()["cost"]
    (cost,) = facts["costs"]["by_currency"]
    assert (cost["currency"], cost["charged"]) == ("CNY", bill["total"])
    told = json.loads(shift.console.run("status", "--json").stdout)["costs"]
    assert told["by_currency"] == [cost]
    assert {row["cost"] for row in shift.rows() if row["status"] == "failed"} == {"0.00"}
    story = shift.console.run("why", media(1)).stdout
    assert "CNY charged: of " in story


def test_a_budget_of_the_night_is_reported_in_the_morning(make_shift: MakeShift) -> None:
    """What is bound, what is left, and what did not fit: exit 5."""
    shift = make_shift("[media]\nduration_seconds = 600", VOD_BATCH_PRICES=PRICES)
    shift.drop("a.csv", range(10))
    ended = shift.run("--budget", "2.25", code=5)
    assert shift.states() == {"succeeded": 4, "pending": 6}
    assert "budget of the run 2.25 CNY: 2.00 charged or reserved - NEARLY USED" in ended.stdout
    assert "may cost 0.50; 0.25 is left of the run's 2.25" in ended.stdout
    assert "ended because the budget is reached (exit code 5)" in ended.stdout
    assert "carried over         6  because the budget is reached" in ended.stdout
    story = shift.console.run("why", media(9)).stdout
    assert "the last run ended because the budget is reached" in story


def test_rows_of_higher_priority_go_first_when_money_is_short(make_shift: MakeShift) -> None:
    """What is carried over is what mattered less."""
    shift = make_shift("[media]\nduration_seconds = 600", VOD_BATCH_PRICES=PRICES)
    path = shift.inbox / "a.csv"
    lines = "".join(f"{media(n)},{n}\n" for n in range(6))
    path.write_text("media_id,priority\n" + lines, encoding="utf-8")
    shift.settle(path)
    shift.run("--budget", "1", code=5)
    sent = [row["media_id"] for row in shift.rows() if row["status"] == "succeeded"]
    assert sorted(sent) == sorted(media(n) for n in (4, 5))


@pytest.mark.parametrize(
    ("words", "settings", "code", "says"),
    [
        (["--budget", "-1"], {}, 64, "--budget: "),
        (["--budget", "5"], {}, 78, "prices: a budget is set, and there are none: set them"),
        (["--until", "25:00"], {}, 64, "'25:00' is not a time of day; write it like 06:00"),
        (["--timezone", "Mars/Base"], {}, 64, "there is no time zone 'Mars/Base'"),
        ([], {"VOD_BATCH_PRICES": "cheap"}, 78, "VOD_BATCH_PRICES is not JSON"),
        ([], {"VOD_BATCH_PRICES": '{"AIMediaDNA": "-1"}'}, 78, "greater than or equal to 0"),
    ],
)
def test_wrong_settings_are_one_line_and_lose_nothing(
    make_shift: MakeShift, words: list[str], settings: dict[str, str], code: int, says: str
) -> None:
    """The message names the setting; the inbox stays as it was, and nothing is sent."""
    shift = make_shift(**settings)
    shift.drop("a.csv", range(3))
    ended = shift.run(*words, code=code)
    assert ended.stdout.startswith("Not well: 1 thing for you to do.\n- ")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("vod-batch: ")
    assert says in line
    assert _names(shift.inbox) == ["a.csv"]
    assert shift.emulator.submits() == 0


def test_an_inbox_that_is_not_there_is_said_so(make_shift: MakeShift) -> None:
    """One line, exit 78."""
    shift = make_shift()
    ended = shift.console.run("nightly", str(shift.inbox / "nowhere"), code=78)
    says = f"there is no inbox {shift.inbox / 'nowhere'}; make it, or name another"
    assert ended.stderr == f"vod-batch: {says}\n"
    assert ended.stdout.splitlines()[:2] == ["Not well: 1 thing for you to do.", f"- {says}"]


def _stopped(shift: Shift, account: str) -> None:
    shift.emulator.account(account)
    shift.drop("a.csv", range(5))


@pytest.mark.parametrize(("account", "code"), [("arrears", 69), ("not_open", 69)])
def test_a_stopped_account_ends_the_night_at_its_first_answer(
    make_shift: MakeShift, account: str, code: int
) -> None:
    """Nothing is spent, every row is given back, and the next night finishes the work."""
    shift = make_shift()
    _stopped(shift, account)
    shift.run("--no-preflight", code=code)
    assert shift.emulator.meter()["jobs"] == 0
    assert shift.states() == {"pending": 5}
    shift.emulator.account("ok")
    shift.run()
    assert shift.states() == {"succeeded": 5}
