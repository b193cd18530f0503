"""`.env` files: bytes in, names and values out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.config.dotenv import merge, read_dotenv
from stormkeel.errors import SettingsError


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b"", {}),
        (b"\n\n# nothing\n  # here\n", {}),
        (b"A=1", {"A": "1"}),
        (b"A=1\nB=2\n", {"A": "1", "B": "2"}),
        (b"A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        (b"A=1\rB=2", {"A": "1", "B": "2"}),
        (b"\xef\xbb\xbfA=1\n", {"A": "1"}),
        (b"export A=1\n  B = two words \n", {"A": "1", "B": "two words"}),
        (b"A=\nB= \n", {"A": "", "B": ""}),
        (b"A=x#y\nB=x # y\nC= # y\n", {"A": "x#y", "B": "x", "C": ""}),
        (b"A=a=b==\n", {"A": "a=b=="}),
        (b"A='it # is \"so\"' # end\n", {"A": 'it # is "so"'}),
        (b'A="a\\nb\\t\\"c\\" \\\\ \\$x \\q"\n', {"A": 'a\nb\t"c" \\ $x \\q'}),
        (b'A="one\ntwo"\nB=3', {"A": "one\ntwo", "B": "3"}),
        (b"A=1\nA=2\n", {"A": "2"}),
        (b"A=$B\nB=${A}\n", {"A": "$B", "B": "${A}"}),
        ("A=schlüssel\n".encode(), {"A": "schlüssel"}),
    ],
)
def test_each_form_is_read(raw: bytes, values: dict[str, str]):
    """Plain, quoted, exported, commented, multi-line: each form means what people expect; nothing is expanded."""
    assert read_dotenv(raw) == values


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"A=1\nno equals sign\n", 2),
        (b"A='open\n", 1),
        (b'A=1\n\nB="open', 3),
        (b"1A=x", 1),
        (b"A='x' y\n", 1),
        (b"A=1\n\xff\xfe\n", 2),
    ],
)
def test_a_bad_line_is_named_and_never_shown(raw: bytes, line: int):
    """S-37: an error says which line is wrong, and nothing of what stands in it."""
    with pytest.raises(SettingsError) as caught:
        read_dotenv(raw, "x/.env")
    assert str(caught.value).startswith(f"x/.env:{line}: this is ")
    assert "open" not in str(caught.value)
    assert "equals" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes):
    """Whatever stands in the file, the answer is values or a settings error."""
    try:
        values = read_dotenv(raw)
    except SettingsError:
        return
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in values.items())


NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True)


@given(st.dictionaries(NAMES, st.text(st.characters(codec="ascii", exclude_characters="\r"))))
def test_quoted_values_come_back(values: dict[str, str]):
    """Writing a value in double quotes with its escapes and reading it gives the value."""
    text = "".join('{}="{}"\n'.format(name, value.replace("\\", "\\\\").replace('"', '\\"')) for name, value in values.items())
    assert read_dotenv(text.encode()) == values


def test_the_process_wins_over_the_file():
    """A variable the process has set, even an empty one, hides the one of the `.env`."""
    assert merge({"A": "process", "E": ""}, {"A": "file", "B": "file", "E": "file"}) == {"A": "process", "B": "file", "E": ""}
