"""``python -m batch.emulator``."""

import sys

from batch.emulator.server import main

if __name__ == "__main__":
    sys.exit(main())
