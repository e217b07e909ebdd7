"""The phases as data: legal moves, public statuses, and the README's diagram."""

from studio.env import PROJECT
from videos.phases import LIVE, MOVES, STATUS, TERMINAL, Phase, Status

README = (PROJECT / "README.md").read_text()


def diagram() -> str:
    """The README's picture of a job's life, from phases.MOVES."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> queued"]
    lines += [f"    {phase} --> {target}" for phase, moves in MOVES.items() for target in Phase if target in moves]
    lines += [f"    {phase}: {phase.upper()} ({STATUS[phase]})" for phase in Phase]
    return "\n".join([*lines, "```"])


def test_readme_shows_the_phases_as_they_are() -> None:
    assert diagram() in README, f"README.md should have this under <!-- phases -->:\n{diagram()}"


def test_every_phase_has_a_public_status() -> None:
    assert set(STATUS) == set(MOVES) == set(Phase)
    assert set(STATUS.values()) == set(Status)


def test_live_and_terminal_part_the_phases() -> None:
    assert set(Phase) == LIVE | TERMINAL
    assert not LIVE & TERMINAL


def test_success_is_final() -> None:
    assert not MOVES[Phase.SUCCEEDED]


def test_paid_call_is_made_from_one_phase_only() -> None:
    assert [phase for phase, moves in MOVES.items() if Phase.SUBMITTING in moves] == [Phase.QUEUED]
