"""The command `xent`: which commands it has, and what their exit codes mean."""

from __future__ import annotations

import errno
import importlib
import inspect
import os
import pkgutil
import re
import sys
import warnings
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from xent.cli import commands
from xent.cli.options import BAD_INPUT, CONDITION_MET, DASH, INTERRUPTED, OK
from xent.errors import MisuseWarning, XentValueError

__all__ = ["BAD_INPUT", "CONDITION_MET", "OK", "app", "run"]

HELP = """Cross-entropy done exactly: score real predictions, and know what the number means.

Exit codes: 0 all is well; 1 a --fail-if condition holds; 2 bad input or usage; 130
interrupted.
"""


def _filled(text: str | None) -> str:
    """Return paragraphs as one line each, which the terminal's width breaks."""
    return "\n\n".join(" ".join(p.split()) for p in inspect.cleandoc(text or "").split("\n\n"))


app = App(
    name="xent",
    help=_filled(HELP),
    version_flags=["--version"],
    help_format="plaintext",
    result_action="return_value",
    # else it leaves with SystemExit, which is what a reader that has gone looks like
    suppress_keyboard_interrupt=False,
)
for _file in pkgutil.iter_modules(commands.__path__):
    _module = importlib.import_module(f"{commands.__name__}.{_file.name}")
    _command = getattr(_module, _file.name)
    app.command(_command, help=_filled(_command.__doc__))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; errors are one line and a hint on stderr."""
    # a stream that was closed before the start (`>&-`) is None, which nothing can write to
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    try:
        with warnings.catch_warnings():
            # a warning about the data is part of the table already
            warnings.simplefilter("ignore", MisuseWarning)
            code = app(
                [DASH if a == "-" else a for a in arguments],
                exit_on_error=False,
                print_error=False,
            )
        sys.stdout.flush()
        return code if isinstance(code, int) else OK
    except SystemExit:
        return OK  # the reader of the help has gone
    except CycloptsError as error:
        if isinstance(error.__cause__, XentValueError):
            return _complain(str(error.__cause__), "")
        return _complain(_first_line(error), "xent --help lists the commands and their options")
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # the reader has gone; nothing more may be written, at exit neither
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        return _complain(_of_the_system(error), "")
    except (ValueError, TypeError, RuntimeError, MemoryError) as error:
        message, _, hint = str(error).partition("; ")
        return _complain(message, hint)


def _of_the_system(error: OSError) -> str:
    """What the system says, and of which file; of a full standard output it names none."""
    if error.errno is None:
        return str(error)
    what = os.strerror(error.errno).lower()
    if error.filename is None:
        return f"standard output: {what}" if error.errno == errno.ENOSPC else what
    return f"{error.filename!r}: {what}"


def _first_line(error: CycloptsError) -> str:
    error.console = None
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines) or type(error).__name__


def _as_options(text: str) -> str:
    """Names of arguments, as a message has them, become the options of the command."""
    names = "probs|logits|labels|classes|ignore|task|nan|sum_tolerance|target|weight"
    names += "|interval|cluster|id|key|inner"
    text = re.sub(rf"\b({names})=(['\"]?)([^\s'\"]+)\2", r"--\1 \3", text)
    text = re.sub(r"\bsql=(?=\")", "--sql ", text)
    text = re.sub(rf"\b(say|with|give|use) ({names})\b", r"\1 --\2", text)
    return text.replace("--sum_tolerance", "--sum-tolerance")


def _complain(message: str, hint: str) -> int:
    print(f"xent: {message}", file=sys.stderr)
    hint = _as_options(hint)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)
    return BAD_INPUT
