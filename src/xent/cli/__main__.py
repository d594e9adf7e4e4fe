"""`python -m xent.cli`, the same as the command `xent`."""

from xent.cli import main

main()
