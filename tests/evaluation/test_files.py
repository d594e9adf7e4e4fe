"""Files are whole or not there."""

import errno
import os
import stat
from pathlib import Path

import pytest

from xent.errors import XentValueError
from xent.evaluation import files
from xent.evaluation.files import writable, write_text


def test_a_file_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    write_text(str(path), "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.fixture
def umask():
    """Set the umask as a call does; it is the old one again after the test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(os.name == "nt", reason="needs modes of files")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_usual_mode_and_an_old_one_keeps_its_own(tmp_path, umask, mask):
    umask(mask)
    new = tmp_path / "new.txt"
    write_text(str(new), "text")
    assert mode(new) == 0o666 & ~mask
    old = tmp_path / "old.txt"
    old.write_text("old")
    for kept in (0o600, 0o640, 0o604, 0o666, 0o755):
        old.chmod(kept)
        with files.beside(str(old)) as temporary:
            assert mode(Path(temporary)) == 0o600  # what is private is so while it is written
        assert mode(old) == kept
    assert umask(0o022) == mask


@pytest.mark.skipif(not hasattr(os, "chown"), reason="needs groups of files")
def test_a_group_that_cannot_be_kept_does_not_pass_its_rights_to_another(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "chown", refuse)
    path = tmp_path / "a.txt"
    path.touch()
    for before, after in ((0o660, 0o600), (0o664, 0o644), (0o600, 0o600)):
        path.chmod(before)
        status = os.stat(path)
        files._hand_on(status, str(path))
        assert mode(path) == before
        files._hand_on(os.stat_result((*status[:5], status.st_gid + 1, *status[6:])), str(path))
        assert mode(path) == after


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_the_owner_of_a_file_keeps_it(tmp_path):
    path = tmp_path / "a.txt"
    path.touch()
    os.chown(path, 1234, 4321)
    write_text(str(path), "new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text(str(path), "half \ud800")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_interrupt_after_the_move_is_an_interrupt(tmp_path, monkeypatch):
    def moved_and_interrupted(source, target):
        replace(source, target)
        raise KeyboardInterrupt

    replace = os.replace
    monkeypatch.setattr(os, "replace", moved_and_interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_text(str(tmp_path / "page.html"), "whole")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["whole"]


def test_places_that_cannot_be_written(tmp_path):
    writable(None)
    writable(str(tmp_path / "new.txt"))
    with pytest.raises(XentValueError, match="got the folder"):
        writable(str(tmp_path))
    with pytest.raises(XentValueError, match="got the folder ''"):
        writable("")
    with pytest.raises(XentValueError, match="folder that exists"):
        writable(str(tmp_path / "no" / "a.txt"))


def test_a_folder_that_takes_no_files_is_told_before_any_work(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(XentValueError, match=r"got '.*new\.txt': read-only file system"):
        writable(str(tmp_path / "new.txt"))


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="another kind of system")
def test_proc_takes_no_files_not_even_of_root():
    with pytest.raises(XentValueError, match="must be where files can be made, got '/proc/page"):
        writable("/proc/page.html")


def test_looking_whether_a_place_is_writable_leaves_nothing(tmp_path):
    writable(str(tmp_path / "new.txt"))
    assert os.listdir(tmp_path) == []


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    path, link = tmp_path / "real" / "a.txt", tmp_path / "link.txt"
    link.symlink_to(path)
    for text in ("new", "newer"):
        writable(str(link))
        write_text(str(link), text)
        assert link.is_symlink()
        assert path.read_text() == text
    assert os.listdir(tmp_path / "real") == ["a.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        writable(str(path))
        write_text(str(path), "whole")
        assert os.read(reader, 100) == b"whole"
        assert stat.S_ISFIFO(path.stat().st_mode)
    finally:
        os.close(reader)


def test_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError, match=r"No space left on device: '/dev/full'"):
        write_text("/dev/full", "text")
    path = tmp_path / "a.txt"
    with (
        pytest.raises(OSError, match=rf"No space left on device: '{path}'"),
        files.beside(str(path)),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    # what was read, and not written, is not this file
    with pytest.raises(OSError, match=r"error$"), files.beside(str(path)):
        raise OSError(errno.EIO, "error")
    assert os.listdir(tmp_path) == []
