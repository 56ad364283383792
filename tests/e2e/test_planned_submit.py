"""``plan`` and ``submit --plan`` on the command line: what was looked at is what is sent."""

import json

from tests.support.cloud import Emulator
from tests.support.console import Console
from tests.support.ledger import media, write_csv

PRICES = '{"AIMediaDNA": "0.05"}'


def _hash(console: Console) -> str:
    return str(json.loads(console.run("plan", "--json").stdout)["hash"])


def test_a_plan_is_sent_or_nothing(console: Console, emulator: Emulator) -> None:
    """A hundred times the price ends with 64 and its name; the price that was planned sends."""
    priced = console.having(VOD_BATCH_QPS=2000, VOD_BATCH_PRICES=PRICES)
    path = write_csv(console.home / "list.csv", [media(n) for n in range(5)])
    priced.run("load", str(path))
    wanted = _hash(priced)
    assert f"send exactly this with: vod-batch submit --plan {wanted}" in priced.run("plan").stdout
    dear = priced.having(VOD_BATCH_PRICES='{"AIMediaDNA": "5"}')
    refused = dear.run("submit", "--plan", wanted, code=64)
    assert "the prices changed; nothing was sent" in refused.stderr
    assert emulator.submits() == 0
    more = write_csv(console.home / "more.csv", [media(n) for n in range(5, 8)])
    priced.run("load", str(more))
    assert "the rows that are due" in priced.run("submit", "--plan", wanted, code=64).stderr
    assert emulator.submits() == 0
    priced.run("submit", "--plan", _hash(priced))
    assert emulator.meter()["jobs"] == 8


def test_a_plan_of_what_is_paused_is_empty(console: Console, emulator: Emulator) -> None:
    """``pause --all`` leaves nothing due, and the plan says so."""
    path = write_csv(console.home / "list.csv", [media(n) for n in range(5)])
    console.run("load", str(path))
    console.run("pause", "--all", "--yes", "--reason", "maintenance")
    assert json.loads(console.run("plan", "--json").stdout)["rows"] == {}
