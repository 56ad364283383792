"""cron, systemd and the command they run: what an operator copies must start as it stands."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from batch.cli.main import app
from batch.settings import Settings

UNITS = ("vod-batch.service", "vod-batch.timer", "vod-batch-failed@.service")
analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed here"
)


def _cron_line(deploy: Path) -> list[str]:
    text = (deploy / "cron" / "vod-batch.cron").read_text()
    (line,) = [line for line in text.splitlines() if re.match(r"[\d*]", line)]
    return line.split(maxsplit=6)


def _unit(deploy: Path, name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (deploy / "systemd" / name).read_text().splitlines():
        if re.match(r"[A-Z]\w*=", line):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def _commands(deploy: Path) -> dict[str, list[str]]:
    """Return the words after ``vod-batch`` in every file that starts it."""
    cron = shlex.split(_cron_line(deploy)[6].partition("exec ")[2].partition(" 2>>")[0])
    service = shlex.split(_unit(deploy, "vod-batch.service")["ExecStart"][0])
    commands = {"cron": cron[1:], "systemd": service[1:]}
    for path in (deploy / "kubernetes").glob("*.yaml"):
        for document in yaml.safe_load_all(path.read_text()):
            if (spec := _job_spec(document)) is not None:
                args = spec["template"]["spec"]["containers"][0]["args"]
                commands[path.name] = args[args[0] == "vod-batch" :]
    return commands


def _job_spec(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    spec: dict[str, Mapping[str, Any]] = document["spec"]
    if document["kind"] == "CronJob":
        return spec["jobTemplate"]["spec"]  # type: ignore[no-any-return]
    return spec if document["kind"] == "Job" else None


def test_every_command_is_one_that_the_program_takes(deploy: Path) -> None:
    """Parsed by the command line itself."""
    group = typer.main.get_command(app)
    commands = _commands(deploy)
    assert len(commands) == 5
    for where, words in commands.items():
        command = group.commands[words[0]]  # type: ignore[attr-defined]
        with command.make_context(where, list(words[1:])) as context:
            assert context.params is not None


def test_every_night_has_the_same_deadline_and_start(deploy: Path) -> None:
    """Three schedulers, one night."""
    commands = _commands(deploy)
    for where in ("cron", "systemd", "cronjob.yaml"):
        assert commands[where][2:6] == ["--until", "06:00", "--timezone", "Asia/Shanghai"]
    assert commands["cron"][6:] == ["--print-page", "when-needed"]
    (cron_job,) = [
        document
        for document in yaml.safe_load_all((deploy / "kubernetes/cronjob.yaml").read_text())
        if document["kind"] == "CronJob"
    ]
    assert cron_job["spec"]["schedule"] == " ".join(_cron_line(deploy)[:5]) == "0 22 * * *"
    assert _unit(deploy, "vod-batch.timer")["OnCalendar"] == ["*-*-* 22:00:00 Asia/Shanghai"]


def test_the_cron_file_is_a_system_crontab(deploy: Path) -> None:
    """Five fields, a user, a command without a percent sign, settings that exist."""
    words = _cron_line(deploy)
    assert words[5] == "vod-batch"
    assert "%" not in words[6]
    text = (deploy / "cron" / "vod-batch.cron").read_text()
    assert text.endswith("\n")
    _check_variables(re.findall(r"^(VOD_BATCH_\w+)=", text, re.MULTILINE))


def _check_variables(names: list[str]) -> None:
    known = {f"VOD_BATCH_{name.upper()}" for name in Settings.model_fields} | {"VOD_BATCH_SETTINGS"}
    assert names
    assert set(names) <= known


def test_the_cron_command_reads_its_secrets_and_starts(deploy: Path, tmp_path: Path) -> None:
    """Run by a real shell, with the paths of a test."""
    (tmp_path / "env").write_text("export VOD_BATCH_DATABASE_URL='postgresql://x'\n")
    program = tmp_path / "vod-batch"
    program.write_text('#!/bin/sh\necho "$VOD_BATCH_DATABASE_URL $*"\necho log >&2\nexit 3\n')
    program.chmod(0o755)
    command = _cron_line(deploy)[6].replace("/etc/vod-batch/env", str(tmp_path / "env"))
    command = command.replace("2>>/var/lib/vod-batch", f"2>>{tmp_path}")
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stdout.startswith("postgresql://x nightly /var/lib/vod-batch/inbox --until 06:00")
    assert (tmp_path / "nightly.log").read_text() == "log\n"


def _installed(deploy: Path, folder: Path) -> list[Path]:
    """Copy the units, with programs that exist here in place of those of an installation."""
    for name in UNITS:
        text = (deploy / "systemd" / name).read_text()
        text = text.replace("/opt/vod-batch/bin/vod-batch", "/bin/sh")
        (folder / name).write_text(text.replace("/usr/bin/logger", "/bin/sh"))
    instance = folder / "vod-batch-failed@vod-batch.service"
    instance.symlink_to(folder / "vod-batch-failed@.service")
    return [folder / "vod-batch.service", folder / "vod-batch.timer", instance]


@analyze
def test_systemd_takes_the_units(deploy: Path, tmp_path: Path) -> None:
    """Not one warning: an unknown or useless line would be one."""
    units = _installed(deploy, tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", *map(str, units)],
        capture_output=True, text=True,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "vod-batch" in line]
    assert (done.returncode, complaints) == (0, [])


@analyze
def test_systemd_finds_a_mistake(deploy: Path, tmp_path: Path) -> None:
    """The test above would notice."""
    units = _installed(deploy, tmp_path)
    units[0].write_text(units[0].read_text().replace("RuntimeMaxSec", "RuntimeMaxSek"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", str(units[0])],
        capture_output=True, text=True,
    )  # fmt: skip
    assert "RuntimeMaxSek" in done.stderr


@analyze
def test_the_sandbox_is_tight(deploy: Path, tmp_path: Path) -> None:
    """By systemd's own measure, where 10 is wide open and a plain service has 9.6."""
    for unit in _installed(deploy, tmp_path)[::2]:
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=30", unit],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


