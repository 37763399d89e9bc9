"""What the demonstration prints."""

import sys
from collections.abc import Mapping

_TOLD = ("found", "value", "ttl", "pending", "count", "errors")


def show(title: str) -> None:
    """Print a heading."""
    sys.stdout.write(f"\n== {title}\n")
    sys.stdout.flush()


def tell(what: str, outputs: Mapping[str, str], cost: str = "") -> None:
    """Print the outputs that matter here, and what the step cost if that is known."""
    shown = "  ".join(f"{name}={outputs[name]}" for name in _TOLD if name in outputs)
    sys.stdout.write(f"  {what:30} {shown:40} {cost}".rstrip() + "\n")
    sys.stdout.flush()
