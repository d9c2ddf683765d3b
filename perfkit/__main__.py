"""The command `perfkit`: runs it, and turns every error into one sentence and its exit status."""

import os
import sys

from perfkit.errors import ExitStatus, PerfkitError


def main() -> None:
    """Runs the command line of this process and exits."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command; its exit status. No traceback, unless PERFKIT_DEBUG=1 asks for one."""
    from perfkit.cli import app

    try:
        app(arguments, prog_name="perfkit")
    except SystemExit as end:  # how the command line reports its own errors, and ^C
        return int(end.code or 0)
    except PerfkitError as error:
        return _complain(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else a complaint at exit
        return ExitStatus.OK
    except Exception as error:
        if os.environ.get("PERFKIT_DEBUG"):
            raise
        print(f"error: a bug in perfkit: {type(error).__name__}: {error}", file=sys.stderr)
        print("hint: PERFKIT_DEBUG=1 shows where; please report it", file=sys.stderr)
        return ExitStatus.BUG
    return ExitStatus.OK


def _complain(error: PerfkitError) -> int:
    print(f"error: {error}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)
    return error.status


if __name__ == "__main__":
    main()
