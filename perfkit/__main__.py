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
    from perfkit.report.stream import abandon

    try:
        app(arguments, prog_name="perfkit")
    except SystemExit as end:  # how the command line reports its own errors, and ^C
        return int(end.code or 0)
    except PerfkitError as error:
        return _complain(error)
    except BrokenPipeError:
        abandon(sys.stdout)
        return ExitStatus.OK
    except Exception as error:
        if os.environ.get("PERFKIT_DEBUG"):
            raise
        bug = f"a bug in perfkit: {type(error).__name__}: {error}"
        return _complain(PerfkitError(bug, hint="PERFKIT_DEBUG=1 shows where; please report it"))
    return ExitStatus.OK


def _complain(error: PerfkitError) -> int:
    print(f"error: {error}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)
    return error.status


if __name__ == "__main__":
    main()
