"""Submit without a limit, beside a raw client, a naive loop and PgQueuer: one run, ratios printed.

    .venv/bin/python -m benchmarks.throughput [--calls 20000] [--in-flight 64]
        [--server emulator] [--database stock] [--pending 100000]

All contenders call the same server process and, where they keep anything, commit to the same
PostgreSQL (fsync on). With ``--database stock`` that is the one of this machine's own packages,
with its default settings, and ours runs on the embedded one too, in turn. ``--pending`` are further
media that wait meanwhile. ``bare`` is a server that answers at once, so that the clients are what
is measured; ``emulator`` checks signatures and keeps jobs, and is itself the slowest part. Absolute
figures vary from machine to machine and from run to run; the ratios are what to hold.

raw       one aiohttp session, requests signed before the clock starts, no database
naive     aiohttp, a signature and an UPDATE a row; a crash forgets what was paid
ours      vod-batch submit
pgqueuer  PgQueuer with the naive call in its job, if it is installed: pip install pgqueuer
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from importlib import util
from pathlib import Path
from secrets import token_hex
from typing import Any

import aiohttp
import asyncpg
from yarl import URL

from batch.errors import ExitCode
from batch.vod.credentials import Credentials
from batch.vod.signing import sign, warm
from batch.vod.wire import SignedRequest
from benchmarks import common

_KEY = Credentials("testid", "testsecret")
_SERVERS = {
    "bare": ("benchmarks.bare_server",),
    "emulator": ("batch.emulator", "--port", "0", "--qps", "0"),
}
_PEER_TABLE = "CREATE TABLE naive (id bigint PRIMARY KEY, media_id text, state text, job_id text)"
_PEER_DONE = "UPDATE naive SET state = 'submitted', job_id = $2 WHERE id = $1"
_UNLIMITED = "100000"


def _request(media: str, host: str) -> SignedRequest:
    params = {"MediaId": media, "Types": "AIMediaDNA"}
    now = datetime.now(UTC)
    return sign(
        "SubmitAIJob", params, nonce=token_hex(16), signed_at=now, credentials=_KEY, host=host
    )


async def _post(session: aiohttp.ClientSession, url: str, request: SignedRequest) -> str:
    """Send one request; return its JobId."""
    target = URL(url + request.target, encoded=True)
    async with session.post(target, headers=request.headers) as answer:
        body: dict[str, Any] = json.loads(await answer.read())
    job_id: str = body["AIJobList"]["AIJob"][0]["JobId"]
    return job_id


def _session(in_flight: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=in_flight),
        skip_auto_headers=("Accept-Encoding", "Content-Type"),
    )


async def _with_many(work: Iterable[Callable[[], Awaitable[object]]], in_flight: int) -> float:
    """Do ``work`` with ``in_flight`` at a time; return how much of it a second."""
    todo = iter(work)
    done = 0

    async def one_of_many() -> None:
        nonlocal done
        for each in todo:
            await each()
            done += 1

    started = time.perf_counter()
    await asyncio.gather(*(one_of_many() for _ in range(in_flight)))
    return done / (time.perf_counter() - started)


async def _raw(url: str, calls: int, in_flight: int) -> float:
    host = url.removeprefix("http://")
    signed = [_request(common.media_id(number), host) for number in range(calls)]
    async with _session(in_flight) as session:
        return await _with_many((partial(_post, session, url, one) for one in signed), in_flight)


async def _naive(url: str, database: str, calls: int, in_flight: int) -> float:
    host = url.removeprefix("http://")
    async with (
        asyncpg.create_pool(database, min_size=in_flight // 4, max_size=in_flight // 4) as pool,
        _session(in_flight) as session,
    ):
        rows = [(number, common.media_id(number), "pending") for number in range(calls)]
        async with pool.acquire() as connection:
            await connection.execute(_PEER_TABLE)
            await connection.copy_records_to_table(
                "naive", records=rows, columns=("id", "media_id", "state")
            )

        async def one(number: int, media: str) -> None:
            job_id = await _post(session, url, _request(media, host))
            async with pool.acquire() as connection:
                await connection.execute(_PEER_DONE, number, job_id)

        return await _with_many((partial(one, n, media) for n, media, _ in rows), in_flight)


async def _pgqueuer(url: str, database: str, calls: int, in_flight: int) -> float:
    from pgqueuer import PgQueuer  # type: ignore[import-not-found,unused-ignore]
    from pgqueuer.queries import Queries  # type: ignore[import-not-found,unused-ignore]
    from pgqueuer.types import (  # type: ignore[import-not-found,unused-ignore]
        QueueExecutionMode,
    )

    host = url.removeprefix("http://")
    async with (
        asyncpg.create_pool(database, min_size=in_flight // 4, max_size=in_flight // 4) as pool,
        _session(in_flight) as session,
    ):
        queries = Queries.from_asyncpg_pool(pool)
        await queries.install()
        media: list[bytes | None] = [common.media_id(number).encode() for number in range(calls)]
        for at in range(0, calls, 5000):
            part = media[at : at + 5000]
            await queries.enqueue(["submit"] * len(part), part, [0] * len(part))
        queue = PgQueuer.from_asyncpg_pool(pool)

        async def submit(job: Any) -> None:
            await _post(session, url, _request(job.payload.decode(), host))

        queue.entrypoint("submit")(submit)
        started = time.perf_counter()
        await queue.run(
            batch_size=in_flight, max_concurrent_tasks=2 * in_flight, mode=QueueExecutionMode.drain
        )
        return calls / (time.perf_counter() - started)


def _ours(url: str, database: str, folder: Path, calls: int, pending: int, in_flight: int) -> float:
    settings = {"VOD_BATCH_DATABASE_URL": asyncio.run(common.new_database(database, "ours"))}
    environment = common.clean_environment(
        folder / "ours", VOD_BATCH_ENDPOINT=url, VOD_BATCH_QPS=_UNLIMITED,
        VOD_BATCH_CONCURRENCY=str(in_flight), **settings,
    )  # fmt: skip
    common.migrate(environment)
    manifest = common.write_manifest(folder / "media.csv", calls + pending)
    common.run(environment, "load", str(manifest))
    summary = common.run(
        environment, "submit", "--max-submissions", str(calls), fine=[ExitCode.CARRIED_OVER]
    )
    if summary["states"] != {"submitted": calls}:
        raise RuntimeError(f"not every call came through: {summary['states']}")
    return calls / float(summary["seconds"])


def main() -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(description="Submit without a limit, beside peers.")
    parser.add_argument("--calls", type=int, default=20_000, help="calls of each (20000)")
    parser.add_argument("--in-flight", type=int, default=64, help="at a time (64)")
    parser.add_argument("--pending", type=int, default=0, help="media that wait meanwhile (0)")
    parser.add_argument("--server", choices=sorted(_SERVERS), default="bare")
    parser.add_argument("--database", choices=common.SERVERS, default="embedded")
    words = parser.parse_args()
    calls, in_flight = words.calls, words.in_flight
    warm()
    rates: dict[str, float] = {}
    with (
        common.work_folder() as folder,
        common.postgres(words.database, folder / "home") as database,
        common.http_server(*_SERVERS[words.server]) as server,
    ):
        print(f"{calls:,} calls, {in_flight} in flight, {words.server} server, ", end="")
        print(asyncio.run(common.server_facts(database)))
        rates["raw"] = asyncio.run(_raw(server.url, calls, in_flight))
        peer = asyncio.run(common.new_database(database, "naive"))
        rates["naive"] = asyncio.run(_naive(server.url, peer, calls, in_flight))
        rates["ours"] = _ours(server.url, database, folder, calls, words.pending, in_flight)
        if words.database == "stock":
            with common.postgres("embedded", folder / "embedded") as other:
                rates["embedded"] = _ours(
                    server.url, other, folder, calls, words.pending, in_flight
                )
        if util.find_spec("pgqueuer"):
            peer = asyncio.run(common.new_database(database, "pgqueuer"))
            rates["pgqueuer"] = asyncio.run(_pgqueuer(server.url, peer, calls, in_flight))
    ours = rates["ours"]
    common.table(
        ("client", "calls/s", "ours is"),
        [(name, f"{rate:,.0f}", f"{ours / rate:.2f}x") for name, rate in rates.items()],
    )
    print()
    wanted = {"raw": 0.45, "naive": 1.0, "pgqueuer": 2.5, "embedded": 0.9}
    return common.verdict(
        [
            common.Check(f"ours / {name}", f"{ours / rates[name]:.2f}", f">= {least}",
                         ours / rates[name] >= least)
            for name, least in wanted.items()
            if name in rates
        ]
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
