"""What people type: examples of each command, shown at the end of its help."""

EXAMPLES = {
    "nightly": (
        "nightly ~/lists --until 06:00 --timezone Asia/Shanghai",
        "nightly ~/lists --expect-list --print-page when-needed",
    ),
    "report": ("report", "report --json"),
    "migrate": ("migrate",),
    "load": (
        "load media.csv --type dna --type tag",
        "load 'lists/*.csv' --campaign again-in-may",
        "load - --column VideoId",
    ),
    "list": (
        "list > media.csv",
        "list --match \"Status in ('Normal')\" --not-in-ledger > media.csv",
    ),
    "submit": ("submit --qps 30", "submit --max-submissions 10 --log attempts"),
    "reconcile": ("reconcile", "reconcile --once --json"),
    "resolve": (
        "resolve --all",
        "resolve 0123456789abcdef0123456789abcdef --type dna --absent",
    ),
    "doctor": ("doctor", "doctor --confirm-replay --json"),
    "why": ("why 0123456789abcdef0123456789abcdef",),
    "retry": (
        "retry --state failed --dry-run",
        "retry --code Throttling.User --reason 'quota raised' --yes",
    ),
    "cancel": ("cancel --batch 12 --dry-run", "cancel --ids withdrawn.csv"),
    "pause": ("pause --batch 12 --reason 'rights unclear'", "pause --all"),
    "resume": ("resume --batch 12", "resume --all"),
    "plan": ("plan", "plan --qps 60 --json"),
    "status": ("status", "status --json"),
    "export": ("export --format csv > rows.csv", "export --state rejected --batch 12"),
    "emulator": ("emulator --port 8808", "emulator --qps 30 --settings faults.toml"),
    "demo": ("demo",),
    "selftest": ("selftest --rounds 5", "selftest --crash-at-every-step"),
    "journal": ("journal check",),
}


def epilog(name: str) -> str:
    """Return what stands below a command's options; its lines are not to be filled."""
    lines = "\n".join(f"  vod-batch {words}" for words in EXAMPLES[name])
    return f"\b\nExamples:\n{lines}"
