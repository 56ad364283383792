"""The data folder of the embedded server: made whole or not at all, and looked at before use."""

import os
import shutil
import tempfile
from pathlib import Path

from batch.errors import ConfigurationError, DatabaseUnavailableError, PermissionRefusedError
from batch.ledger.embedded.program_copies import MAJOR, Account
from batch.ledger.embedded.programs import account_for, make_cluster

_UNFINISHED = "postgres.new-"


def make_home(home: Path) -> None:
    """Make ``home``, for nobody but us to enter, whatever the umask; cron may have none."""
    missing = [folder for folder in (home, *home.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700 if folder == home else 0o755, exist_ok=True)


def prepare_cluster(data: Path, lock: int) -> Account:
    """Make the cluster in ``data`` if nothing is there; return whose it is.

    Nobody else may be about this, and no server run: ``lock`` is the server's, held by us, and by
    what we start, which may outlive us.

    Raises:
        DatabaseUnavailableError: it cannot be made.
        ConfigurationError: what is there is not a cluster that this program serves.
        PermissionRefusedError: it is another user's.
    """
    check_owner(data)
    for unfinished in _unfinished(data):
        shutil.rmtree(unfinished)
    account = account_for(data)
    if not data.exists() or not any(data.iterdir()):
        _make(data, account, lock)
    _check_whole(data)
    _check_major(data)
    if os.geteuid() == 0:
        _hand_over(data, account)
    return account


def is_being_made(data: Path) -> bool:
    """Return whether somebody makes the cluster of ``data``, or did when they were killed."""
    return bool(_unfinished(data))


def check_owner(data: Path) -> None:
    """Refuse a data folder of somebody else, which only root may serve.

    Raises:
        PermissionRefusedError: it is another user's.
    """
    if data.exists() and os.geteuid() not in (0, owner := data.stat().st_uid):
        raise PermissionRefusedError(
            f"{data} belongs to the user {owner}, and we are {os.geteuid()}; run vod-batch as that "
            "user, or as root where that started it, or set VOD_BATCH_HOME to a folder of yours"
        )


def _unfinished(data: Path) -> list[Path]:
    return list(data.parent.glob(f"{_UNFINISHED}*"))


def _check_whole(data: Path) -> None:
    if not (data / "PG_VERSION").exists():
        found = ", ".join(sorted(path.name for path in data.iterdir())[:3])
        raise ConfigurationError(
            f"{data} is not empty and holds no database ({found}); move that away, or restore the "
            "folder back whole from a backup, or set VOD_BATCH_HOME to another folder"
        )
    if not _major(data).isdecimal() or not (data / "global" / "pg_control").exists():
        raise ConfigurationError(
            f"{data} is damaged: its PG_VERSION or global/pg_control cannot be read; restore the "
            "folder back whole from a backup; the journals in the same home hold what was paid"
        )


def _major(data: Path) -> str:
    return (data / "PG_VERSION").read_text(encoding="utf-8", errors="replace").strip()


def _check_major(data: Path) -> None:
    if (major := _major(data)) != str(MAJOR):
        raise ConfigurationError(
            f"{data} was made by PostgreSQL {major}, this program has {MAJOR}: dump it with the "
            f'old programs and load it into a new one, step by step as under "Another major '
            'version" in docs/operating.md'
        )


def _make(data: Path, account: Account, lock: int) -> None:
    """Let ``initdb`` work aside, and show its work when it is whole: it may be killed."""
    if data.is_mount():  # nothing can take its place
        _own(data, account)
        make_cluster(data, account, kept_open=[lock])
        return
    new = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=data.parent))
    try:
        _own(new, account)
        make_cluster(new, account, kept_open=[lock])
        new.rename(data)
        _sync(data.parent)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _hand_over(data: Path, account: Account) -> None:
    """Give the account what is root's: a folder restored from a copy is."""
    if data.stat().st_uid == account.uid:
        return
    for folder, _, files in os.walk(data):
        _own(Path(folder), account)
        for name in files:
            _own(Path(folder, name), account)


def _own(path: Path, account: Account) -> None:
    if account.is_ours:
        return
    try:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    except OSError as error:
        raise DatabaseUnavailableError(
            f"PostgreSQL refuses to run as root, and this root may not give {path} to another user "
            f"({error.strerror}); run vod-batch as a user who is not root, or set "
            "VOD_BATCH_DATABASE_URL to a server of yours"
        ) from error


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
