"""The command line as a person or a script uses it: a process with an environment of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.waiting import PATIENCE
from tests.support.warm import Forked, can_fork_for, forked, run_forked

OURS = ("VOD_BATCH_", "ALIBABA_CLOUD_", "ALIYUN_")
"""How the variables begin that the product reads."""
KEY = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
}


def clean_environment(home: Path) -> dict[str, str]:
    """Return this process's environment without settings and credentials, at home in ``home``."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
    return {**kept, "HOME": str(home), "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def first_words(self) -> str:
        """The first line that it printed, on stdout before stderr."""
        return (self.stdout + self.stderr).splitlines()[0]


@dataclass(frozen=True)
class Console:
    """Runs commands in ``home``, with ``settings`` as environment variables."""

    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def having(self, **settings: object) -> "Console":
        """Return a console with more settings; ``None`` takes one away."""
        merged = {**self.settings, **{name: str(v) for name, v in settings.items()}}
        return replace(self, settings={k: v for k, v in merged.items() if v != "None"})

    @property
    def environment(self) -> dict[str, str]:
        """What a command of this console finds in its environment."""
        return clean_environment(self.home) | dict(self.settings)

    def run(
        self, *words: str, code: int | None = 0, stdin: bytes = b"", within: float = PATIENCE
    ) -> Ended:
        """Run one command to its end, which must be ``code`` (``None``: any)."""
        done = self._forked(words, stdin, within) or subprocess.run(
            [sys.executable, "-m", "batch", *words],
            cwd=self.home,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=within,
        )
        ended = Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert code is None or ended.code == code, ended
        return ended

    def _forked(
        self, words: Sequence[str], stdin: bytes, within: float
    ) -> "subprocess.CompletedProcess[bytes] | None":
        """Run one command in a fork, which spares its imports, where that is the same."""
        environment = self.environment
        if not can_fork_for(environment):
            return None
        return run_forked(words, cwd=self.home, env=environment, stdin=stdin, timeout=within)

    @contextmanager
    def started(self, *words: str) -> Iterator[Forked]:
        """Start one command, in a session of its own; it is killed when the block leaves it."""
        with forked(words, cwd=self.home, env=self.environment) as command:
            yield command
