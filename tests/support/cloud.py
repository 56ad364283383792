"""The emulator as a process of its own, seen through its admin pages."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from tests.support.waiting import PATIENCE
from tests.support.warm import forked

_open = build_opener(ProxyHandler({})).open


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    url: str
    _changed: set[str] = field(default_factory=lambda: set(_AS_NEW))
    """The pages that something was set on since it was as new; all, since it starts with quotas."""

    def meter(self) -> dict[str, Any]:
        """Return what really happened, in figures."""
        return dict(json.loads(self.call("GET", "meter")))

    def jobs(self) -> list[dict[str, Any]]:
        """Return every job that was made, oldest first."""
        return [json.loads(line) for line in self.call("GET", "jobs").splitlines()]

    def submits(self) -> int:
        """Return how many SubmitAIJob requests arrived."""
        return int(self.meter()["requests"].get("SubmitAIJob", 0))

    def fault(self, kind: str, **rule: object) -> None:
        """Let something go wrong from now on (``batch.emulator.faults``)."""
        self.call("POST", "faults", {"kind": kind, "action": "SubmitAIJob", **rule})

    def forget_faults(self) -> None:
        """Let all go well again."""
        self.call("DELETE", "faults")

    def say(self, **words: object) -> None:
        """Replace words of operations from now on (``batch.emulator.words``)."""
        self.call("POST", "words", words)

    def misbehave(self, faults: Sequence[dict[str, object]], words: Mapping[str, object]) -> None:
        """Lay rules and words over those in force, as they were drawn."""
        self.call("POST", "faults", list(faults))
        self.call("POST", "words", dict(words))

    def switch(self, **sections: object) -> None:
        """Turn switches of undocumented behaviour, by section."""
        self.call("POST", "switches", sections)

    def elapse(self, seconds: float, expired_nonces: Sequence[str] = ()) -> None:
        """Let time pass for what it remembers; requests with those nonces have grown too old."""
        body = {"seconds": seconds, "expired_nonces": list(expired_nonces)}
        self.call("POST", "elapse", body)

    def account(self, state: str) -> None:
        """Set the state of the account: ok, arrears, not_open."""
        self.call("POST", "accounts", {"default": state})

    def key(self, **key: object) -> None:
        """Add an access key, or replace it."""
        self.call("POST", "access_keys", key)

    def quota(self, calls_a_second: int) -> None:
        """Set the quota of SubmitAIJob, 0 for none."""
        self.call("POST", "quota", {"SubmitAIJob": calls_a_second})

    def lookup_quota(self, calls_a_second: int) -> None:
        """Set the quota of ListJobInfo and of GetJobDetail, 0 for none."""
        self.call("POST", "quota", dict.fromkeys(("ListJobInfo", "GetJobDetail"), calls_a_second))

    def library(self, **change: object) -> None:
        """Let so many media be ``listed``, or these be ``missing``, from now on."""
        self.call("POST", "media", change)

    def search_quota(self, calls_a_second: int) -> None:
        """Set the quota of SearchMedia, 0 for none."""
        self.call("POST", "quota", {"SearchMedia": calls_a_second})

    def asked(self, action: str) -> int:
        """Return how many requests of an action arrived."""
        return int(self.meter()["requests"].get(action, 0))

    def move_clock(self, *, hours: float) -> None:
        """Let the cloud's time go on by so many hours at once."""
        self.call("POST", "clock", {"advance_seconds": 3600 * hours})

    def set_clock(self, now: str) -> None:
        """Set the cloud's time, in ISO 8601 with an offset."""
        self.call("POST", "clock", {"now": now})

    def make_jobs(self, kind: str, media_ids: Sequence[str], job_type: str = "AIMediaDNA") -> None:
        """Make jobs that no call of ours asked for: ``auto``, or ``manual`` (another program's)."""
        self.call("POST", f"{kind}_jobs", {"media_ids": list(media_ids), "type": job_type})

    def make_new(self) -> None:
        """Bring a shared emulator back to how it began."""
        for page in self._changed & _AS_NEW.keys():
            for method, body in _AS_NEW[page]:
                self.call(method, page, body)
        self.call("POST", "reset")
        self._changed.clear()

    def call(self, method: str, page: str, body: object = None) -> str:
        """Return what an admin page answers (``batch.emulator.admin``)."""
        data = None if body is None else json.dumps(body).encode()
        if method != "GET":
            self._changed.add(page)
        request = Request(f"{self.url}/_emulator/{page}", data=data, method=method)
        with _open(request, timeout=PATIENCE) as response:
            text: str = response.read().decode()
            return text


_SWITCHES = {
    "gateway": {"nonce_scope": "network"},
    "lookup": {
        "order": "newest",
        "visible_after_seconds": 0,
        "covers": ["AIMediaDNA", "AIVideoTag"],
    },
    "search": {
        "without_token": 5_000,
        "reach_counts_own_page": False,
        "past_the_end": "empty",
        "view": "live",
    },
}
_QUOTAS = ("SubmitAIJob", "ListJobInfo", "GetJobDetail", "SearchMedia")
_AS_NEW: dict[str, list[tuple[str, object]]] = {
    "faults": [("DELETE", None)],
    "words": [("DELETE", None)],
    "switches": [("POST", _SWITCHES)],
    "accounts": [("POST", {"default": "ok"})],
    "quota": [("POST", dict.fromkeys(_QUOTAS, 0))],
    "media": [("POST", {"listed": 0, "missing": []})],
}
"""By page that a test may have set something on: what undoes it."""


@contextmanager
def running_emulator(folder: Path, toml: str = "", *, qps: int = 0) -> Iterator[Emulator]:
    """Run an emulator on a free port; without ``qps`` it knows no quota."""
    settings = folder / "emulator.toml"
    settings.write_text(toml, encoding="utf-8")
    words = ["--port", "0", "--qps", str(qps), "--settings", str(settings)]
    with forked(words, cwd=folder, env=os.environ, program="batch.emulator", stderr=2) as process:
        assert process.stdout
        url = "http://" + process.stdout.readline().strip().rpartition("http://")[2]
        assert url != "http://", "the emulator did not start"
        yield Emulator(url)
        process.terminate()
        process.wait(PATIENCE)
