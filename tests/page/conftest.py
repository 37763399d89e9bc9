from tests.worlds import git, memory, world

__all__ = ["git", "memory", "world"]
