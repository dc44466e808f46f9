"""run.jsonl: what is written is read again, and damage is named by file and line."""

import json
import string
import tempfile
import typing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HostError, ScenarioError
from harness.observations.model import (
    KINDS,
    Acted,
    Arrived,
    Ended,
    Igmp,
    Impaired,
    Record,
    Sent,
    Started,
    TableLine,
)
from harness.observations.record import FILE_NAME, Recorder, read

SENT = Sent(at_s=1.0, stream=1, sender="n1", first=0, count=2)
ARRIVED = Arrived(at_s=1.25, stream=1, sender="n1", sequence=0, hosts=("n2", "n2"), flooded=("n3",))

_texts = st.text(max_size=12)
_times = st.floats(allow_nan=False, allow_infinity=False)
_fields = {
    str: _texts,
    float: _times,
    int: st.integers(),
    bool: st.booleans(),
    int | None: st.none() | st.integers(),
    float | None: st.none() | _times,
    tuple[str, ...]: st.lists(_texts, max_size=4).map(tuple),
    dict[str, int]: st.dictionaries(st.text(string.ascii_letters, max_size=5), st.integers(), max_size=3),
}


def _records() -> st.SearchStrategy[Record]:
    def of(record: type[Record]) -> st.SearchStrategy[Record]:
        hints = typing.get_type_hints(record)
        return st.builds(record, **{name: _fields[hint] for name, hint in hints.items()})

    return st.one_of([of(record) for record in KINDS.values()])


def write(path: Path, *records: Record) -> None:
    with Recorder(path) as recorder:
        for record in records:
            recorder.write(record)


@settings(deadline=None)
@given(st.lists(_records(), max_size=12))
def test_every_record_comes_back_as_it_was(records):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE_NAME
        write(path, *records)
        assert read(path) == tuple(records)


