"""Operations answered with a 2xx over time, as an SVG that any page can show."""

from __future__ import annotations

from typing import Final

from conformance.benchmark.figures import Plain

_WIDTH, _HEIGHT = 720, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 20, 50
_FONT, _END = 'font-family="sans-serif" font-size="13"', 'text-anchor="end"'
_GRID: Final = 50
"""Operations between two lines."""


def plot(plain: Plain, gate: float, reached: int) -> str:
    """Plain Schemathesis as a curve, the gate (seconds, operations reached) as the point where it ends."""
    span = max(plain.seconds, gate)
    most = max(plain.operations, reached)

    def x(seconds: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * seconds / span, 1)

    def y(operations: float) -> float:
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * operations / most, 1)

    steps = [f"M{x(0)} {y(0)}"]
    for number, at in enumerate(plain.reached, start=1):
        steps.append(f"H{x(at)}V{y(number)}")
    steps.append(f"H{x(plain.seconds)}")
    ours = f"the gate: {reached} after {gate:.0f} s"
    theirs = f"plain Schemathesis: {len(plain.reached)}"
    levels = range(0, most + 1, _GRID)
    minutes = range(0, int(span // 60) + 1, max(1, int(span // 60) // 8))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_FONT}>',
            "<title>Operations answered with a 2xx over time</title>",
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
            *(
                f'<path d="M{_LEFT} {y(level)}H{_WIDTH - _RIGHT}" stroke="#ddd"/>'
                f'<text x="{_LEFT - 8}" y="{y(level) + 4}" {_END}>{level}</text>'
                for level in levels
            ),
            *(
                f'<text x="{x(60 * minute)}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">{minute} min</text>'
                for minute in minutes
            ),
            f'<path d="{"".join(steps)}" fill="none" stroke="#b45309" stroke-width="2"/>',
            f'<circle cx="{x(gate)}" cy="{y(reached)}" r="5" fill="#1d4ed8"/>',
            f'<text x="{x(gate) + 10}" y="{y(reached) + 5}" fill="#1d4ed8">{ours}</text>',
            f'<text x="{x(plain.seconds)}" y="{y(len(plain.reached)) - 8}" {_END} fill="#b45309">{theirs}</text>',
            f'<text x="{(_WIDTH + _LEFT) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">time</text>',
            "</svg>",
            "",
        ]
    )
