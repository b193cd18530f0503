"""Laws of trimming: it fits, keeps pairs whole, the instructions, what was said last and the last turn, and takes no more than it must."""

from hypothesis import assume, given
from hypothesis import strategies as st

from stormkeel.engine.trimming import is_said, kept_turns, ranges
from stormkeel.types.content import Message, Text, ToolCall, ToolResult


@st.composite
def conversations(draw):
    """Draw a conversation with instructions anywhere, tool rounds, parallel calls, and texts beside results."""
    turns, calls = [Message("user", "task")] if draw(st.booleans()) else [], 0
    for kind in draw(st.lists(st.sampled_from(["system", "user", "assistant", "round"]), min_size=1, max_size=12)):
        if kind != "round":
            turns.append(Message(kind, "words"))
            continue
        many = draw(st.integers(1, 3))
        ids = [f"c{calls + place}" for place in range(many)]
        calls += many
        turns.append(Message("assistant", tuple(ToolCall(id, "f") for id in ids)))
        answered = draw(st.permutations(ids))
        said = (Text("and"),) if draw(st.booleans()) else ()
        if draw(st.booleans()):
            turns.append(Message("user", (*(ToolResult(id) for id in answered), *said)))
        else:
            turns += [Message("user", (ToolResult(id),)) for id in answered]
    return turns


def ids_of(turns, kind, name):
    """Return the ids of all parts of a kind."""
    parts = (part for turn in turns if not isinstance(turn.content, str) for part in turn.content)
    return {getattr(part, name) for part in parts if isinstance(part, kind)}


@given(conversations(), st.data())
def test_what_is_left_is_a_conversation_that_fits(turns, data):
    """Whatever room there is: pairs whole, instructions, last word and last turn there, no assistant first, and within the room."""
    weights = data.draw(st.lists(st.floats(0.1, 100.0), min_size=len(turns), max_size=len(turns)))
    room = data.draw(st.floats(0.0, sum(weights) * 1.1))
    places = kept_turns(turns, weights, room)
    if places is None:
        return
    kept = [turns[place] for place in places]
    assert list(places) == sorted(set(places))
    assert sum(weights[place] for place in places) <= room
    assert ids_of(kept, ToolCall, "id") == ids_of(kept, ToolResult, "call_id")
    assert sum(turn.role == "system" for turn in kept) == sum(turn.role == "system" for turn in turns)
    said = [place for place, turn in enumerate(turns) if is_said(turn)]
    assert not said or said[-1] in places
    others = [place for place, turn in enumerate(turns) if turn.role != "system"]
    assert not others or others[-1] in places
    spoken = [turn for turn in turns if turn.role != "system"]
    left = [turn for turn in kept if turn.role != "system"]
    if spoken and spoken[0].role == "user":
        assert left[0].role == "user"


@given(conversations())
def test_nothing_goes_where_all_fits(turns):
    """A conversation that has room stays whole."""
    assume(any(turn.role != "system" for turn in turns))
    assert kept_turns(turns, [1.0] * len(turns), len(turns)) == tuple(range(len(turns)))


class Counted(list[Message]):
    """Turns that count how often they are looked at."""

    looks = 0

    def __getitem__(self, place):
        """Look at one."""
        self.looks += 1
        return super().__getitem__(place)


def test_a_long_conversation_is_looked_at_once():
    """Of a conversation ten times as long each turn is looked at as often: nobody else waits for minutes meanwhile."""
    looks = []
    for many in (200, 2000):
        turns = Counted()
        for number in range(many):
            turns += [Message("assistant", (ToolCall(f"c{number}", "f"),)), Message("user", (ToolResult(f"c{number}"),))]
        assert len(kept_turns(turns, [1.0] * len(turns), 21.0)) == 20
        looks.append(turns.looks / len(turns))
    assert looks[1] <= looks[0] * 1.1


@given(st.sets(st.integers(0, 40)))
def test_ranges_name_each_place_once(places):
    """Ranges are the places, in order."""
    found = []
    for said in ranges(sorted(places)):
        first, _, last = said.partition("..")
        found += range(int(first), int(last or first) + 1)
    assert found == sorted(places)
