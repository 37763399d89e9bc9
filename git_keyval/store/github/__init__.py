"""The github adapter: a repository on GitHub as a store, by its API, and by git where that is cheaper."""

from git_keyval.store.github.adapter import GithubStore
from git_keyval.store.github.opening import GithubPlace, open_github_store

__all__ = ["GithubPlace", "GithubStore", "open_github_store"]
