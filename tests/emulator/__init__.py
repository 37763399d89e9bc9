"""GitHub on loopback: REST, GraphQL and git over HTTP, for real clients, with bare repositories as its only state.

Strict where GitHub is lenient: what a client asks for that nobody needs is answered with an error and kept in
``GitHubEmulator.unexpected``. What GitHub does that would surprise a client is done here, too, and faults are data.
"""

from tests.emulator.access import Permission
from tests.emulator.faults import (
    Drop,
    Fault,
    Lag,
    Malformed,
    PrimaryExhausted,
    ResourceLimits,
    Rival,
    SecondaryLimit,
    StaleRead,
    Status,
    Timeout,
    Truncated,
    Untyped,
)
from tests.emulator.options import Options, Protected
from tests.emulator.server import GitHubEmulator, Kind, Logged

__all__ = [
    "Drop",
    "Fault",
    "GitHubEmulator",
    "Kind",
    "Lag",
    "Logged",
    "Malformed",
    "Options",
    "Permission",
    "PrimaryExhausted",
    "Protected",
    "ResourceLimits",
    "Rival",
    "SecondaryLimit",
    "StaleRead",
    "Status",
    "Timeout",
    "Truncated",
    "Untyped",
]
