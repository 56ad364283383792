"""A night that could not begin: its page says why, and every channel hears of it."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.integration.night.conftest import MakeShift
from tests.support.hearing import hearing_server

CHECK = "5f3759df-1234-4abc-8def-00d9f2e3a4b5"


@pytest.mark.parametrize(
    ("settings", "words", "code", "says"),
    [
        ({"VOD_BATCH_QPS": "many"}, [], 78, "VOD_BATCH_QPS: "),
        ({"VOD_BATCH_BUGDET": "3"}, [], 78, "unknown environment variable VOD_BATCH_BUGDET"),
        ({}, ["--until", "25:00"], 64, "--until: "),
        ({}, ["--quiet", "--log", "auto"], 64, "--quiet and --log auto contradict each other"),
        ({"VOD_BATCH_DATABASE_URL": "postgresql://u@127.0.0.1:9/x",
          "VOD_BATCH_DATABASE_PATIENCE": "1s"}, [], 69, "PostgreSQL"),
    ],
)  # fmt: skip
async def test_what_keeps_a_night_from_beginning_is_told_everywhere(
    make_shift: MakeShift, settings: dict[str, str], words: list[str], code: int, says: str
) -> None:
    """A failing ping and a webhook, with the page that is printed; nothing has moved."""
    async with hearing_server() as check:
        shift = make_shift(
            VOD_BATCH_PING_URL=f"{check.url}/{CHECK}",
            VOD_BATCH_WEBHOOKS=f"json+{check.url}/hook",
            **settings,
        )
        shift.drop("a.csv", range(3))
        ended = await asyncio.to_thread(shift.run, *words, code=code)
        told = {heard.path: heard for heard in check.heard}
        assert set(told) == {f"/{CHECK}/{code}", "/hook"}
        first, second, *_ = ended.stdout.splitlines()
        assert first == "Not well: 1 thing for you to do."
        assert says in second
        assert ended.stdout.strip() in told[f"/{CHECK}/{code}"].body.decode()
        facts = json.loads(told["/hook"].body)
        assert (facts["well"], facts["has_begun"], facts["exit_code"]) == (False, False, code)
        again = f"vod-batch nightly {shift.inbox}"
        assert facts["needs"][0]["commands"] == ["vod-batch doctor", again]
        assert [path.name for path in shift.inbox.iterdir()] == ["a.csv"]


async def test_words_that_cannot_be_read_are_told_too(make_shift: MakeShift) -> None:
    """A crontab is not read by anybody at night."""
    async with hearing_server() as check:
        shift = make_shift(VOD_BATCH_PING_URL=f"{check.url}/{CHECK}")
        ended = await asyncio.to_thread(shift.run, "--qps", "many", "--untill", "06:00", code=64)
        assert [heard.path for heard in check.heard] == [f"/{CHECK}/64"]
        assert "the command line of nightly cannot be read: " in ended.stdout.splitlines()[1]
        assert "    vod-batch nightly INBOX" in ended.stdout.splitlines()


async def test_an_inbox_that_is_missing_pings_a_failure(make_shift: MakeShift) -> None:
    """The check hears it, and the JSON holds it."""
    async with hearing_server() as check:
        shift = make_shift(VOD_BATCH_PING_URL=f"{check.url}/{CHECK}")
        shift.inbox.rmdir()
        facts = await asyncio.to_thread(shift.facts, code=78)
        assert [heard.path for heard in check.heard] == [f"/{CHECK}/78"]
        assert facts["needs"][0]["text"].startswith(f"there is no inbox {shift.inbox}")


async def test_the_check_is_found_in_a_file_that_is_off(make_shift: MakeShift) -> None:
    """A misspelt key of the file is no reason to be silent; a check that is off has no say."""
    async with hearing_server() as check:
        shift = make_shift()
        file = shift.console.home / "vod-batch.toml"
        file.write_text(f'bugdet = 3\nsmtp_url = 3\nping_url = "{check.url}/{CHECK}"\n')
        ended = await asyncio.to_thread(shift.run, code=78)
        assert [heard.path for heard in check.heard] == [f"/{CHECK}/78"]
        assert "unknown setting 'bugdet'" in ended.stdout


def test_a_file_that_is_no_toml_tells_nobody_and_says_so(make_shift: MakeShift) -> None:
    """Nobody is known to tell; the page is printed all the same."""
    shift = make_shift()
    (shift.console.home / "vod-batch.toml").write_text("ping_url = ")
    ended = shift.run(code=78)
    assert "cannot read the settings file" in ended.stdout.splitlines()[1]


def test_a_good_night_prints_nothing_where_the_page_is_for_needs(make_shift: MakeShift) -> None:
    """So that cron has nothing to mail; the page can be had by report."""
    shift = make_shift(VOD_BATCH_PRINT_PAGE="when-needed")
    shift.drop("a.csv", range(3))
    assert shift.run().stdout == ""
    assert shift.run("--json").stdout == ""
    assert shift.run("--print-page", "always").stdout.startswith("All is well")
    assert shift.console.run("report").stdout.startswith("All is well")


@pytest.mark.parametrize("page", ["README.md", "docs/operating.md"])
def test_the_crontab_line_of_the_documents_prints_nothing(make_shift: MakeShift, page: str) -> None:
    """On a good night; its logs go to a file."""
    (line,) = re.findall(r" nightly \$HOME/lists (.*) 2>> night\.log$", _read(page), re.MULTILINE)
    shift = make_shift()
    shift.drop("a.csv", range(3))
    assert shift.run(*line.split()).stdout == ""


def _read(page: str) -> str:
    return (Path(__file__).parents[3] / page).read_text(encoding="utf-8")


def test_a_night_that_needs_somebody_prints_its_page(make_shift: MakeShift) -> None:
    """Whatever its exit code, and also one that did not begin."""
    shift = make_shift(VOD_BATCH_PRINT_PAGE="when-needed")
    shift.settle_text("a.xlsx", "PK")
    assert shift.run().stdout.startswith("Not well: 1 thing for you to do.\n- a.xlsx in the inbox")
    assert shift.run("--qps", "-1", code=64).stdout.startswith("Not well: 1 thing for you to do.")
