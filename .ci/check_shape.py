"""The shape of `batch/`: how large each room is, what is documented, and the limits that are kept.

No file over 300 lines, no module in an import cycle, every public module, class and function with
a docstring. `python .ci/check_shape.py --rooms` prints the figures.
"""

import ast
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 300
_Named = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def lengths(ending: str) -> dict[Path, int]:
    """Return the lines of each file of the package, by its path from the root."""
    files = sorted((ROOT / "batch").rglob(f"*.{ending}"))
    return {file.relative_to(ROOT): len(file.read_bytes().splitlines()) for file in files}


def undocumented(path: Path) -> Iterator[str]:
    """Yield the public names of a module that have no docstring."""
    tree = ast.parse((ROOT / path).read_bytes())
    if tree.body and not ast.get_docstring(tree):
        yield f"{path}: the module"
    commands = _commands(tree)
    nodes: list[ast.stmt] = list(tree.body)
    for node in nodes:
        if not isinstance(node, _Named) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node) and node.name not in commands:
            yield f"{path}:{node.lineno}: {node.name}"
        if isinstance(node, ast.ClassDef):
            nodes += node.body


def _commands(tree: ast.Module) -> set[str]:
    """Return the functions that are commands: their help is their documentation."""
    tables = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMMANDS"
    ]
    return {
        ast.unparse(one) for table in tables if isinstance(table, ast.Dict) for one in table.values
    }


def cycle() -> list[str]:
    """Return modules that import one another in a ring, if there are any."""
    graph = grimp.build_graph("batch", exclude_type_checking_imports=True, cache_dir=None)
    imports = {one: graph.find_modules_directly_imported_by(one) for one in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def rooms() -> Iterator[str]:
    """Yield the lines and files of each room, and what a file has."""
    by_room: dict[str, list[int]] = defaultdict(list)
    for path, length in lengths("py").items():
        by_room[path.parts[1] if len(path.parts) > 2 else "(top)"].append(length)
    for room, of in sorted(by_room.items()):
        yield f"{room:<12}{sum(of):>7} lines {len(of):>4} files"
    every = [length for of in by_room.values() for length in of]
    yield f"{'all':<12}{sum(every):>7} lines {len(every):>4} files"
    sql = lengths("sql")
    yield f"{'SQL':<12}{sum(sql.values()):>7} lines {len(sql):>4} statements"
    yield f"a file has {statistics.median(every):g} lines (median), {max(every)} at most"


def main() -> int:
    """Print what is not kept to, or with ``--rooms`` the figures; return the exit code."""
    if "--rooms" in sys.argv[1:]:
        print(*rooms(), sep="\n")  # noqa: T201
    files = lengths("py")
    wrong = [f"{path}: {of} lines, {LONGEST} allowed" for path, of in files.items() if of > LONGEST]
    wrong += [f"{name} has no docstring" for path in files for name in undocumented(path)]
    if ring := cycle():
        wrong.append("a ring of imports: " + " -> ".join(ring))
    for line in wrong:
        print(line, file=sys.stderr)  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
