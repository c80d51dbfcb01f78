"""The takeover folder is what the standby folder is, or empty; a hub that reads it never sees half a file."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from rollout.services.takeover import TakeoverFolders, Target, targets_of


def entries(*agents: str) -> str:
    """A file_sd file of these agents."""
    return json.dumps([{"targets": ["10.0.0.1:8000"], "labels": {"machine": "east", "agent": agent}} for agent in agents])


@pytest.fixture
def standby(tmp_path: Path) -> Path:
    """Two jobs of the peer."""
    folder = tmp_path / "standby"
    folder.mkdir()
    (folder / "agents.json").write_text(entries("A", "B"), encoding="utf-8")
    (folder / "probe.json").write_text(entries("A"), encoding="utf-8")
    return folder


@pytest.fixture
def folders(standby: Path, tmp_path: Path) -> TakeoverFolders:
    """Nothing taken over yet; the takeover folder does not even exist."""
    return TakeoverFolders(standby, tmp_path / "takeover")


def content(folder: Path) -> dict[str, str]:
    """Every file with its text, hidden and unfinished ones too."""
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}


def test_what_is_held_is_the_standby_and_what_is_released_is_gone(folders: TakeoverFolders, standby: Path, tmp_path: Path) -> None:
    """Held: the same files, nothing else, told as targets. Released: an empty folder."""
    assert not folders.is_taken()
    folders.hold()
    assert content(tmp_path / "takeover") == content(standby)
    assert folders.taken()[0] == Target("agents", "10.0.0.1:8000", (("agent", "A"), ("machine", "east")))
    assert len(folders.taken()) == 3
    folders.release()
    assert content(tmp_path / "takeover") == {}
    assert not folders.is_taken()


def test_it_follows_agents_and_jobs_that_join_and_leave(folders: TakeoverFolders, standby: Path, tmp_path: Path) -> None:
    """A changed, a new and a removed standby file show at the next look; an unchanged one is not written again."""
    folders.hold()
    before = (tmp_path / "takeover" / "probe.json").stat().st_ino
    (standby / "agents.json").write_text(entries("A", "B", "C"), encoding="utf-8")
    (standby / "load.json").write_text(entries("L"), encoding="utf-8")
    folders.hold()
    assert content(tmp_path / "takeover") == content(standby)
    assert (tmp_path / "takeover" / "probe.json").stat().st_ino == before
    (standby / "load.json").unlink()
    folders.hold()
    assert content(tmp_path / "takeover") == content(standby)


@pytest.mark.parametrize("broken", ["", "{", "{}x", '[{"labels": {}}]', "[3]", '{"targets": []}'])
def test_a_standby_file_that_is_none_changes_nothing(folders: TakeoverFolders, standby: Path, tmp_path: Path, broken: str) -> None:
    """What was taken over by its earlier content stays, the other files are followed, and its name is told until it is mended."""
    folders.hold()
    (standby / "agents.json").write_text(broken, encoding="utf-8")
    (standby / "probe.json").write_text(entries("P"), encoding="utf-8")
    folders.hold()
    assert content(tmp_path / "takeover") == {"agents.json": entries("A", "B"), "probe.json": entries("P")}
    assert folders.unusable == ("agents.json",)
    (standby / "agents.json").write_text(entries(), encoding="utf-8")
    folders.hold()
    assert folders.unusable == ()
    assert content(tmp_path / "takeover") == content(standby)


def test_a_vanished_standby_folder_is_no_order_to_drop_all(folders: TakeoverFolders, standby: Path, tmp_path: Path) -> None:
    """OSError, and what was taken over stays."""
    folders.hold()
    standby.rename(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="standby"):
        folders.hold()
    assert content(tmp_path / "takeover") == content(tmp_path / "elsewhere")


def test_half_a_takeover_counts_as_one_and_is_completed(folders: TakeoverFolders, standby: Path, tmp_path: Path) -> None:
    """A watchdog killed between two files, or in mid hand-back, finds that it had taken over; what it had not finished writing is no target."""
    (tmp_path / "takeover").mkdir()
    (tmp_path / "takeover" / ".agents.json.new").write_text("[{", encoding="utf-8")
    assert not folders.is_taken()
    (tmp_path / "takeover" / "probe.json").write_text(entries("A"), encoding="utf-8")
    assert folders.is_taken()
    folders.hold()
    assert content(tmp_path / "takeover") == content(standby)


def test_a_reader_never_sees_half_a_file(folders: TakeoverFolders, standby: Path, tmp_path: Path) -> None:
    """While the standby alternates between a short and a long list, a reader of the takeover file sees one of them whole, every time."""
    short, long = entries("A"), entries(*(f"Agent{number}" for number in range(2000)))
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add((tmp_path / "takeover" / "agents.json").read_text(encoding="utf-8"))

    (standby / "agents.json").write_text(short, encoding="utf-8")
    folders.hold()
    reader = threading.Thread(target=read)
    reader.start()
    for number in range(24):
        (standby / "agents.json").write_text(long if number % 2 else short, encoding="utf-8")
        folders.hold()
    done.set()
    reader.join()
    assert seen == {short, long}


def test_targets_of_a_file_are_one_each(folders: TakeoverFolders) -> None:
    """An entry with several addresses is several targets; labels are optional."""
    assert targets_of("load", '[{"targets": ["a:1", "b:2"]}]') == (Target("load", "a:1", ()), Target("load", "b:2", ()))
