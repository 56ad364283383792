"""A ledger of many rows, made in seconds, and the statements that a night or a page asks often."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex

import asyncpg

from batch.ledger.statements import statement

BATCHES = 41
TABLES = ("submissions", "attempts", "media", "batches", "tallies", "tally_changes")
RUN = uuid.UUID(int=7)
WORKER = uuid.UUID(int=8)

# The oldest 40 in 100 rows are behind us, in all the ways there are; of the others some are put
# off.
_ROWS = """
    INSERT INTO submissions (
        target_id, batch_id, line, media_id, job_type, config_key, campaign, priority, state,
        due_at, lease, attempts, worker_id, job_id, submitted_at, finished_at, error_code,
        refusal_is_certain, currency, price, seconds, amount, run_id, spent_on)
    SELECT $1::int, $2::bigint + r.n * $4::bigint / $3, r.n + 1,
           md5($2 || '-' || r.n), 'AIMediaDNA', '', 'default', 0,
           r.state,
           CASE WHEN r.state = 'pending' AND r.n % 500 = 0 THEN now() + interval '1 hour'
                ELSE to_timestamp(0) END,
           b.begun, b.begun, CASE WHEN r.state = 'submitting' THEN $5::uuid END,
           CASE WHEN b.has_job THEN 'job-' || $2 || '-' || r.n END,
           CASE WHEN b.has_job THEN now() - make_interval(secs => $3 - r.n) END,
           CASE WHEN r.state IN ('succeeded', 'failed', 'rejected', 'cancelled') THEN now() END,
           CASE WHEN r.state IN ('rejected', 'failed', 'in_doubt') THEN 'Some.Code' END,
           CASE WHEN r.state = 'rejected' THEN true END,
           CASE WHEN b.begun = 1 THEN 'CNY' END, CASE WHEN b.begun = 1 THEN 0.1 END,
           CASE WHEN b.begun = 1 THEN 60 END, CASE WHEN b.begun = 1 THEN 0.1 END,
           CASE WHEN b.begun = 1 THEN $6::uuid END, CASE WHEN b.begun = 1 THEN current_date END
      FROM (SELECT n, CASE WHEN n * 10 >= $3 * 4 THEN 'pending'
                           WHEN n % 10000 = 1 THEN 'submitting' WHEN n % 1000 = 2 THEN 'in_doubt'
                           WHEN n % 100 = 3 THEN 'rejected' WHEN n % 100 = 4 THEN 'failed'
                           WHEN n % 100 = 5 THEN 'cancelled' WHEN n % 4 = 0 THEN 'submitted'
                           ELSE 'succeeded' END AS state
              FROM generate_series(0, $3::int - 1) n) r
     CROSS JOIN LATERAL (
           SELECT (r.state NOT IN ('pending', 'cancelled'))::int AS begun,
                  r.state IN ('submitted', 'succeeded', 'failed') AS has_job) b
"""
_BATCHES = """
    INSERT INTO batches (target_id, campaign, source, sha256, options, lines, rows, quarantined,
                         submissions, duplicates_in_file, duplicates_across_files,
                         duplicates_submitted)
    SELECT $1, 'default', 'list ' || n, md5(n::text) || md5($2::int::text), '{}',
           $2 / $3, $2 / $3, 0,
           $2 / $3, 0, 0, 0
      FROM generate_series(1, $3::int) n
    RETURNING id
"""
_ATTEMPTS = """
    INSERT INTO attempts (submission_id, lease, worker_id, nonce, signed_at, ended_at, outcome,
                          job_id)
    SELECT id, 1, $2::uuid, md5('nonce' || id), now(), now(),
           CASE WHEN job_id IS NOT NULL THEN 'accepted' WHEN state = 'in_doubt' THEN 'in_doubt'
                ELSE 'refused' END, job_id
      FROM submissions WHERE target_id = $1 AND batch_id >= $3 AND lease = 1
"""
_MEDIA = """
    INSERT INTO media (target_id, media_id, status, duration_seconds)
    SELECT target_id, media_id, 'Normal', 60 FROM submissions
     WHERE target_id = $1 AND batch_id >= $2 AND id % 2 = 0
