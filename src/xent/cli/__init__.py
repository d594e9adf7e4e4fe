"""The command `xent`: arguments in, calls out; nothing is computed here."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from xent.cli.app import run
    except ImportError as error:
        print(
            f"xent: the command needs {error.name}, which is missing\n"
            '  fix: pip install "xent[evaluate]"',
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    raise SystemExit(run(sys.argv[1:]))
