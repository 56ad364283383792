"""``python -m batch`` is ``vod-batch``."""

from batch.cli.main import run

if __name__ == "__main__":
    run()
