"""PostgreSQL's programs out of the wheel, run with nothing of ours but a working folder.

Only its ``initdb`` and ``postgres`` are used. The wheel's Python part and ``pg_ctl`` are not: as
root the one opens every folder above the data to everybody and makes a user of the system, both
trust the number in a pid file, wherever it leads by now, and ``pg_ctl`` hands the folder's name to
a shell.

A program finds the data folder by its working folder alone. So no name of a folder is read by
a shell or a parser, and none is too long; and the folders above need not be open to the account
that the server runs as, for a working folder is entered before the account changes.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from batch.errors import DatabaseUnavailableError
from batch.ledger.embedded.program_copies import (
    PROGRAM,
    Account,
    find_programs,
    lend_initdb,
    run_as,
)

_HERE = "/proc/self/cwd" if Path("/proc/self/cwd").exists() else "."
"""The working folder. A dot PostgreSQL would spell out, and then it could not enter it again."""

_NAMELESS = 61_018
"""Who the server is where we are root, which it refuses to be: a number of no user.

Systemd's list of numbers in use has none here, so no other service's files and signals meet ours.
"""

_MAKE_SECONDS = 600.0


def account_for(data: Path) -> Account:
    """Return who serves ``data``: we; as root, the folder's owner, or nobody's number."""
    if os.geteuid():
        return Account(os.geteuid(), os.getegid())
    if data.exists() and (owner := data.stat()).st_uid:
        return Account(owner.st_uid, owner.st_gid)
    return Account(_NAMELESS, _NAMELESS)


def make_cluster(folder: Path, account: Account, *, kept_open: Sequence[int]) -> None:
    """Run ``initdb`` on the empty ``folder``, which is the account's: the same cluster everywhere.

    ``kept_open`` are descriptors that it inherits: it may outlive us by a moment.

    Raises:
        DatabaseUnavailableError: it does not come to its end; the message holds its last word.
    """
    programs = find_programs(account)
    with lend_initdb(programs, account, folder.parent) as (initdb, more):
        done = subprocess.run(  # noqa: S603
            [
                str(initdb), "--pgdata", _HERE, "--username", "postgres", "--auth", "trust",
                # PostgreSQL's own C.UTF-8: the system's locales may be missing, and may change
                # under an index with the next upgrade.
                "--encoding", "UTF8", "--locale", "C",
                "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
                "--set", "timezone=UTC", "--set", "log_timezone=UTC",
            ],
            cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=_MAKE_SECONDS,
            check=False, pass_fds=kept_open, **run_as(account, more),
        )  # fmt: skip
    if done.returncode:
        words = (done.stdout + done.stderr).decode(errors="replace").split("\n")
        errors = [line for line in words if "error:" in line or "FATAL" in line] or words
        raise DatabaseUnavailableError(
            f"initdb makes no cluster for {folder.parent} ({' '.join(errors).strip()[:300]}); fix "
            "that, or set VOD_BATCH_DATABASE_URL to a server of yours"
        )


def start_server(
    data: Path, account: Account, *, log: int, kept_open: Sequence[int]
) -> "subprocess.Popen[bytes]":
    """Start ``postgres`` on ``data``, away from our terminal; it writes to the descriptor ``log``.

    ``kept_open`` are descriptors that it and all of its children inherit.
    """
    settings = {"listen_addresses": "", "unix_socket_directories": ".", "port": "5432",
                "cluster_name": "vod-batch"}  # fmt: skip
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return subprocess.Popen(  # noqa: S603
        [str(find_programs(account) / PROGRAM), "-D", _HERE, *words],
        cwd=data, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=kept_open,
        start_new_session=True, **run_as(account),
    )  # fmt: skip
