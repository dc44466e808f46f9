"""``python -m harness`` is ``mcast``."""

from harness.cli import main

if __name__ == "__main__":
    main()
