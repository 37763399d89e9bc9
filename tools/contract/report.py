"""What a check looked at, and what it found."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """One check: its name, how much of what it looked at, and each difference from what GitHub publishes, once."""

    name: str
    counts: dict[str, int] = field(default_factory=dict)
    differences: dict[str, int] = field(default_factory=dict)
    """How often each was seen."""

    def count(self, what: str, number: int = 1) -> None:
        """Count something that was looked at."""
        self.counts[what] = self.counts.get(what, 0) + number

    def differs(self, difference: str) -> None:
        """Keep a difference."""
        self.differences[difference] = self.differences.get(difference, 0) + 1

    def __str__(self) -> str:
        looked_at = ", ".join(f"{number} {what}" for what, number in self.counts.items())
        lines = [f"{'differs' if self.differences else 'fits'}  {self.name}: {looked_at}"]
        lines += [f"    {text}{f'  ({times} times)' if times > 1 else ''}" for text, times in self.differences.items()]
        return "\n".join(lines)
