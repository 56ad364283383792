"""An operator's word for what a start stops at: ``vod-batch doctor --accept NAME``."""

from tests.support.console import Console


def accept(console: Console, name: str) -> str:
    """Let what ``name`` stands for go on; return what the command says."""
    return console.run("doctor", "--accept", name, "--yes").stdout
