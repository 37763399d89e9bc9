"""The environment of the git and ssh processes that are started here."""

from collections.abc import Mapping

# What `git rev-parse --local-env-vars` lists. git sets them in a hook, an alias or a rebase, and they name the repository of that.
REPOSITORY_VARIABLES = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
        "GIT_INTERNAL_SUPER_PREFIX",  # until git 2.39
        # Not listed, though they mean a part of a repository, and a push that is not accepted yet, in which no ref can be written.
        "GIT_NAMESPACE",
        "GIT_QUARANTINE_PATH",
    }
)
"""Variables of git that mean one repository, which is not the one of this product."""

_TOKENS = frozenset({"GITHUB_TOKEN", "GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_ENTERPRISE_TOKEN"})
"""git and ssh reach a path or a host by what the user has, not by a token for an API."""

_PREFIXES = (
    "GIT_KEYVAL_",
    "INPUT_",
    "ACTIONS_",
    # The settings that GIT_CONFIG_COUNT counts.
    "GIT_CONFIG_KEY_",
    "GIT_CONFIG_VALUE_",
    # What git traces, keys and values among it, would be in its complaints, and an unread pipe full of it would stop it.
    "GIT_TRACE",
    "GIT_CURL_VERBOSE",
)


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a child: no input, no token, none that leads git to another repository than the one it is given."""
    private = REPOSITORY_VARIABLES | _TOKENS
    kept = {name: value for name, value in environ.items() if name not in private and not name.startswith(_PREFIXES)}
    return {**kept, "GIT_PROTOCOL": "version=2", "LC_ALL": "C"}
