"""Editing one program's environment in supervisord's configuration: only the named keys change, or nothing does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.services.program_file import ProgramFile, UnsafeEdit

FLAG = "ENABLE_PROMETHEUS_METRICS"
TWO = """\
; written by hand
[program:First]
command=/opt/agents/first --rate 5%%   ; keep below 10
environment=LOG_FORMAT="%%(levelname)s, %%(message)s",API_TOKEN="s;e,c=ret"
autorestart = unexpected

[program:Second]
environment=LOG_LEVEL=INFO
command=/opt/agents/second
# the end
"""
SHAPES = {
    "one pair": 'X="1"',
    "no quotes": "X=1,Y=2",
    "single quotes": "X='a,b'",
    "trailing comma": 'X="1",',
    "own lines": '\n    X="1",\n    Y="2"',
    "own lines, trailing comma": '\n    X="1",\n    Y="2",',
    "comment behind": 'X="1" ; why',
    "comments between": '\n    X="1",  ; first\n    ; a remark\n    Y="2"',
    "spaces": ' X = "1" , Y = "2" ',
    "a key that ends like ours": f'MY_{FLAG}="x"',
    "percent": 'X="50%%",Y="%(here)s"',
}


def program(environment: str) -> str:
    """A file with one program that has this environment and a neighbour."""
    return f"[program:A]\ncommand=a\nenvironment={environment}\nautostart=true\n\n[program:B]\ncommand=b\nenvironment=X=1\n"


@pytest.mark.parametrize("environment", SHAPES.values(), ids=SHAPES.keys())
def test_a_key_that_came_and_went_leaves_the_file_to_the_letter(environment: str) -> None:
    """Rolled back means byte for byte as before, in every shape that supervisord accepts."""
    text = program(environment)
    changed = ProgramFile(text).set_environment("A", {FLAG: "true"})
    assert ProgramFile(changed).environment("A") == ProgramFile(text).environment("A") | {FLAG: "true"}
    assert ProgramFile(changed).set_environment("A", {FLAG: None}) == text


def test_a_program_without_an_environment_gets_a_line_and_loses_it_again() -> None:
    """A line that was not there is not there afterwards."""
    text = "[program:A]\ncommand=a\n"
    changed = ProgramFile(text).set_environment("A", {FLAG: "true"})
    assert f'environment={FLAG}="true"\n' in changed
    assert ProgramFile(changed).set_environment("A", {FLAG: None}) == text


def test_a_key_that_was_there_is_replaced_in_its_place() -> None:
    """A flag that was off becomes on where it stood, and off again with the same meaning."""
    text = program(f'X="1",{FLAG}="false",Y="2"')
    changed = ProgramFile(text).set_environment("A", {FLAG: "true"})
    assert f'X="1",{FLAG}="true",Y="2"' in changed
    assert ProgramFile(changed).set_environment("A", {FLAG: "false"}) == text


def test_an_edit_touches_one_line_of_one_program() -> None:
    """Several programs in one file: comments, secrets, per cent signs and the neighbour stay."""
    changed = ProgramFile(TWO).set_environment("First", {FLAG: "true"})
    different = [after for before, after in zip(TWO.splitlines(), changed.splitlines(), strict=True) if before != after]
    assert different == [f'environment=LOG_FORMAT="%%(levelname)s, %%(message)s",API_TOKEN="s;e,c=ret",{FLAG}="true"']


def test_what_is_set_already_changes_nothing() -> None:
    """A repetition writes the same text, so that supervisord sees no change."""
    changed = ProgramFile(TWO).set_environment("Second", {FLAG: "true"})
    assert ProgramFile(changed).set_environment("Second", {FLAG: "true"}) == changed
    assert ProgramFile(TWO).set_environment("Second", {FLAG: None}) == TWO


def test_percent_signs_are_doubled_on_the_way_in_and_single_on_the_way_out() -> None:
    """A value is what the process will see; the doubling is supervisord's own."""
    changed = ProgramFile(program('X="1"')).set_environment("A", {"RATE": "50%"})
    assert 'RATE="50%%"' in changed
    assert ProgramFile(changed).environment("A")["RATE"] == "50%"


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["A", "B_1", "FLAGS", FLAG]), st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters=" ,=%/:.-"))
    ),
    st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters=" ,=%"), max_size=12),
)
def test_any_value_survives_and_its_neighbours_too(others: dict[str, str], value: str) -> None:
    """Whatever stands beside our key, an edit keeps it."""
    written = ",".join(f'{key}="{other.replace("%", "%%")}"' for key, other in others.items())
    text = program(written)
    before = ProgramFile(text).environment("A")
    assert before == others
    changed = ProgramFile(text).set_environment("A", {FLAG: value})
    assert ProgramFile(changed).environment("A") == others | {FLAG: value}
    back = ProgramFile(changed).set_environment("A", {FLAG: others.get(FLAG)})
    assert ProgramFile(back).environment("A") == others
    assert ProgramFile(back).fingerprint("A") == ProgramFile(text).fingerprint("A")


def test_our_key_inside_another_value_is_refused() -> None:
    """A place that only looks like our key is somebody else's value; it is not edited."""
    text = program(f'X="a,{FLAG}=no",Y="2"')
    with pytest.raises(UnsafeEdit, match="environment of A"):
        ProgramFile(text).set_environment("A", {FLAG: "true"})


def test_an_edit_that_changed_another_setting_would_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever shape we did not think of: the result is read again, and all that is not ours has to be the same."""
    edit = ProgramFile._replaced
    monkeypatch.setattr(ProgramFile, "_replaced", lambda self, program, raw: edit(self, program, raw).replace("command=b", "command=c"))
    with pytest.raises(UnsafeEdit, match="without changing its other settings"):
        ProgramFile(program('X="1"')).set_environment("A", {FLAG: "true"})


@pytest.mark.parametrize("value", ['a"b', "a\nb"])
def test_a_value_that_supervisord_cannot_read_back_is_refused(value: str) -> None:
    """There is no way to write it, so it is not tried."""
    with pytest.raises(UnsafeEdit, match="quotation mark or a line break"):
        ProgramFile(TWO).set_environment("First", {FLAG: value})


def test_an_environment_that_is_no_list_of_pairs_is_refused_with_the_program() -> None:
    """What supervisord would refuse too is named, without its values: they may be secrets."""
    with pytest.raises(UnsafeEdit, match="environment of A") as refused:
        ProgramFile(program("hunter2 without a key")).environment("A")
    assert "hunter2" not in str(refused.value)


def test_a_file_that_is_no_configuration_is_refused() -> None:
    """Text without a section is no file of supervisord's."""
    with pytest.raises(UnsafeEdit, match="not a configuration file"):
        ProgramFile("environment=X=1\n")


def test_the_fingerprint_is_of_the_meaning() -> None:
    """Spacing, comments and quotes do not count; every setting does."""
    text = program('X="1"')
    same = text.replace("command=a", "command = a  ; the first").replace('X="1"', "X=1")
    other = text.replace("command=a", "command=aa")
    of = [ProgramFile(each).fingerprint("A") for each in (text, same, other, program('X="2"'))]
    assert of[0] == of[1]
    assert len(set(of)) == 3


def test_programs_are_listed_by_name() -> None:
    """Other sections are no programs."""
    assert ProgramFile(TWO + "\n[group:G]\nprograms=First\n").programs() == ("First", "Second")