@analyze
def test_systemd_takes_the_hour(deploy: Path) -> None:
    """22:00 in Shanghai is 14:00 UTC, all year."""
    hour = _unit(deploy, "vod-batch.timer")["OnCalendar"][0]
    done = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=2", hour],
        env={"TZ": "UTC", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert "14:00:00 UTC" in done.stdout


def test_the_service_stops_gently_and_raises_the_alarm(deploy: Path) -> None:
    """There is time for the answers on the wire, and no ordinary end counts as a failure."""
    service = _unit(deploy, "vod-batch.service")
    assert service["OnFailure"] == ["vod-batch-failed@%n.service"]
    assert service["RuntimeMaxSec"] == ["9h"]
    assert service["Type"] != ["oneshot"]
    assert service["SuccessExitStatus"] == ["3 5"]
    assert (
        int(service["TimeoutStopSec"][0].rstrip("s"))
        > Settings.model_fields["grace"].default.total_seconds()
    )
    _check_variables([value.partition("=")[0] for value in service["Environment"]])


def test_the_alarm_sends_the_journal_to_the_check(deploy: Path, tmp_path: Path) -> None:
    """Run by a real shell with programs of a test; the URL is in no argument."""
    _, line = _unit(deploy, "vod-batch-failed@.service")["ExecStart"]
    words = shlex.split(line.replace("%i", "vod-batch.service").replace("/tmp/", f"{tmp_path}/"))
    # As systemd expands it: two signs stand for one. It would also take backslashes for its own.
    assert "\\" not in line
    words = [word.replace("$$", "$").replace("%%", "%") for word in words]
    for name, script in {
        "journalctl": 'echo "journal of $*"',
        "curl": f'echo "$*" >{tmp_path}/words; cat >{tmp_path}/config',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(words, env=environment, check=True)
    assert not (tmp_path / "words").exists()
    environment["VOD_BATCH_PING_URL"] = "https://hc.test/secret/"
    subprocess.run(words, env=environment, check=True)
    assert (tmp_path / "config").read_text() == "url = https://hc.test/secret/fail\n"
    assert "secret" not in (tmp_path / "words").read_text()
    assert "--unit=vod-batch.service" in (tmp_path / "journal").read_text()
