from pathlib import Path

import pytest

from fer_keras.utils.errors import InputError
from fer_keras.utils.files import (
    path_from_project,
    project_path,
    require_writable,
    user_path,
    whole_file,
    write_text,
)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as part:
        part.write_bytes(b"half of the ne")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.txt"]


def test_a_written_file_replaces_the_old_one_and_makes_its_folder(tmp_path):
    for text in ("old", "naïve"):
        write_text(tmp_path / "new" / "file.txt", text)
    assert (tmp_path / "new" / "file.txt").read_bytes() == "naïve".encode()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["file.txt"]


def test_two_writers_at_once_do_not_share_a_temporary_file(tmp_path):
    path = tmp_path / "file.txt"
    with whole_file(path) as one, whole_file(path) as other:
        one.write_text("one")
        other.write_text("other")
        assert one != other and one.suffix == other.suffix == ".txt"
    assert path.read_text() == "one"


def test_reports_show_paths_without_the_folders_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert path_from_project(tmp_path / "runs" / "mine") == Path("runs/mine")
    assert path_from_project(Path("runs/mine")) == Path("runs/mine")
    assert path_from_project(tmp_path.parent / "elsewhere" / "mine") == Path("mine")


def test_relative_paths_count_from_the_folder_that_holds_the_notebooks(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    for folder in (tmp_path, tmp_path / "notebooks"):
        monkeypatch.chdir(folder)
        assert project_path("runs") == tmp_path / "runs"
    assert project_path("/else/where") == Path("/else/where")


def test_an_empty_path_is_not_the_working_folder():
    for read in (user_path, project_path):
        with pytest.raises(InputError, match="A path is empty"):
            read("")
        assert read(".").samefile(".")


def test_places_where_no_folder_can_be_are_refused_and_nothing_is_made(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for place, wrong in (("file", "file"), ("file/a/b", "file"), ("loop", "loop")):
        with pytest.raises(InputError, match=f"{wrong} is no folder to write to"):
            require_writable(tmp_path / place)
    require_writable(tmp_path)
    require_writable(tmp_path / "new" / "deeper")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop"]
