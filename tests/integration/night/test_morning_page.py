"""The morning page tells the cause of every ending and its mend; the JSON tells the same."""

import asyncio
import json
import os
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from batch.show.text.night import morning_lines
from tests.integration.night.conftest import MakeShift
from tests.support.console import KEY
from tests.support.hearing import hearing_server
from tests.support.ledger import media
from tests.support.rewording import in_media, rewording
from tests.support.shift import Shift

WELL = "All is well: nothing for you to do."


def _needs(shift: Shift, *words: str, code: int) -> list[dict[str, Any]]:
    """Run one night that leaves something to do; return what, as its JSON says it."""
    facts = shift.facts(*words, code=code)
    assert facts["well"] is False
    assert facts["exit_code"] == code
    return list(facts["needs"])


def _refusing(code: str, status: int = 403, action: str = "SubmitAIJob") -> str:
    return f'[[faults]]\nkind = "refuse"\naction = "{action}"\nstatus = {status}\ncode = "{code}"\n'


def test_a_good_night_says_so_first(make_shift: MakeShift) -> None:
    """In its first line, its JSON, and when it is shown again."""
    shift = make_shift()
    shift.drop("a.csv", range(3))
    page = shift.run().stdout
    assert page.splitlines()[0] == WELL
    assert shift.console.run("report").stdout == page
    told = json.loads(shift.console.run("report", "--json").stdout)
    assert (told["well"], told["needs"]) == (True, [])


def test_yesterdays_bad_ends_are_not_todays(make_shift: MakeShift) -> None:
    """A night that adds none to them leaves nothing to do."""
    shift = make_shift(f'[jobs]\nfailing_media = ["{media(1)}"]\n')
    shift.drop("a.csv", range(3))
    (need,) = _needs(shift, code=3)
    assert need["text"].startswith("1 submission failed")
    assert need["commands"] == ["vod-batch export --state failed"]
    assert shift.run().stdout.splitlines()[0] == WELL


def test_text_and_json_name_the_same_needs(make_shift: MakeShift) -> None:
    """First how many, then each with its commands, then the figures."""
    shift = make_shift(_refusing("InsufficientBalance"))
    shift.drop("a.csv", range(3))
    lines = shift.run(code=69).stdout.splitlines()
    told = json.loads(shift.console.run("report", "--json").stdout)
    (need,) = told["needs"]
    commands = [f"    {command}" for command in need["commands"]]
    assert lines[:2] == ["Not well: 1 thing for you to do.", f"- {need['text']}"]
    assert lines[2 : 2 + len(commands)] == commands
    assert need["commands"][-1] == f"vod-batch nightly {shift.inbox}"


def test_without_credentials(make_shift: MakeShift) -> None:
    """It says which are missing, and never that there is nothing to do."""
    shift = make_shift(**dict.fromkeys(KEY))
    shift.drop("a.csv", range(3))
    ended = shift.run(code=77)
    assert ended.stdout.startswith("Not well: 1 thing for you to do.\n- no Alibaba Cloud cred")
    assert "Set ALIBABA_CLOUD_ACCESS_KEY_ID" in ended.stdout
    assert "nothing for you" not in ended.stdout.lower()


@pytest.mark.parametrize(
    ("refused", "code", "says", "command"),
    [
        ("InsufficientBalance", 69, "in arrears: pay its bill", "vod-batch doctor"),
        ("InvalidAccessKeyId.NotFound", 77, "refuses the access key", "vod-batch doctor"),
        ("IllegalTimestamp", 78, "clock is off", "timedatectl set-ntp true"),
        ("AccessDenied", 77, "the policy of deploy/ram/policy.json", "vod-batch doctor"),
        ("Forbidden.RiskControl", 69, "risk control", "vod-batch doctor"),
        ("Account.Frozen", 69, "a code that no document knows", "vod-batch doctor"),
    ],
)
def test_a_refused_account(
    make_shift: MakeShift, refused: str, code: int, says: str, command: str
) -> None:
    """Each cause has its own mend, and its first command."""
    shift = make_shift(_refusing(refused), VOD_BATCH_CANARY=0, VOD_BATCH_RECONCILE_FOR="1s")
    shift.drop("a.csv", range(3))
    first, *_ = _needs(shift, code=code)
    assert says in first["text"]
    assert refused in first["text"]
    assert first["commands"][0] == command


def test_one_cause_is_told_once(make_shift: MakeShift) -> None:
    """A key that is refused wherever it is used, by looks before paying too."""
    shift = make_shift(ALIBABA_CLOUD_ACCESS_KEY_SECRET="wrong-and-secret")
    shift.drop("a.csv", range(3))
    (need,) = _needs(shift, code=77)
    assert need["text"].startswith("the cloud refuses the access key: ")
    assert "wrong-and-secret" not in need["text"]


def test_a_page_without_the_ledger(make_shift: MakeShift) -> None:
    """What the night itself knows is told; how all stands is to be seen later."""
    shift = make_shift(_refusing("InsufficientBalance"))
    shift.drop("a.csv", range(3))
    facts = shift.facts(code=69)
    page = list(morning_lines(facts, None, ZoneInfo("UTC")))
    assert page[1].startswith("- the cloud account is in arrears")
    assert "vod-batch night of default in cn-shanghai" in page
    assert page[-1].startswith("The ledger could not be asked how things stand")


async def test_a_title_says_whether_all_is_well(make_shift: MakeShift) -> None:
    """Of a mail or a chat, where it may be all that is read."""
    async with hearing_server() as hook:
        shift = make_shift(VOD_BATCH_WEBHOOKS=f"json+{hook.url}/")
        await asyncio.to_thread(shift.run)
        await asyncio.to_thread(shift.run, "--expect-list", code=3)
        first, second = (json.loads(heard.body)["title"] for heard in hook.heard)
    assert first.endswith("ended with 0 (done). All is well: nothing for you to do.")
    assert second.endswith("ended with 3 (done with failures). Not well: 1 thing for you to do.")


