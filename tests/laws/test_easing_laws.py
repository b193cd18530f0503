"""AIMD: whatever comes, the share keeps its bounds, falls only by throttles, and is whole again in bounded time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.policies.easing import Easing, EasingSettings

Settings = st.builds(
    EasingSettings, cut=st.floats(0.0, 0.9), floor=st.floats(0.01, 1.0), gain=st.floats(0.01, 1.0), window=st.floats(0.1, 60.0),
    pause=st.floats(0.0, 30.0),
)  # fmt: skip


@given(Settings, st.lists(st.tuples(st.floats(0.0, 100.0), st.booleans()), max_size=80))
def test_the_share_keeps_its_bounds(settings: EasingSettings, steps: list[tuple[float, bool]]) -> None:
    """It never falls below the floor, never rises above the whole, falls only by a throttle and by no more than its cut."""
    easing, now, before = Easing(settings), 0.0, 1.0
    for span, is_throttle in steps:
        now += span
        risen = easing.look(now)
        assert before <= risen <= 1.0
        before = easing.throttled(now) if is_throttle else risen
        assert settings.floor - 1e-9 <= before <= risen
        assert before >= min(risen, risen * (1.0 - settings.cut) - 1e-9)


@given(Settings, st.integers(1, 50))
def test_it_is_whole_again_in_bounded_time(settings: EasingSettings, throttles: int) -> None:
    """After the last throttle all comes back within (1 - floor) / gain windows and one."""
    easing = Easing(settings)
    for number in range(throttles):
        easing.throttled(number * settings.pause)
    last = (throttles - 1) * settings.pause
    assert easing.look(last + ((1.0 - settings.floor) / settings.gain + 2) * settings.window) == 1.0


def test_a_swarm_counts_once() -> None:
    """Throttles of one moment take one part away; later ones take more, down to the floor."""
    easing = Easing(EasingSettings())
    assert [round(easing.throttled(0.01 * number), 3) for number in range(20)] == [0.7] * 20
    assert round(easing.throttled(1.5), 3) == 0.49
    for number in range(20):
        easing.throttled(3.0 + 2 * number)
    assert easing.share == 0.1
    assert round(easing.look(41.0 + 10.0), 3) == 0.15
