"""Why: one media's whole story on the real command line."""

import json

from batch.core.states import State
from batch.reconcile.resolving import operator_name
from tests.integration.operate.test_words import _run
from tests.support.cloud import Emulator
from tests.support.console import Console
from tests.support.ledger import DNA, TAG, Ledger, media, write_csv


async def test_the_whole_story(ledger: Ledger, console: Console, emulator: Emulator) -> None:
    """File and line, batch, both types, a refusal, the operator's retry, the job: in order."""
    path = write_csv(console.home / "list.csv", [media(1), media(2)], "AIMediaDNA,AIVideoTag")
    await _run(console, "load", str(path))
    emulator.fault("refuse", code="InvalidVideo.NotFound", media_id=media(2), count=1)
    await _run(console, "submit", code=3)
    await _run(console, "retry", "--code", "invalidvideo.notfound", "--yes", "--reason", "restored")
    await _run(console, "submit")
    story = json.loads((await _run(console, "why", media(2), "--json")).stdout)
    assert (story["media_id"], story["region"]) == (media(2), "cn-shanghai")
    assert [told["job_type"] for told in story["submissions"]] == [DNA, TAG]
    for told in story["submissions"]:
        assert (told["source"], told["line"], told["batch"]) == (str(path), 3, 1)
        refused, accepted = told["attempts"]
        assert (refused["outcome"], refused["code"]) == ("refused", "InvalidVideo.NotFound")
        assert (accepted["outcome"], accepted["job_ids"]) == ("accepted", [told["job_id"]])
        assert accepted["request_id"] == told["request_id"]
        assert refused["nonce"] != accepted["nonce"]
        moves = [(move["from_state"], move["to_state"]) for move in told["history"]]
        assert moves[2] == ("rejected", "pending")
        by_hand = told["history"][2]
        assert by_hand["actor"] == operator_name()
        assert by_hand["reason"] == "retry by code invalidvideo.notfound: restored"
        assert "events" not in told
        assert told["cost"]["bound"] == "an unknown amount reserved"
    text = (await _run(console, "why", media(2))).stdout
    for word in (str(path), "line 3", "batch 1", accepted["nonce"], accepted["request_id"],
                 told["job_id"], "restored", "vod-batch reconcile asks the cloud"):  # fmt: skip
        assert word in text, word


async def test_a_media_in_several_campaigns(ledger: Ledger, console: Console) -> None:
    """Each campaign's submission is told, with what it waits for."""
    await ledger.put(1, State.IN_DOUBT)
    await ledger.add([1], campaign="again", config='{"DNADBId":"x"}')
    text = (await _run(console, "why", media(1))).stdout
    assert f"{media(1)} in default/cn-shanghai: 2 submissions" in text
    assert "campaign again, config" in text
    assert "in_doubt under campaign default: two on the wire" in text
    assert f"vod-batch resolve {media(1)}" in text


async def test_past_holds_are_part_of_it(ledger: Ledger, console: Console) -> None:
    """Also after its release a hold of single rows is told, with both names."""
    await ledger.add([1])
    await _run(console, "pause", media(1), "--yes", "--reason", "wait for the library")
    held = (await _run(console, "why", media(1))).stdout
    assert f"by {operator_name()} (pause by media {media(1)}: wait for the library)" in held
    assert held.rstrip().endswith("still")
    await _run(console, "resume", media(1), "--yes")
    story = json.loads((await _run(console, "why", media(1), "--json")).stdout)
    (hold,) = story["submissions"][0]["holds"]
    assert (hold["scope"], hold["released_by"]) == ("rows", operator_name())
    assert story["submissions"][0]["holding"][0].startswith("due now")


async def test_every_state_has_a_story(ledger: Ledger, console: Console) -> None:
    """From pending to cancelled nothing is left unexplained."""
    for number, state in enumerate(State):
        await ledger.put(number, state)
        text = (await _run(console, "why", media(number))).stdout
        assert f"  state     {state}: " in text
        assert "  now       " in text


async def test_a_cost_is_there_only_where_something_was_begun(
    ledger: Ledger, console: Console
) -> None:
    """A submission that was never begun has none, in text or JSON."""
    await ledger.add([1], DNA, TAG)
    [claim] = await ledger.begin(1)
    assert len(claim.members) == 2
    await ledger.add([1], TAG, campaign="again")
    story = json.loads((await _run(console, "why", media(1), "--json")).stdout)
    bounds = ["an unknown amount reserved", "an unknown amount reserved", None]
    assert [one.get("cost", {}).get("bound") for one in story["submissions"]] == bounds
    assert (await _run(console, "why", media(1))).stdout.count("  cost\n    an unknown") == 2
