"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import secrets
import stat
from collections.abc import Iterable, Iterator

from xent.errors import XentValueError

__all__ = ["apart", "beside", "writable", "write_text"]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def writable(path: str | None) -> None:
    """Raise before any work is done if a file cannot be written at this path."""
    if path is None or (_is_stream(path) and os.access(path, os.W_OK)):
        return
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(os.path.realpath(path)):
        raise XentValueError(f"output must be a file, got the folder {path!r}", value=path)
    if not os.path.isdir(folder):
        raise XentValueError(
            f"output must be in a folder that exists, got {path!r}; create {folder!r} first",
            value=path,
        )
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise XentValueError(f"output must be writable, got {path!r}", value=path)
    try:
        # only trying tells: root may write to /proc, which takes no files
        handle, temporary = _open_beside(path)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise XentValueError(
            f"output must be where files can be made, got {path!r}: {why}", value=path
        ) from None
    os.close(handle)
    os.unlink(temporary)


def apart(*paths: str | None, read: Iterable[str] = ()) -> None:
    """Raise where one file is to be written twice, or what is read is to be written over.

    What is read may be a pattern.
    """
    taken = {os.path.realpath(found) for path in read for found in (path, *glob.iglob(path))}
    for path in paths:
        if path is None or _is_stream(path):
            continue
        real = os.path.realpath(path)
        if real in taken:
            raise XentValueError(
                f"output must be a file of its own, got {path!r}, which is another output or what "
                "is read",
                value=path,
            )
        taken.add(real)


def write_text(path: str, text: str) -> None:
    """Write a file beside its place and move it there: a reader never sees half of it.

    A link stays a link, and a pipe or a device (/dev/stdout) is written to as it is.
    """
    if _is_stream(path):
        with _named(path), open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        return
    with beside(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write(text)


@contextlib.contextmanager
def beside(path: str) -> Iterator[str]:
    """Yield a path to write to; what is there at the end replaces `path`, unless this raises.

    A file that is replaced hands on who may read and write it; a new one has the usual mode.
    """
    path = os.path.realpath(path)
    handle, temporary = _open_beside(path)
    os.close(handle)
    try:
        with _named(path):
            yield temporary
            with contextlib.suppress(FileNotFoundError):
                _hand_on(os.stat(path), temporary)
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):  # moved already when Ctrl-C came
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def _named(path: str) -> Iterator[None]:
    """Let the system's word that there is no room name the file that there is none for."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM and error.filename is None:
            error.filename = path
        raise


def _open_beside(path: str) -> tuple[int, str]:
    """Open a file that is not there yet, in the folder of `path`; return it with its path."""
    path = os.path.realpath(path)
    temporary = os.path.join(os.path.dirname(path), f".xent-{secrets.token_hex(8)}.part")
    # the system takes the umask off: to ask for it is to set it, under all threads
    mode = 0o600 if os.path.exists(path) else 0o666
    return os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode), temporary


def _hand_on(old: os.stat_result, path: str) -> None:
    """Give a file the owner, group and mode of the one that it replaces, as far as allowed."""
    mode, new = stat.S_IMODE(old.st_mode), os.stat(path)
    if hasattr(os, "chown"):
        for owner, group in ((old.st_uid, -1), (-1, old.st_gid)):
            with contextlib.suppress(PermissionError):
                os.chown(path, owner, group)
        new = os.stat(path)
    if new.st_gid != old.st_gid:  # another group may do what anyone may
        mode = mode & ~0o070 | (mode & 0o007) << 3
    os.chmod(path, mode)


def _is_stream(path: str) -> bool:
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
