"""The command line: parses, calls a verb, prints. Words go to stderr, results (and `--json`) to stdout."""

import atexit
import gc
import os
import sys

from typer import TyperException

from alexnet.cli.app import app, settings
from alexnet.cli.clock import began  # noqa: F401  (first: it looks at the clock)
from alexnet.cli.light_help import import_lightly
from alexnet.cli.options import is_first
from alexnet.cli.show import complain
from alexnet.problem import Problem

BORN = 50_000
"""Objects made between two searches for garbage, in place of 700: imports make a million that stay."""
ASKED_FOR_HELP = ("-h", "--help")
INTERRUPTED = 130  # 128 + SIGINT, as shells count; typer makes it of a KeyboardInterrupt


def main() -> None:
    """Run the command line; every outcome has its exit code: 0 done, 1 data at fault, 2 command at fault."""
    gc.set_threshold(BORN)
    atexit.register(gc.freeze)  # or all of them are looked at once more, when the process ends
    if not is_first():  # of several ranks the first prints results; all say what is wrong
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if len(sys.argv) == 1 or any(word in ASKED_FOR_HELP for word in sys.argv):
        import_lightly()
    try:
        code = run()
    except Exception:
        if not settings.debug:
            raise
        import traceback

        traceback.print_exc()
        code = 1
    sys.exit(code)


def run() -> int:
    """Run what the command line asks for and return the exit code."""
    try:
        code = app(standalone_mode=False) or 0
        if code == INTERRUPTED and is_first():  # all ranks stop, one says so
            complain("interrupted; what was finished is kept, and the same command goes on from there")
        return code
    except TyperException as error:
        complain(f"{error.format_message()} See `alexnet --help`.")
        return 2
    except Problem as problem:
        if settings.debug:
            raise
        complain(str(problem))
        return problem.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
        return 0
    except OSError as error:
        if settings.debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        complain(f"{where}{error.strerror or error}; nothing half-written is trusted: mend it and repeat")
        return 1
