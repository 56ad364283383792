"""docker-compose.yml and the Dockerfile: what they promise, checked without a Docker engine."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SERVICES = {"postgres", "migrate", "emulator", "worker"}
PUBLIC = {"testid", "testsecret"}  # the emulator's own key, printed in every manual
_SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY", re.IGNORECASE)
_PASSED_ON = re.compile(r"\$\{\w+(?:(?::?[-?])(?P<else>[^}]*))?\}")
_PASSWORD_IN_URL = re.compile(r"://[^/\s:@]*:[^/\s@$]+@")
_PINNED = re.compile(r"[a-z0-9./_-]+:(?!latest)v?\d[\w.-]*(@sha256:[0-9a-f]{64})?")

Service = dict[str, Any]


def check_service(name: str, service: Service, own_image: str) -> Iterator[str]:
    """Yield what no service may do."""
    if service.get("privileged"):
        yield f"{name}: is privileged"
    for key in ("network_mode", "pid", "ipc"):
        if service.get(key) == "host":
            yield f"{name}: {key} is the host's"
    if "build" in service:
        yield from check_own(name, service, own_image)
    elif not _PINNED.fullmatch(image := service.get("image", "")):
        yield f"{name}: image {image!r} is not pinned to a version"
    for volume in service.get("volumes", []):
        if "docker.sock" in str(volume):
            yield f"{name}: mounts the engine's socket"
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            yield f"{name}: port {port} is open beyond loopback"
    yield from check_secrets(name, service.get("environment") or {})


def check_own(name: str, service: Service, own_image: str) -> Iterator[str]:
    """Yield what a service that runs our own image lacks."""
    if service.get("image") != own_image:
        yield f"{name}: builds {service.get('image')}, not {own_image}"
    if str(service.get("user", "")).split(":")[0] in ("", "0", "root"):
        yield f"{name}: names no user, or root"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield f"{name}: may gain privileges"


def check_secrets(name: str, environment: dict[str, object]) -> Iterator[str]:
    """Yield the variables that hold a secret in plain text."""
    for variable, value in environment.items():
        text = str(value)
        if _PASSWORD_IN_URL.search(text):
            yield f"{name}: {variable} holds a password"
        if not _SECRET_NAME.search(variable) or variable.endswith("_FILE"):
            continue
        passed_on = _PASSED_ON.fullmatch(text)
        if not passed_on:
            yield f"{name}: {variable} is written out"
        elif "-" in text and (passed_on["else"] or "") not in {"", *PUBLIC} and ":?" not in text:
            yield f"{name}: {variable} has a secret for a default"


def check_order(services: dict[str, Service]) -> Iterator[str]:
    """Yield what the parts of this product do not wait for."""
    for waiting, awaited, condition in (
        ("migrate", "postgres", "service_healthy"),
        ("worker", "migrate", "service_completed_successfully"),
        ("worker", "emulator", "service_healthy"),
    ):
        found = services[waiting].get("depends_on", {}).get(awaited, {}).get("condition")
        if found != condition:
            yield f"{waiting}: waits for {awaited} with {found}, not {condition}"


def check_parts(services: dict[str, Service], volumes: dict[str, object]) -> Iterator[str]:
    """Yield what each part lacks."""
    for name in ("postgres", "emulator"):
        if not services[name].get("healthcheck", {}).get("test"):
            yield f"{name}: has no health check"
    postgres, emulator, worker = services["postgres"], services["emulator"], services["worker"]
    if postgres.get("ports"):
        yield "postgres: is published"
    if not str(postgres.get("image")).startswith("postgres:18"):
        yield "postgres: is not version 18"
    yield from check_volume("postgres", postgres, "/var/lib/postgresql", volumes)
    yield from check_volume("worker", worker, "/var/lib/vod-batch", volumes)
    if "/_emulator/healthz" not in str(emulator.get("healthcheck")):
        yield "emulator: its health check does not ask /_emulator/healthz"
    if "0.0.0.0" not in emulator.get("command", []):  # noqa: S104  (inside the compose network)
        yield "emulator: the worker cannot reach it"
    if services["migrate"].get("command") != ["migrate"] or worker.get("command") != ["submit"]:
        yield "migrate, worker: do something else"


def check_volume(
    name: str, service: Service, place: str, volumes: dict[str, object]
) -> Iterator[str]:
    """Yield a complaint when ``place`` is not on a named volume."""
    mounts = [str(volume).split(":") for volume in service.get("volumes", [])]
    if not any(source in volumes and where == place for source, where, *_ in mounts):
        yield f"{name}: {place} is not on a named volume"


def check_dockerfile(text: str) -> Iterator[str]:
    """Yield what the image lacks."""
    last = re.split(r"^FROM ", text, flags=re.MULTILINE)[-1]
    users = re.findall(r"^USER\s+(\S+)", last, flags=re.MULTILINE)
    if not users or users[-1].split(":")[0] in ("0", "root"):
        yield "Dockerfile: runs as root"
    if '\nENTRYPOINT ["vod-batch"]' not in last:
        yield "Dockerfile: its entry point is not vod-batch"
    for line in re.findall(r"^RUN(?:.*\\\n)*.*", text, flags=re.MULTILINE):
        for command in re.split(r"&&|;", line):
            if "-r requirements/" in command and "--require-hashes" not in command:
                yield f"Dockerfile: without hashes: {' '.join(command.split())}"
    images = re.findall(r"^FROM (\S+)", text, flags=re.MULTILINE)
    if len(images) < 2:
        yield "Dockerfile: has one stage"
    yield from (f"Dockerfile: {i} is not pinned" for i in images if not _PINNED.fullmatch(i))


def ask_docker() -> Iterator[str]:
    """Yield what ``docker compose config`` says, where that client is installed."""
    docker = shutil.which("docker")
    if not docker or _run(docker, "compose", "version").returncode:
        return
    file = str(ROOT / "docker-compose.yml")
    done = _run(docker, "compose", "--file", file, "config", "--quiet")
    if done.returncode:
        yield f"docker compose config: {done.stderr.strip()}"


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "POSTGRES_PASSWORD": "dummy"}
    return subprocess.run(  # noqa: S603
        words, env=environment, capture_output=True, text=True, check=False
    )


def main() -> int:
    """Check both files; return 0 when all is well."""
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    services: dict[str, Service] = document["services"]
    problems = [f"service {name} is missing" for name in sorted(SERVICES - set(services))]
    if not problems:
        for name, service in services.items():
            problems += check_service(name, service, "vod-batch")
        problems += check_order(services)
        problems += check_parts(services, document.get("volumes") or {})
    problems += check_dockerfile((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    problems += ask_docker()
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    if not problems:
        sys.stdout.write(f"docker-compose.yml: {len(services)} services; Dockerfile: as promised\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
