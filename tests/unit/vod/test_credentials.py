"""The chain in a process of its own, and the cache in front of it."""

import asyncio
import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from batch.errors import PermissionRefusedError
from batch.vod.chain import SourceFailedError
from batch.vod.credentials import Credentials, CredentialSource

ROOT = Path(__file__).parents[3]

SHOW = """
    import asyncio, json
    from datetime import UTC, datetime
    from batch.errors import PermissionRefusedError
    from batch.vod.credentials import CredentialSource
    from batch.vod.signing import sign

    async def main():
        try:
            found = await CredentialSource(patience=SECONDS).current()
        except PermissionRefusedError as error:
            return {"error": str(error)}
        request = sign("SubmitAIJob", {"MediaId": "m"}, nonce="n", host="h",
                       signed_at=datetime.now(UTC), credentials=found)
        return {"repr": repr(found), "expires_at": str(found.expires_at),
                "headers": dict(request.headers)}

    print(json.dumps(asyncio.run(main())))
"""


ROTATE = """
    import json
    from pathlib import Path
    from batch.errors import PermissionRefusedError
    from batch.vod.chain import Chain

    chain, found = Chain(), []
    for text in (TEXTS):
        path = Path.home() / ".alibabacloud" / "credentials.ini"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        try:
            found.append(chain().access_key_id)
        except PermissionRefusedError as error:
            found.append(str(error))
    print(json.dumps({"found": found}))
"""


def run_chain(
    home: Path, script: str = SHOW, patience: str = "30", **env: str
) -> tuple[dict[str, object], str]:
    """Run the real chain in a clean environment; return what it printed and its stderr."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script).replace("SECONDS", patience)],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
            **env,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer, done.stderr


def test_a_temporary_key_of_the_environment(tmp_path: Path) -> None:
    answer, stderr = run_chain(
        tmp_path,
        ALIBABA_CLOUD_ACCESS_KEY_ID="an-id",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="a-secret",
        ALIBABA_CLOUD_SECURITY_TOKEN="a-token",
    )

    headers = answer["headers"]
    assert isinstance(headers, dict)
    assert headers["x-acs-accesskey-id"] == "an-id"
    assert headers["x-acs-security-token"] == "a-token"
    assert headers["x-acs-credentials-provider"] == "default/env"
    assert answer["repr"] == "Credentials(access_key_id='an-id', provider='default/env')"
    assert stderr == ""


@dataclass
class Uri:
    """A server that gives temporary keys, after so many failures."""

    url: str = ""
    failures: int = 0
    asked: int = 0


@pytest.fixture
def flaky() -> Iterator[Uri]:
    """Such a server, as ``ALIBABA_CLOUD_CREDENTIALS_URI`` names one."""
    uri = Uri()
    given = {
        "Code": "Success", "AccessKeyId": "an-id", "AccessKeySecret": "a-secret",
        "SecurityToken": "a-token", "Expiration": "2099-01-02T03:04:05Z",
    }  # fmt: skip

    class Giver(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            uri.asked += 1
            body = json.dumps(given).encode()
            self.send_response(500 if uri.asked <= uri.failures else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Giver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        uri.url = f"http://127.0.0.1:{server.server_port}/key"
        yield uri
        server.shutdown()
        thread.join()


def test_a_source_that_fails_for_a_moment_is_asked_again(tmp_path: Path, flaky: Uri) -> None:
    """One 500 at the start of a night is not the end of it."""
    flaky.failures = 1
    answer, stderr = run_chain(tmp_path, ALIBABA_CLOUD_CREDENTIALS_URI=flaky.url)

    assert "default/credential_uri" in str(answer["repr"])
    assert flaky.asked == 2
    assert "ALIBABA_CLOUD_CREDENTIALS_URI: HTTP 500" in stderr
    assert "a-secret" not in stderr


def test_a_source_that_goes_on_failing_is_named(tmp_path: Path, flaky: Uri) -> None:
    flaky.failures = 99
    answer, stderr = run_chain(tmp_path, patience="0", ALIBABA_CLOUD_CREDENTIALS_URI=flaky.url)

    assert "ALIBABA_CLOUD_CREDENTIALS_URI: HTTP 500" in str(answer["error"])
    assert "a-secret" not in str(answer) + stderr


def _ini(key_id: str) -> str:
    return f"[default]\ntype = access_key\naccess_key_id = {key_id}\naccess_key_secret = s\n"


def test_a_credentials_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Half a file is an error of that file, and hands the night to no other source."""
    texts = [_ini("one"), _ini("one"), "[default", _ini("second")]
    answer, _ = run_chain(tmp_path, ROTATE.replace("TEXTS", repr(texts)))

    found = answer["found"]
    assert isinstance(found, list)
    assert [found[0], found[1], found[3]] == ["one", "one", "second"]
    assert found[2].startswith("the credentials file: ")


def test_a_temporary_key_comes_with_its_expiry(tmp_path: Path, flaky: Uri) -> None:
    answer, stderr = run_chain(tmp_path, ALIBABA_CLOUD_CREDENTIALS_URI=flaky.url)

    assert answer["expires_at"] == "2099-01-02 03:04:05+00:00"
    assert "default/credential_uri" in str(answer["repr"])
    assert stderr == ""