@settings(deadline=None)
@given(st.lists(_records(), min_size=1, max_size=4), st.data())
def test_a_file_cut_anywhere_gives_the_records_before_the_cut(records, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE_NAME
        write(path, *records)
        whole = path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        found = read(path)
        assert found == tuple(records[: len(found)])
        assert whole[:cut].count(b"\n") <= len(found) <= whole[:cut].count(b"\n") + 1


def test_the_form_of_a_line(tmp_path):
    write(tmp_path / "run.jsonl", ARRIVED)
    assert (tmp_path / "run.jsonl").read_text() == (
        '{"t":"arrived","at_s":1.25,"stream":1,"sender":"n1","sequence":0,"hosts":["n2","n2"],"flooded":["n3"],'
        '"count":1}\n'
    )


def test_fields_with_a_default_may_be_left_out(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text('{"t":"sent","at_s":1,"stream":1,"sender":"n1","first":0,"count":2}\n')
    assert read(path) == (SENT,)


def test_records_from_before_there_were_protocols_and_sources_are_igmp_of_every_source(tmp_path):
    (tmp_path / FILE_NAME).write_text(
        '{"t":"igmp","at_s":1.0,"switch":"sw1","port":"p1","what":"query","source":"10.77.0.9"}\n'
        '{"t":"table","at_s":1.0,"switch":"sw1","table":"member","present":true,"port":"p1"}\n'
        '{"t":"mode","at_s":1.0,"switch":"sw1","snooping":true,"unregistered":"flood","cause":"x"}\n'
    )
    heard, line, mode = read(tmp_path)
    assert (heard.protocol, line.protocol, mode.protocol) == ("igmp",) * 3
    assert line.filter == ""


def test_a_folder_stands_for_the_file_in_it(tmp_path):
    write(tmp_path / FILE_NAME, SENT)
    assert read(tmp_path) == (SENT,)


def test_what_is_flushed_is_in_the_file(tmp_path):
    path = tmp_path / FILE_NAME
    recorder = Recorder(path)
    recorder.write(SENT)
    recorder.flush()
    assert read(path) == (SENT,)
    recorder.write(ARRIVED)
    recorder.close()
    recorder.close()
    assert read(path) == (SENT, ARRIVED)


def test_much_is_written_without_waiting_for_a_flush(tmp_path):
    path = tmp_path / FILE_NAME
    with Recorder(path) as recorder:
        for _ in range(10_000):
            recorder.write(SENT)
        assert len(read(path)) >= 4096
    assert len(read(path)) == 10_000


def test_a_run_never_writes_over_another(tmp_path):
    write(tmp_path / FILE_NAME, SENT)
    with pytest.raises(HostError, match=r"run.jsonl cannot be written: File exists; cure: .*--folder"):
        Recorder(tmp_path / FILE_NAME)
    assert read(tmp_path) == (SENT,)


def test_a_full_disk_is_the_hosts_fault():
    with pytest.raises(HostError, match="cannot be written"):
        Recorder(Path("/proc/nothing/run.jsonl"))


DAMAGE = {
    "no JSON": ("not json", "is no record: "),
    "no object": ("[1]", 'is no record: a JSON object with a "t" is wanted'),
    "no kind": ('{"at_s":1}', 'is no record: a JSON object with a "t" is wanted'),
    "kind is a number": ('{"t":1}', 'is no record: a JSON object with a "t" is wanted'),
    "unknown kind": ('{"t":"heard"}', "unknown kind of record 'heard'; known: started, phase, sent"),
    "unknown field": ('{"t":"acted","at_s":1,"text":"x","who":1}', "a record 'acted' has no field 'who'"),
    "missing field": ('{"t":"acted","name":"x"}', "a record 'acted' lacks at_s, text"),
    "text for a number": (
        '{"t":"acted","at_s":"1","text":"x"}',
        "'at_s' of a record 'acted' is not a number",
    ),
    "number for a text": ('{"t":"acted","at_s":1,"text":2}', "'text' of a record 'acted' is not a text: 2"),
    "true for a number": (
        '{"t":"acted","at_s":true,"text":"x"}',
        "'at_s' of a record 'acted' is not a number",
    ),
    "names": (
        '{"t":"arrived","at_s":1,"stream":1,"sender":"n1","sequence":0,"hosts":"n2"}',
        "'hosts' of a record 'arrived' is not a list of names: 'n2'",
    ),
    "counters": (
        '{"t":"ended","at_s":1,"status":"complete","counters":{"a":"b"}}',
        "'counters' of a record 'ended' is not a mapping to whole numbers",
    ),
    "bytes": ("\xff", "is no record: "),
}


@pytest.mark.parametrize(("line", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_in_the_middle_is_named(tmp_path, line, message):
    path = tmp_path / FILE_NAME
    good = json.dumps({"t": "acted", "at_s": 1.0, "text": "x"})
    path.write_bytes(f"{good}\n{line}\n{good}\n".encode("latin-1"))
    with pytest.raises(ScenarioError) as caught:
        read(path)
    (problem,) = caught.value.problems
    assert problem.line == 2
    assert problem.file == path
    assert problem.message.startswith(message)


def test_a_last_line_that_is_whole_but_wrong_is_damage(tmp_path):
    path = tmp_path / FILE_NAME
    path.write_text('{"t":"heard"}')
    with pytest.raises(ScenarioError, match=r"run.jsonl:1:1: unknown kind"):
        read(path)


def test_no_file_is_an_error(tmp_path):
    with pytest.raises(ScenarioError, match=r"run.jsonl:1:1: cannot be read: No such file"):
        read(tmp_path)


def test_an_empty_file_has_no_records(tmp_path):
    (tmp_path / FILE_NAME).touch()
    assert read(tmp_path) == ()


def test_every_kind_has_a_short_name():
    assert {Started, Sent, Arrived, Igmp, TableLine, Acted, Impaired, Ended} <= set(KINDS.values())
    assert len(set(KINDS.values())) == len(KINDS)
