"""The locks: every line pinned and hashed, no index named, every direct dependency in its lock."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def entries(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each logical line of a lock with the number of its first physical line."""
    first, parts = 0, list[str]()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not parts and (not text or text.startswith("#")):
            continue
        first = first if parts else number
        parts.append(text.removesuffix("\\").strip())
        if not text.endswith("\\"):
            yield first, " ".join(parts)
            parts = []
    if parts:
        yield first, " ".join(parts)


def pinned(entry: str) -> Requirement:
    """Return the requirement of a lock's entry; raise ValueError with what is wrong with it."""
    words = entry.split(" --hash", maxsplit=1)
    if entry.startswith("-") or "://" in entry:
        raise ValueError("an option, an index or a URL")
    try:
        requirement = Requirement(words[0].strip())
    except InvalidRequirement as error:
        raise ValueError(str(error).splitlines()[0]) from None
    if requirement.url or [s.operator for s in requirement.specifier] != ["=="]:
        raise ValueError("not pinned with == to one version")
    hashes = entry.removeprefix(words[0]).split()
    if not hashes:
        raise ValueError("no hash")
    for word in hashes:
        if not _HASH.fullmatch(word):
            raise ValueError(f"not a sha256 hash: {word}")
    return requirement


def read_lock(path: Path, problems: list[str]) -> dict[str, list[str]]:
    """Return the pinned versions of a lock by name; note what is wrong with it."""
    versions: dict[str, list[str]] = {}
    for line, entry in entries(path):
        try:
            requirement = pinned(entry)
        except ValueError as error:
            problems.append(f"{path.name}:{line}: {entry.split()[0]}: {error}")
            continue
        version = next(iter(requirement.specifier)).version
        versions.setdefault(canonicalize_name(requirement.name), []).append(version)
    if not versions:
        problems.append(f"{path.name}: empty")
    return versions


def check_direct(
    wanted: list[str], versions: dict[str, list[str]], name: str, problems: list[str]
) -> None:
    """Note direct dependencies that a lock lacks, or holds in a version they do not take."""
    for text in wanted:
        requirement = Requirement(text)
        try:
            if requirement.marker and not requirement.marker.evaluate():
                continue
        except UndefinedEnvironmentName as error:
            problems.append(f"pyproject.toml: {text}: {error}")
        found = versions.get(canonicalize_name(requirement.name))
        if not found:
            problems.append(f"{name}: lacks {text}, which pyproject.toml asks for")
            continue
        problems += [
            f"{name}: {requirement.name}=={version} does not fit {text}"
            for version in found
            if not requirement.specifier.contains(version, prereleases=True)
        ]


def check_same(locks: dict[str, dict[str, list[str]]], problems: list[str]) -> None:
    """Note packages that two locks pin differently: they are installed into one environment."""
    seen: dict[str, tuple[str, list[str]]] = {}
    for name, versions in locks.items():
        for package, found in versions.items():
            other, earlier = seen.setdefault(package, (name, found))
            if set(earlier) != set(found):
                problems.append(f"{package}: {earlier} in {other}, {found} in {name}")


def main() -> int:
    """Check every lock; return 0 when all is well."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    wanted = {
        "build.txt": groups["build"],
        "run.txt": project["project"]["dependencies"],
        "dev.txt": project["project"]["dependencies"] + groups["dev"],
    }
    problems: list[str] = []
    folder = ROOT / "requirements"
    locks = {path.name: read_lock(path, problems) for path in sorted(folder.glob("*.txt"))}
    for name, texts in wanted.items():
        if name in locks:
            check_direct(texts, locks[name], name, problems)
        else:
            problems.append(f"requirements/{name} is missing; run: make lock")
    check_same(locks, problems)
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    if problems:
        sys.stdout.write("The locks need care; after a change of dependencies run: make lock\n")
        return 1
    count = sum(len(versions) for versions in locks.values())
    sys.stdout.write(f"Locks: {count} pins in {len(locks)} files, all hashed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
