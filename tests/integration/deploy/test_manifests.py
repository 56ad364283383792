"""The Kubernetes manifests against a schema of what they use: no field that the API ignores."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from batch.settings import Settings
from tests.support.waiting import PATIENCE

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Quantity = Annotated[str, Field(pattern=r"^\d+(m|Mi|Gi)?$")]
Path_ = Annotated[str, Field(pattern=r"^/")]


class _Part(BaseModel):
    """A part of the API (batch/v1 and v1, Kubernetes 1.27), as far as the manifests use it."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class _Metadata(_Part):
    name: Name | None = None
    generate_name: str | None = None
    labels: dict[str, str] = {}


class _SeccompProfile(_Part):
    type: Literal["RuntimeDefault"]


class _PodSecurity(_Part):
    run_as_non_root: Literal[True]
    run_as_user: Annotated[int, Field(ge=10_000)]
    run_as_group: Annotated[int, Field(ge=10_000)]
    fs_group: Annotated[int, Field(ge=10_000)]
    fs_group_change_policy: Literal["OnRootMismatch", "Always"]
    seccomp_profile: _SeccompProfile


class _Capabilities(_Part):
    drop: tuple[Literal["ALL"]] = Field(strict=False)


class _ContainerSecurity(_Part):
    allow_privilege_escalation: Literal[False]
    read_only_root_filesystem: Literal[True]
    capabilities: _Capabilities


class _KeyRef(_Part):
    name: Name
    key: Name
    optional: bool = False


class _Source(_Part):
    secret_key_ref: _KeyRef


class _Variable(_Part):
    name: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    value: str | None = None
    value_from: _Source | None = None


class _Amounts(_Part):
    cpu: Quantity | None = None
    memory: Quantity


class _Resources(_Part):
    requests: _Amounts
    limits: _Amounts


class _Mount(_Part):
    name: Name
    mount_path: Path_


class _Container(_Part):
    name: Name
    image: Annotated[str, Field(pattern=r"^[\w./-]+:[\w.-]+$")]
    command: list[str] = []
    args: list[str]
    env: list[_Variable]
    resources: _Resources
    security_context: _ContainerSecurity
    volume_mounts: list[_Mount]


class _Claim(_Part):
    claim_name: Name


class _Nothing(_Part):
    pass


class _Volume(_Part):
    name: Name
    persistent_volume_claim: _Claim | None = None
    empty_dir: _Nothing | None = None


class _Pod(_Part):
    restart_policy: Literal["Never"]
    automount_service_account_token: Literal[False]
    termination_grace_period_seconds: int = 30
    security_context: _PodSecurity
    containers: Annotated[list[_Container], Field(min_length=1, max_length=1)]
    volumes: list[_Volume]


class _PodTemplate(_Part):
    metadata: _Metadata
    spec: _Pod


class _JobSpec(_Part):
    completion_mode: Literal["Indexed", "NonIndexed"] = "NonIndexed"
    completions: Annotated[int, Field(ge=1)] = 1
    parallelism: Annotated[int, Field(ge=1)] = 1
    backoff_limit: Literal[0]
    active_deadline_seconds: Annotated[int, Field(ge=1)]
    ttl_seconds_after_finished: int | None = None
    template: _PodTemplate


class _JobTemplate(_Part):
    spec: _JobSpec


class _CronJobSpec(_Part):
    schedule: Annotated[str, Field(pattern=r"^\S+ \S+ \S+ \S+ \S+$")]
    time_zone: str
    concurrency_policy: Literal["Forbid"]
    starting_deadline_seconds: int
    successful_jobs_history_limit: int
    failed_jobs_history_limit: int
    job_template: _JobTemplate


class _ClaimRequests(_Part):
    storage: Quantity


class _ClaimResources(_Part):
    requests: _ClaimRequests


class _ClaimSpec(_Part):
    access_modes: list[Literal["ReadWriteOnce", "ReadWriteMany"]]
    resources: _ClaimResources


class CronJob(_Part):
    """A CronJob."""

    api_version: Literal["batch/v1"]
    kind: Literal["CronJob"]
    metadata: _Metadata
    spec: _CronJobSpec


class Job(_Part):
    """A Job."""

    api_version: Literal["batch/v1"]
    kind: Literal["Job"]
    metadata: _Metadata
    spec: _JobSpec


class Claim(_Part):
    """A PersistentVolumeClaim."""

    api_version: Literal["v1"]
    kind: Literal["PersistentVolumeClaim"]
    metadata: _Metadata
    spec: _ClaimSpec


Manifest = Annotated[CronJob | Job | Claim, Field(discriminator="kind")]
_READ: TypeAdapter[CronJob | Job | Claim] = TypeAdapter(Manifest)
FILES = ("cronjob.yaml", "workers-job.yaml", "migrate-job.yaml")


