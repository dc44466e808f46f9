"""Every sample: what was read of it, in words, and what is made of that.

After a change of words ``python tests/unit/readings/test_samples.py`` writes ``told.txt`` anew.
"""

import re
from pathlib import Path

import pytest

from harness.diagnosis import diagnose, verdict
from harness.diagnosis.words import in_words
from harness.readings.read import read

HERE = Path(__file__).parent
SAMPLES = sorted(path for path in (HERE / "samples").iterdir() if path.suffix in {".txt", ".json"})
TOLD = HERE / "told.txt"


def told(text):
    reading = read(text)
    yield from (
        f"{section.first}-{section.last} {section.name}" + (f" of {section.host}" if section.host else "")
        for section in reading.sections
    )
    for fact in reading.facts:
        yield f"  {fact.at.line}: {fact.where}: {in_words(fact)}"
    yield from (f"  ?? {line.number}: {line.text}" for line in reading.unknown)
    causes = diagnose(reading.facts)
    yield f"  => {verdict(reading.facts, causes)}"
    yield from (f"  {cause.score} {cause.key}" for cause in causes)


def everything():
    for path in SAMPLES:
        yield f"== {path.name}"
        yield from told(path.read_text(encoding="utf-8"))


def test_all_samples_are_told():
    assert "\n".join(everything()) + "\n" == TOLD.read_text(encoding="utf-8")


def facts_of(text):
    return [(type(fact).__name__, fact.where, in_words(fact)) for fact in read(text).facts]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_line_ends_and_colours_change_nothing(path):
    text = path.read_text(encoding="utf-8")
    expected = facts_of(text)
    assert facts_of(text.replace("\n", "\r\n")) == expected
    coloured = re.sub(r"^(.+)$", "\x1b[1;32m\\1\x1b[0m", text, flags=re.MULTILINE)
    assert facts_of(coloured) == expected
    assert facts_of("\ufeff" + text) == expected


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_line_is_read_or_listed(path):
    """Of a text no line is lost: it is a prompt, in a section, or not understood."""
    reading = read(path.read_text(encoding="utf-8"))
    assert reading.sections
    assert all(section.first <= section.last for section in reading.sections)
    listed = {line.number for line in reading.unknown}
    assert not {fact.at.line for fact in reading.facts} & listed


def test_all_samples_in_one_text_give_the_facts_of_each():
    """With a prompt between them, as in a terminal's scrollback."""
    texts = [path.read_text(encoding="utf-8") for path in SAMPLES if "omping" not in path.name]
    together = read("\nroot@somewhere:~# true\n".join(["", *texts]))
    apart = [in_words(fact) for text in texts for fact in read(text).facts]
    assert [in_words(fact) for fact in together.facts] == apart


if __name__ == "__main__":
    TOLD.write_text("\n".join(everything()) + "\n", encoding="utf-8")
