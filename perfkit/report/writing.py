"""Where the reports of a command go: the screen, files, standard output."""

import errno
import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from perfkit.errors import UsageError
from perfkit.report.stream import abandon
from perfkit.results import Report, Result

STDOUT = "-"

_OPTIONS = ("json", "html", "markdown", "junit")
_ROOM_BYTES = 1 << 20  # what the report of a few minutes needs


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the options of every command ask for: a path, "-" for standard output, or None.

    The tables for people go to standard output, or to standard error when a report goes there.
    With `quiet` only a verdict that is not "passed" is told, on standard error.
    """

    json: str | None = None
    html: str | None = None
    markdown: str | None = None
    junit: str | None = None
    quiet: bool = False
    color: bool = True

    def check_writable(self, besides: Mapping[str, str | None] | None = None) -> None:
        """Before the run: UsageError, naming option and path, for a report that can't be written.

        `besides`: further files, by their options, that something else will write.
        """
        files: dict[str, str] = {}
        others = ((option, path) for option, path in (besides or {}).items() if path is not None)
        for option, path in (*self._asked(), *others):
            place = path if path == STDOUT else os.path.realpath(path)
            if place in files and not _is_device(path):
                raise UsageError(
                    f"{files[place]} and {option} can't both be written to {_shown(path)}"
                )
            files[place] = option
            with _blaming(option, path):
                _try_out(path)

    def write(self, report: Report[Result]) -> None:
        """Tells people, then writes every report that was asked for, each whole or not at all.

        UsageError at the end when some could not be written after all; the others are there then.
        """
        formats = _formats()
        failed = self._tell_people(report)
        for option, path in self._asked():
            try:
                with _blaming(option, path):
                    _write(path, formats[option.removeprefix("--")](report))
            except UsageError as error:
                failed.append(str(error))
        if failed:
            raise UsageError("\n".join(failed))

    def _asked(self) -> Iterator[tuple[str, str]]:
        for name in _OPTIONS:
            path: str | None = getattr(self, name)
            if path is not None:
                yield f"--{name}", path

    def _tell_people(self, report: Report[Result]) -> list[str]:
        """Why it could not be told, if it could not."""
        from perfkit.report import text

        taken = any(path == STDOUT for _, path in self._asked())
        stream = sys.stderr if self.quiet or taken else sys.stdout
        render = text.render_trouble if self.quiet else text.render
        try:
            render(report, text.open_console(stream, color=self.color))
        except OSError as error:
            abandon(stream)
            return [f"the table can't be printed: {error.strerror or error}"]
        return []


def _formats() -> Mapping[str, Callable[[Report[Result]], str]]:
    """Loaded when the run is over: they bring more with them than `perfkit --help` may cost."""
    from perfkit.report import html, jsonfile, junit, markdown

    return {
        "json": jsonfile.to_json,
        "html": html.render,
        "markdown": markdown.render,
        "junit": junit.render,
    }


@contextmanager
def _blaming(option: str, path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror or error}") from error


def _shown(path: str) -> str:
    return "standard output" if path == STDOUT else path


def _try_out(path: str) -> None:
    """Does beforehand what `_write` will do, and undoes it: a run can't be had again."""
    if path == STDOUT:
        return
    if Path(path).is_dir() or path.endswith("/"):
        raise IsADirectoryError(errno.EISDIR, "is a directory, a file is needed")
    if Path(path).exists() and not os.access(path, os.W_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, "may not be written")
    if not _is_device(path):
        with _new_file_beside(_target(path)) as (descriptor, _):
            os.posix_fallocate(descriptor, 0, _ROOM_BYTES)


def _write(path: str, text: str) -> None:
    if path == STDOUT:
        _write_stdout(text)
    elif _is_device(path):
        Path(path).write_text(text, encoding="utf-8")
    else:
        _replace(_target(path), text)


def _write_stdout(text: str) -> None:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # which JSON is, whatever the locale says
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        abandon(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise


def _replace(target: Path, text: str) -> None:
    with _new_file_beside(target) as (descriptor, place):
        with open(descriptor, "w", encoding="utf-8", errors="replace", closefd=False) as file:
            file.write(text)
        if target.exists():
            os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode))
        os.fsync(descriptor)
        place.replace(target)


@contextmanager
def _new_file_beside(target: Path) -> Iterator[tuple[int, Path]]:
    """A new file in the same directory, with the permissions of any new file; gone afterwards.

    The file takes the target's place with one rename, so that no reader ever sees half a report.
    """
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no directory {target.parent}")
    place = target.parent / f".perfkit-{secrets.token_hex(8)}"
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        yield descriptor, place
    finally:
        os.close(descriptor)
        place.unlink(missing_ok=True)


def _is_device(path: str) -> bool:
    """A pipe or a device, as the shell's >(…) makes: it must be written to, not replaced."""
    return Path(path).exists() and not Path(path).is_file()


def _target(path: str) -> Path:
    """A symbolic link stays one: the file it points to is replaced."""
    return Path(os.path.realpath(path))