"""


async def seed(sql: asyncpg.Connection, target: int, rows: int) -> None:
    """Make ``rows`` more submissions in 41 batches, in all states; nothing is analyzed."""
    batches = await sql.fetch(_BATCHES, target, rows, BATCHES)
    first = min(row["id"] for row in batches)
    await sql.execute(statement("beat"), WORKER, target, "benchmark", 1)
    await sql.execute("ALTER TABLE submissions DISABLE TRIGGER submissions_start_pending")
    await sql.execute(_ROWS, target, first, rows, BATCHES, WORKER, RUN)
    await sql.execute("ALTER TABLE submissions ENABLE TRIGGER submissions_start_pending")
    await sql.execute(_ATTEMPTS, target, WORKER, first)
    await sql.execute(_MEDIA, target, first)


@dataclass(frozen=True)
class Asked:
    """A statement with arguments; ``by_worker`` where a worker asks it, with a plan for any values.

    ``is_linear`` where an operator's one question looks at every row that is due, by its nature;
    ``wants_analyze`` where every attempt is read as long as that table was never analyzed, which a
    server's autovacuum does within a minute or two.
    """

    name: str
    arguments: tuple[object, ...]
    by_worker: bool = False
    is_linear: bool = False
    wants_analyze: bool = False


def asked_often(target: int, batch: int) -> list[Asked]:
    """Return what a night, a turn of a worker or a page asks often; ``batch`` is one of many."""
    now = datetime.now(UTC).replace(microsecond=0)
    nonces = [token_hex(16) for _ in range(32)]
    unpriced = ("CNY", "{}", None, RUN, "UTC", None, None, None)
    priced = ("CNY", '{"AIMediaDNA": 0.1}', 120, RUN, "UTC", 1000, 1000, 1000)
    begin = (target, 32, WORKER, nonces, now, None, 64)
    accepted = ([1], [1], ["accepted"], [200], [None], [None], ["r"], ["job"], [""], ["submitted"],
                [None], [0], [True], "benchmark")  # fmt: skip
    return [
        Asked("begin", (*begin, *unpriced, *[None] * 5), by_worker=True),
        Asked("begin", (*begin, *priced, *[None] * 5), by_worker=True),
        Asked("record", accepted, by_worker=True),
        Asked("next_cost", (target, priced[1], 120, None), by_worker=True),
        Asked("outlook", (target, None), by_worker=True),
        Asked("due_span", (target,), by_worker=True),
        Asked("expire", (target, 3600.0, "benchmark", None), by_worker=True),
        Asked("admit_waiting", (target, "benchmark"), by_worker=True),
        Asked("adopt_strays", (target, "benchmark"), by_worker=True, wants_analyze=True),
        Asked("see_clock", (target,), by_worker=True),
        Asked("take_slots", (target, 32, 0.03, None, 0.0), by_worker=True),
        Asked("beat", (WORKER, target, "benchmark", 1), by_worker=True),
        Asked("budget_uses", (target, "CNY", RUN, "UTC", 1, 1, 1, None), by_worker=True),
        Asked("next_in_line", (target, 32, []), by_worker=True),
        Asked("walk_ahead", (target, 32767, 0, 32, 5000, None, None, "default"), by_worker=True),
        Asked("first_of_list", (target, batch, "AIMediaDNA", 20, 5000), by_worker=True),
        Asked("count_states", (target,)),
        Asked("count_held", (target,)),
        Asked("waiting_types", (target,)),
        Asked("first_run_facts", (target,)),
        Asked("open_canaries", (target, 20)),
        Asked("count_canaries", (target,)),
        Asked("list_batches", (target, 10)),
        Asked("list_workers", (target, 3600.0)),
        Asked("list_holds", (target,)),
        Asked("list_receipts", (target,), wants_analyze=True),
        Asked("count_unknown_jobs", (target, "JobUnknown")),
        Asked("sum_costs", (target, None)),
        Asked("sum_costs", (target, RUN)),
        Asked("sum_duplicates", (target,)),
        Asked("newest_jobs", (target, "AIMediaDNA", 3)),
        Asked("list_open_jobs", (target, 100, now, False)),
        Asked("list_open_jobs", (target, 100, now, True)),
        Asked("list_doubts", (target, 0, 100, None)),
        Asked("next_doubtful_media", (target, now, 100, 900.0)),
        Asked("list_unchecked_media", (target, 32767, 0, 1000, now)),
        Asked("list_lengthless", (target, 0, 1000, now)),
        Asked("correct_amounts", (target, 0, 2**40)),
        Asked("failed_statuses", (target, ["strange"], 20)),
        Asked("story_submissions", (target, "0" * 32)),
        Asked("plan", (target, None), is_linear=True),
        Asked(
            "put_off_status",
            (target, "normal", "Code", "message", 60.0, "benchmark"),
            by_worker=True,
            is_linear=True,
        ),
        Asked("fix_plan", (target, RUN, "hash"), by_worker=True, is_linear=True),
        Asked("survey_selection", (target, *[None] * 6), is_linear=True),
        Asked("retry_selection", (target, ["rejected"], *[None] * 5, "who", "why"), is_linear=True),
        Asked("export", (target, None, None, 0, 100)),
        Asked("sample_media", (target, 20), is_linear=True),
    ]