def _documents(deploy: Path) -> Iterator[tuple[str, Any]]:
    for name in FILES:
        for document in yaml.safe_load_all((deploy / "kubernetes" / name).read_text()):
            yield name, document


def _jobs(deploy: Path) -> dict[str, _JobSpec]:
    found = {}
    for name, document in _documents(deploy):
        manifest = _READ.validate_python(document)
        if isinstance(manifest, CronJob):
            found[name] = manifest.spec.job_template.spec
        elif isinstance(manifest, Job):
            found[name] = manifest.spec
    return found


def test_every_manifest_fits_the_schema(deploy: Path) -> None:
    """Locked down as the schema insists: no root, a read-only root, no capability, no token."""
    assert {path.name for path in (deploy / "kubernetes").iterdir()} == set(FILES)
    assert set(_jobs(deploy)) == set(FILES)


@pytest.mark.parametrize("wrong", [{"concurrencyPolicy": "Allow"}, {"timezone": "UTC"}])
def test_the_schema_finds_a_mistake(deploy: Path, wrong: dict[str, str]) -> None:
    """A value that would start two nights, and a field that would be ignored."""
    (document,) = [each for _, each in _documents(deploy) if each["kind"] == "CronJob"]
    document["spec"] |= wrong
    with pytest.raises(ValidationError):
        _READ.validate_python(document)


def test_what_is_mounted_is_there_and_what_is_claimed_too(deploy: Path) -> None:
    """Names meet across files; the state is on a volume that outlives the pod."""
    claims = {each["metadata"]["name"] for _, each in _documents(deploy) if "Claim" in each["kind"]}
    for name, job in _jobs(deploy).items():
        pod = job.template.spec
        (container,) = pod.containers
        volumes = {volume.name: volume for volume in pod.volumes}
        assert {mount.name for mount in container.volume_mounts} == set(volumes)
        wanted = {
            volume.persistent_volume_claim.claim_name
            for volume in pod.volumes
            if volume.persistent_volume_claim
        }
        assert wanted <= claims
        variables = {variable.name: variable for variable in container.env}
        if name != "migrate-job.yaml":
            home = variables["VOD_BATCH_HOME"].value
            (mount,) = [each for each in container.volume_mounts if each.mount_path == home]
            assert volumes[mount.name].persistent_volume_claim


def test_variables_are_settings_and_secrets_are_references(deploy: Path) -> None:
    """No secret stands in a manifest; the worker never gets the owner's."""
    secret = {"VOD_BATCH_DATABASE_URL", "VOD_BATCH_PING_URL", "VOD_BATCH_WEBHOOKS"}
    for name, job in _jobs(deploy).items():
        (container,) = job.template.spec.containers
        for variable in container.env:
            if variable.name.startswith("VOD_BATCH_"):
                assert variable.name.removeprefix("VOD_BATCH_").lower() in Settings.model_fields
            if variable.name in secret or variable.name.startswith("ALIBABA_CLOUD_"):
                assert variable.value is None
                assert variable.value_from
                role = "vod-batch-owner" if name == "migrate-job.yaml" else "vod-batch-worker"
                assert variable.value_from.secret_key_ref.name == role


def test_there_is_time_for_answers_on_the_wire(deploy: Path) -> None:
    """A pod is killed after its grace period, whatever it waits for."""
    jobs = _jobs(deploy)
    for name in ("cronjob.yaml", "workers-job.yaml"):
        grace = jobs[name].template.spec.termination_grace_period_seconds
        assert grace > Settings.model_fields["grace"].default.total_seconds()
    workers = jobs["workers-job.yaml"]
    assert workers.completion_mode == "Indexed"
    assert workers.completions == workers.parallelism > 1


def _wrapped(deploy: Path, name: str, *words: str) -> list[str]:
    return [*_jobs(deploy)[name].template.spec.containers[0].command, *words]


@pytest.mark.parametrize("name", ["cronjob.yaml", "workers-job.yaml"])
@pytest.mark.parametrize(("code", "ends"), [(0, 0), (3, 0), (5, 0), (4, 4), (69, 69), (137, 137)])
def test_the_wrapper_knows_how_a_night_may_end(
    deploy: Path, name: str, code: int, ends: int
) -> None:
    """Run by a real shell."""
    done = subprocess.run(_wrapped(deploy, name, "sh", "-c", f"exit {code}"), capture_output=True)
    assert done.returncode == ends


@pytest.mark.parametrize("name", ["cronjob.yaml", "workers-job.yaml"])
def test_the_wrapper_hands_a_sigterm_on_and_waits(deploy: Path, name: str) -> None:
    """A worker that drains takes a moment and has the last word."""
    worker = "trap 'sleep 0.3; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen(
        _wrapped(deploy, name, "sh", "-c", worker),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGTERM)
        _, logged = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "vod-batch ended with 5" in logged
