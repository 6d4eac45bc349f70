"""The `socrates` command: `python -m socrates ...`."""

import signal
import sys

from socrates import _native


def main() -> int:
    """Does what the command line says; returns the exit status."""
    # The command hears interrupts itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.main(["socrates", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
