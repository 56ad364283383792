"""``vod-batch doctor`` as a person and a script use it."""

import json
import re
from pathlib import Path

import pytest

from tests.support.cloud import Emulator
from tests.support.console import Console

PARTS = [
    "settings", "deadline", "quota", "types", "journal", "credentials", "dns", "endpoint",
    "cloud clock", "account", "ListAIJob", "ListJobInfo", "GetJobDetail", "GetVideoInfos",
    "SubmitAIJob", "database", "database clock", "database commits", "database line",
    "schema", "database rights", "money", "target", "replay",
]  # fmt: skip


def _told(stdout: str) -> dict[str, dict[str, object]]:
    checks = [json.loads(line) for line in stdout.splitlines()]
    return {check["name"]: check for check in checks}


def test_all_is_well_in_one_line_each(console: Console, emulator: Emulator) -> None:
    """Code 0, a line a check, nothing sent that could cost."""
    lines = console.run("doctor").stdout.splitlines()
    assert [line[6:].split("  ")[0].strip()[:15].strip() for line in lines] == [
        name[:15] for name in PARTS
    ]
    assert {line[:4].strip() for line in lines} == {"ok", "--"}
    assert emulator.submits() == 0


def test_as_json_a_line_is_an_object(console: Console) -> None:
    """Name, verdict, detail, fix, code."""
    told = _told(console.run("doctor", "--json").stdout)
    assert list(told) == PARTS
    assert all(check.keys() == told["quota"].keys() for check in told.values())
    assert told["account"] == {
        "name": "account", "verdict": "ok", "detail": "the key is taken", "mend": "", "code": 0,
    }  # fmt: skip
    assert told["SubmitAIJob"]["verdict"] == "not checked"


def test_every_check_is_documented() -> None:
    """docs/operating.md has a line for each, and no other."""
    text = Path("docs/operating.md").read_text(encoding="utf-8")
    table = text.partition("| check | looks at |\n|---|---|\n")[2].partition("\n\n")[0]
    told = {name for line in table.splitlines() for name in re.findall(r"`([^`]+)`", _first(line))}
    told_by_their_findings = {
        "certificate", "permissions", "nonce rule", "waiting types", "proxy",
        "stuck sends", "stuck doubts", "stuck jobs", "held rows",
    }  # fmt: skip
    assert told == {*PARTS, *told_by_their_findings}


def _first(line: str) -> str:
    return line.split("|")[1]


def test_a_fix_is_below_its_line(console: Console, emulator: Emulator) -> None:
    """For what is bad, and for a warning."""
    emulator.account("arrears")
    ended = console.having(VOD_BATCH_UNTIL="06:00").run("doctor", code=69)
    lines = ended.stdout.splitlines()
    for start, fix in (("BAD   account", "pay the account"), ("warn  settings", "TIMEZONE")):
        (place,) = [n for n, line in enumerate(lines) if line.startswith(start)]
        assert lines[place + 1].startswith("      fix: ")
        assert fix in lines[place + 1]


NOWHERE = "postgresql://127.0.0.1:1/x"
WRONG = {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"VOD_BATCH_DATABASE_URL": NOWHERE}, 69),
        (WRONG, 77),
        ({"VOD_BATCH_DATABASE_URL": NOWHERE, **WRONG}, 77),
        ({"VOD_BATCH_DATABASE_URL": NOWHERE, **WRONG, "VOD_BATCH_REGION": "eu-central-1"}, 78),
        ({"VOD_BATCH_JOURNAL": "/proc/journal"}, 78),
        ({"VOD_BATCH_GRACE": "1s"}, 0),
    ],
)
def test_the_most_urgent_code_wins(console: Console, settings: dict[str, str], code: int) -> None:
    """And all the other checks are made."""
    told = _told(console.having(**settings).run("doctor", "--json", code=code).stdout)
    codes = {check["code"] for check in told.values()}
    assert code in codes
    assert {"settings", "journal", "credentials", "endpoint", "database"} <= told.keys()


def test_settings_that_cannot_be_read_are_a_check_too(console: Console) -> None:
    """One line, code 78; nothing else can be known."""
    ended = console.having(VOD_BATCH_PRICES='{"nothing": "1"}').run("doctor", "--json", code=78)
    (check,) = _told(ended.stdout).values()
    assert (check["name"], check["verdict"], check["code"]) == ("settings", "bad", 78)
    assert str(check["detail"]).startswith("VOD_BATCH_PRICES: ")


def test_a_confirmation_is_kept(console: Console) -> None:
    """The replay is allowed from then on."""
    assert "off; to allow it" in console.run("doctor").stdout
    told = _told(console.run("doctor", "--confirm-replay", "--json").stdout)
    assert "is refused" in str(told["nonce rule"]["detail"])
    assert "allowed, confirmed on" in console.run("doctor").stdout
