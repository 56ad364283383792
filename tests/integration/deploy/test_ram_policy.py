"""The RAM policy grants exactly what the client calls."""

import importlib
import json
import pkgutil
import re
from pathlib import Path

import batch.vod

_VERB = re.compile(
    r"(Submit|List|Get|Describe|Search|Delete|Update|Set|Add|Cancel|Register)[A-Z]\w+"
)


def _actions() -> set[str]:
    """Return every constant of ``batch.vod`` that names an action of the API."""
    found = set()
    for module in pkgutil.iter_modules(batch.vod.__path__):
        for name, value in vars(importlib.import_module(f"batch.vod.{module.name}")).items():
            if name.isupper() and isinstance(value, str) and _VERB.fullmatch(value):
                found.add(value)
    return found


def test_the_policy_grants_what_is_called_and_nothing_else(deploy: Path) -> None:
    """An action more than needed is a risk, one less a night that stops."""
    policy = json.loads((deploy / "ram" / "policy.json").read_text())
    assert policy["Version"] == "1"
    (statement,) = policy["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "*"
    assert statement["Action"] == sorted(f"vod:{action}" for action in _actions())


def test_every_action_is_a_constant() -> None:
    """So the test above cannot miss one that is written where it is called."""
    folder = Path(batch.vod.__path__[0])
    written = re.compile(r"_(?:call|query)\(\s*f?[\"']")
    assert not [path.name for path in folder.glob("*.py") if written.search(path.read_text())]
    assert "SubmitAIJob" in _actions()