def test_a_refusal_while_jobs_are_followed(make_shift: MakeShift) -> None:
    """The same mend, wherever the refusal was met."""
    shift = make_shift(_refusing("InsufficientBalance", action="ListAIJob"), VOD_BATCH_CANARY=0)
    shift.drop("a.csv", range(3))
    (need,) = _needs(shift, code=69)
    assert need["text"].startswith("the cloud account is in arrears: pay its bill")


def test_a_failed_canary_and_an_open_one_differ(make_shift: MakeShift) -> None:
    """One wants a decision; of the other another night decides."""
    toml = "[jobs]\nfinished_after_seconds = 3600\n"
    brief = {"VOD_BATCH_CANARY_WAIT": "100ms", "VOD_BATCH_RECONCILE_FOR": "100ms"}
    shift = make_shift(toml, VOD_BATCH_CANARY=2, **brief)
    shift.drop("a.csv", range(5))
    (need,) = _needs(shift, code=5)
    assert need["text"].startswith("batch 1 waits for its canary, which has not ended (0 of 2")
    assert need["commands"] == [
        f"vod-batch nightly {shift.inbox}", "vod-batch resume --batch 1",
    ]  # fmt: skip


def test_a_batch_that_stays_held_is_told_every_night(make_shift: MakeShift) -> None:
    """Until somebody lets it go: by the night whose canary failed, and by those after it."""
    names = ", ".join(f'"{media(n)}"' for n in range(2))
    shift = make_shift(f"[jobs]\nfailing_media = [{names}]\n", VOD_BATCH_CANARY=2)
    shift.drop("a.csv", range(5))
    failed, bad = _needs(shift, code=3)
    assert failed["text"].startswith("batch 1 is held by its canary, which failed (0 of 2")
    assert "vod-batch cancel --batch 1" in failed["commands"]
    assert bad["text"].startswith("2 submissions failed")
    (held,) = _needs(shift, code=5)
    assert held["text"].startswith("held: batch 1, 3 submissions, since ")
    assert held["commands"] == ["vod-batch resume --batch 1"]
    shift.console.run("resume", "--batch", "1", "--yes")
    assert shift.run().stdout.splitlines()[0] == WELL


def test_a_list_that_failed_is_named_with_its_reason(make_shift: MakeShift) -> None:
    """And where it lies now."""
    shift = make_shift()
    shift.settle_text("a.csv", "media_id\nnot an id\n")
    (need,) = _needs(shift, code=3)
    assert need["text"].startswith("a.csv was not loaded: ")
    assert "failed/" in need["text"]


def test_a_workbook_in_the_inbox_is_something_to_do(make_shift: MakeShift) -> None:
    """Its media are not submitted, and nobody else says so."""
    shift = make_shift()
    shift.settle_text("a.xlsx", "PK")
    facts = shift.facts()
    (need,) = facts["needs"]
    assert need["text"].startswith("a.xlsx in the inbox is not taken: a workbook; save it as CSV")


def test_throttled_looks_are_told(make_shift: MakeShift) -> None:
    """Their media were sent unseen, and lengths are missing."""
    shift = make_shift(_refusing("Throttling.User", 400, "GetVideoInfos"))
    shift.drop("a.csv", range(3))
    facts = shift.facts()
    (need,) = facts["needs"]
    assert need["text"].startswith("1 free look at media failed (")
    assert "Throttling.User" in need["text"]
    assert "lower VOD_BATCH_PREFLIGHT_QPS" in need["text"]


async def test_words_that_nobody_knows_are_something_to_do(make_shift: MakeShift) -> None:
    """With the command that shows them."""
    shift = make_shift()
    shift.drop("a.csv", range(3))
    odd = in_media(Status="Dreaming")
    async with rewording(shift.emulator.url, GetVideoInfos=odd) as url:
        facts = await asyncio.to_thread(shift.having(VOD_BATCH_ENDPOINT=url).facts)
    (need,) = facts["needs"]
    assert need["text"].startswith("the cloud said 1 word that no document knows")
    assert need["commands"] == ["vod-batch status"]


def test_a_list_that_was_expected_and_did_not_come(make_shift: MakeShift) -> None:
    """3, and no success; one that came is enough, and without the word nobody misses any."""
    shift = make_shift()
    (need,) = _needs(shift, "--expect-list", code=3)
    assert need["text"].startswith("no list came, and one was expected: ask whoever sends them")
    assert shift.run().stdout.splitlines()[0] == WELL
    shift.drop("a.csv", range(3))
    assert shift.run("--expect-list").stdout.splitlines()[0] == WELL


def test_a_list_that_is_still_written_to_is_named(make_shift: MakeShift) -> None:
    """When one was expected: it is the one that is late."""
    shift = make_shift()
    os.utime(shift.drop("late.csv", range(3)))
    (need,) = _needs(shift, "--expect-list", code=3)
    assert "still being written: late.csv" in need["text"]


def test_results_that_cannot_be_written_are_told_with_their_command(make_shift: MakeShift) -> None:
    """The night is done all the same."""
    shift = make_shift()
    shift.drop("a.csv", range(3))
    done = shift.inbox / "done"
    done.mkdir()
    (done / "a.csv.results.csv").mkdir()
    (need,) = shift.facts()["needs"]
    assert need["text"].startswith("the results of batch 1 could not be written (")
    assert need["commands"] == ["vod-batch export --batch 1"]
