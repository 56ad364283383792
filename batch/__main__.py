"""``python -m batch`` is ``vod-batch``."""

import signal
import sys

_ENDED_BY_SIGTERM = 128 + signal.SIGTERM


def main() -> None:
    """Run one command, deaf to no SIGTERM: before anything else is loaded, that is listened to.

    To a container's first process the kernel hands no signal that it does not listen to.
    """
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(_ENDED_BY_SIGTERM))
    from batch.cli.main import run

    run()


if __name__ == "__main__":
    main()
