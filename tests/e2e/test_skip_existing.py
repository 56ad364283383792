"""``submit --skip-existing`` on the command line."""

import json

from tests.support.cloud import Emulator
from tests.support.console import Console
from tests.support.ledger import media, write_csv
from tests.support.settling import post


def test_each_mode_does_what_it_says(console: Console, emulator: Emulator) -> None:
    """Two of fifty have a job, far behind the first: ``always`` finds them, ``never`` asks none."""
    there = {"media_ids": [media(n) for n in (40, 45)], "age_seconds": 600}
    told = {}
    for mode, account in (("auto", "a"), ("always", "b"), ("never", "c")):
        emulator.make_new()
        post(emulator, "auto_jobs", there)
        mine = console.having(VOD_BATCH_QPS=2000, VOD_BATCH_ACCOUNT=account)
        path = write_csv(mine.home / f"{account}.csv", [media(n) for n in range(50)])
        mine.run("load", str(path))
        said = json.loads(mine.run("submit", "--skip-existing", mode, "--json").stdout)
        asked = emulator.meter()["requests"].get("ListJobInfo", 0)
        told[mode] = (emulator.submits(), asked, (said["existing"] or {}).get("adopted"))
    assert told == {"auto": (50, 20, 0), "always": (48, 50, 2), "never": (50, 0, None)}
    wrong = console.run("submit", "--skip-existing", "perhaps", code=64)
    assert "skip-existing" in wrong.stderr


def test_what_was_there_is_reported(console: Console, emulator: Emulator) -> None:
    """The run's summary counts what it did not pay for, and ``why`` names the job."""
    [job] = post(emulator, "auto_jobs", {"media_ids": [media(1)], "age_seconds": 600})["job_ids"]
    path = write_csv(console.home / "list.csv", [media(1)])
    console.run("load", str(path))
    assert "there before         1  jobs adopted, nothing paid" in console.run("submit").stdout
    assert f"its job exists already: {job}" in console.run("why", media(1)).stdout