def test_a_key_that_does_not_end_has_no_expiry(tmp_path: Path) -> None:
    key = {"ACCESS_KEY_ID": "an-id", "ACCESS_KEY_SECRET": "a-secret"}
    answer, _ = run_chain(tmp_path, **{f"ALIBABA_CLOUD_{name}": v for name, v in key.items()})

    assert answer["expires_at"] == "None"


def test_no_credentials_at_all(tmp_path: Path) -> None:
    answer, stderr = run_chain(tmp_path)

    assert "Set ALIBABA_CLOUD_ACCESS_KEY_ID" in str(answer["error"])
    assert stderr == ""


def test_a_key_with_its_files_line_break(tmp_path: Path) -> None:
    answer, stderr = run_chain(
        tmp_path,
        ALIBABA_CLOUD_ACCESS_KEY_ID="an-id",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="a-secret\n",
    )

    assert "access key secret holds a space, a line break" in str(answer["error"])
    assert "a-secret" not in str(answer) + stderr


class Loader:
    """A chain that counts its calls, can wait for a signal and can fail."""

    def __init__(self) -> None:
        self.calls = 0
        self.fails = False
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()

    def __call__(self) -> Credentials:
        self.calls += 1
        self.entered.set()
        assert self.open.wait(10)
        if self.fails:
            message = "leaked-secret"
            raise RuntimeError(message)
        return Credentials(f"id{self.calls}", "secret")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_many_callers_make_one_call_and_the_loop_stays_free() -> None:
    load = Loader()
    load.open.clear()
    source = CredentialSource(load)

    waiting = [asyncio.create_task(source.current()) for _ in range(20)]
    await asyncio.sleep(0)
    load.open.set()  # reached only because the loop is not held up by the load

    assert {found.access_key_id for found in await asyncio.gather(*waiting)} == {"id1"}
    assert load.calls == 1


async def test_the_chain_is_asked_again_after_a_minute() -> None:
    load, clock = Loader(), Clock()
    source = CredentialSource(load, monotonic=clock)

    found = [(await source.current()).access_key_id]
    clock.now += 59.9
    found.append((await source.current()).access_key_id)
    clock.now += 0.2
    found.append((await source.current()).access_key_id)

    assert found == ["id1", "id1", "id2"]


async def test_while_one_refreshes_the_others_use_what_is_held() -> None:
    load, clock = Loader(), Clock()
    source = CredentialSource(load, monotonic=clock)
    await source.current()
    clock.now += 61
    load.open.clear()
    load.entered.clear()

    refreshing = asyncio.create_task(source.current())
    assert await asyncio.to_thread(load.entered.wait, 10)
    assert (await source.current()).access_key_id == "id1"
    load.open.set()

    assert (await refreshing).access_key_id == "id2"


async def test_a_failed_refresh_keeps_the_old_key() -> None:
    load, clock = Loader(), Clock()
    source = CredentialSource(load, monotonic=clock)
    await source.current()
    clock.now += 61
    load.fails = True

    with capture_logs() as lines:
        assert (await source.current()).access_key_id == "id1"
    await source.current()

    assert load.calls == 2
    assert {line["event"] for line in lines} == {"credentials_not_refreshed"}
    assert "RuntimeError" in lines[0]["error"]
    assert "leaked-secret" not in str(lines)


async def test_the_first_failure_is_permission_refused_without_its_cause() -> None:
    load = Loader()
    load.fails = True
    source = CredentialSource(load)

    with pytest.raises(PermissionRefusedError, match="Set ALIBABA_CLOUD_ACCESS_KEY_ID") as caught:
        await source.current()
    assert caught.value.__suppress_context__
    load.fails = False
    assert (await source.current()).access_key_id == "id2"


@pytest.mark.parametrize(
    "found", [Credentials("", "s"), Credentials("i", ""), Credentials("é", "s")]
)
async def test_a_key_that_cannot_sign(found: Credentials) -> None:
    with pytest.raises(PermissionRefusedError):
        await CredentialSource(lambda: found).current()


def test_the_repr_masks_secret_and_token() -> None:
    text = repr(Credentials("an-id", "hush", "quiet"))

    assert "an-id" in text
    assert "hush" not in text
    assert "quiet" not in text


async def test_a_failing_source_is_asked_for_half_a_minute_and_no_longer() -> None:
    clock, pauses = Clock(), []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        clock.now += seconds

    def load() -> Credentials:
        raise SourceFailedError("the role: HTTP 500")

    source = CredentialSource(load, monotonic=clock, sleep=pause)
    with pytest.raises(PermissionRefusedError, match="for 30 s: the role: HTTP 500"):
        await source.current()
    assert 30 <= sum(pauses) < 45


async def test_a_refused_key_is_asked_about_once_more() -> None:
    load, forgotten = Loader(), []
    source = CredentialSource(load, forget=lambda: forgotten.append(1))
    first = await source.current()
    assert await source.renewed(first)
    second = await source.current()
    assert second.access_key_id == "id2"
    assert await source.renewed(first), "who was refused with the old key finds the new one"
    assert load.calls == 2
    assert not await source.renewed(second), "a key that never worked is not asked about again"
    source.was_taken(second)
    assert await source.renewed(second)
    assert forgotten == [1, 1]


async def test_a_source_that_has_no_other_key_ends_the_run() -> None:
    source = CredentialSource(lambda: Credentials("id", "s"))
    assert not await source.renewed(await source.current())
    load = Loader()
    source = CredentialSource(load)
    found = await source.current()
    load.fails = True
    assert not await source.renewed(found)
