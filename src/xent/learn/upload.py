"""The bytes of a file that somebody dropped, before anything reads them: what they say they are.

What is packed is unpacked here, up to a limit; what would unpack to more, or hold Python objects,
is refused by the sizes and types that it declares, before any of it is unpacked.
"""

from __future__ import annotations

import io
import math
import re
import shlex
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

from xent.errors import SourceError, UnavailableError

__all__ = [
    "LARGEST",
    "MOST_COLUMNS",
    "as_path",
    "check_columns",
    "check_names",
    "check_size",
    "unpacked",
]

LARGEST = 20_000_000  # bytes: it travels through the browser; the command reads files of any size
MOST_COLUMNS = 2_000  # what a list to choose from can hold
LONGEST_COLUMN = 1_000  # characters of its name
MB = 10**6
TEXTS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")
# what a file begins with that was given the ending of a text
DISGUISES = (
    (b"PK\x03\x04", "a workbook of Excel or another archive; save it as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "a workbook of Excel or another archive; save it as CSV UTF-8"),
    (b"PAR1", "a Parquet file; give it its own ending, .parquet"),
    (b"\x1f\x8b", "packed bytes; give it its own ending, .gz"),
    (b"\x28\xb5\x2f\xfd", "packed bytes; give it its own ending, .zst"),
)
WIDER = (
    (b"\xff\xfe\x00\x00", "UTF-32"), (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"),
)  # fmt: skip


def unpacked(name: str, ending: str, contents: bytes) -> tuple[str, bytes]:
    """Return the ending and the bytes of a file, unpacked, or raise for what it declares.

    Parameters
    ----------
    name : str
        What the file is called where something is wrong.
    ending : str
        Such as ".csv", ".csv.gz" or ".npz"; it says how the file is read.
    contents : bytes

    Raises
    ------
    SourceError
        If it is empty, unpacks to more than `LARGEST`, holds Python objects, or is a text and is
        not UTF-8.

    Examples
    --------
    >>> unpacked("a.csv", ".csv", b"y,p\\n1,0.5\\n")
    ('.csv', b'y,p\\n1,0.5\\n')
    """
    bare, packing = re.fullmatch(r"(.*?)(\.gz|\.zst)?", ending).groups()  # type: ignore[union-attr]
    if packing:
        contents = _let_out(name, packing, contents)
    if not contents.strip():
        raise SourceError(f"{name} must have rows, got an empty file")
    if bare in TEXTS:
        _check_text(name, bare, contents)
    elif bare == ".npz":
        _check_archive(name, contents)
    elif bare == ".parquet":
        _check_parquet(name, contents)
    return bare, contents


def _let_out(name: str, packing: str, contents: bytes) -> bytes:
    """Return at most one byte more than allowed: no more than that is ever unpacked."""
    try:
        if packing == ".gz":
            import gzip

            found = gzip.GzipFile(fileobj=io.BytesIO(contents)).read(LARGEST + 1)
        else:
            found = _from_zstandard(contents)
    except (OSError, EOFError, ValueError, zlib.error):
        raise SourceError(f"{name} cannot be read: it is no {packing} file") from None
    if len(found) > LARGEST:
        raise _too_large(name, f"unpack to at most {LARGEST // MB} MB, got more")
    return found


def _from_zstandard(contents: bytes) -> bytes:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise UnavailableError(
            f'a file needs pyarrow, which is missing ({error}); pip install "xent[evaluate]"'
        ) from None
    with pa.CompressedInputStream(pa.BufferReader(contents), "zstd") as stream:
        found: bytes = stream.read(LARGEST + 1)
    return found


def _check_text(name: str, ending: str, contents: bytes) -> None:
    for start, what in WIDER:
        if contents.startswith(start):
            raise SourceError(f"{name} must be UTF-8, got {what}; save it as CSV UTF-8")
    for start, what in DISGUISES:
        if contents.startswith(start):
            raise SourceError(f"{name} must be text, got {what}")

    def line(at: int) -> int:
        return contents.count(b"\n", 0, at) + 1

    zero = contents.find(b"\0")
    if zero >= 0:
        raise SourceError(f"{name} must be text, got the byte 0 in line {line(zero)}")
    try:
        contents.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{name} must be UTF-8, got the byte 0x{contents[error.start]:02x} in line "
            f"{line(error.start)}; save it as CSV UTF-8"
        ) from None
    if ending in (".csv", ".tsv"):
        header = contents.partition(b"\n")[0]
        check_columns(name, 1 + max(header.count(mark) for mark in b",;\t|"))


def check_columns(name: str, count: int) -> None:
    """Raise where there are more columns than a list to choose from can hold."""
    if count > MOST_COLUMNS:
        raise SourceError(f"{name} must have at most {MOST_COLUMNS:,} columns, got {count:,}")


def check_names(name: str, columns: Sequence[str]) -> None:
    """Raise where there are too many columns to choose from, or the name of one is endless."""
    check_columns(name, len(columns))
    longest = max(map(len, columns), default=0)
    if longest > LONGEST_COLUMN:
        raise SourceError(
            f"{name} must have column names of at most {LONGEST_COLUMN:,} characters, got one of "
            f"{longest:,}"
        )


def _check_archive(name: str, contents: bytes) -> None:
    """Raise for an archive of arrays that declares more than is allowed, or Python objects."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(contents))
    except Exception:  # damaged: the reader says so
        return
    with archive:
        members = archive.infolist()
        check_size(name, sum(member.file_size for member in members), of="unpack to")
        check_columns(name, len(members))
        check_size(name, sum(_declared(name, archive, m) for m in members), of="unpack to")


def _declared(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Return the bytes of an array by its own header, which NumPy makes room for first."""
    import numpy as np

    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
        # the same but for the letters of the names of fields, which say nothing of its size
        (3, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        with archive.open(member) as file:
            shape, _, dtype = read[np.lib.format.read_magic(file)](file)
    # NumPy reads a header as Python, and it raises what that raises. This member is no array, which
    # the reader says; what the others declare still counts.
    except Exception:
        return 0
    if dtype.hasobject:
        raise SourceError(f"{name} cannot be read: it holds Python objects")
    return abs(math.prod(shape)) * dtype.itemsize


def _check_parquet(name: str, contents: bytes) -> None:
    """Raise for a file whose footer declares more than is allowed: a run may be any length."""
    found = _footer(contents)
    if found is None:
        return  # the reader says what is wrong
    check_columns(name, found.num_columns)
    groups = [found.row_group(i) for i in range(found.num_row_groups)]
    values = sum(g.column(j).num_values for g in groups for j in range(found.num_columns))
    size = max(8 * values, sum(group.total_byte_size for group in groups))
    check_size(name, size, 10 * LARGEST, of="unpack to")


def _footer(contents: bytes) -> Any:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        return None
    try:
        return parquet.read_metadata(pa.BufferReader(contents))
    except (pa.ArrowException, OSError):
        return None


def check_size(name: str, size: int, most: int = LARGEST, *, of: str = "have") -> None:
    """Raise where a file has more bytes, or would unpack to more, than is allowed."""
    if size > most:
        raise _too_large(name, f"{of} at most {most // MB} MB, got {size / MB:,.1f} MB")


def _too_large(name: str, said: str) -> SourceError:
    command = f"xent evaluate {shlex.quote(as_path(name))}"
    return SourceError(f"{name} must {said}; the command reads files of any size: {command}")


def as_path(name: str) -> str:
    """Return a file's name as an argument: one that begins with - would be an option."""
    return f"./{name}" if name.startswith("-") else name
