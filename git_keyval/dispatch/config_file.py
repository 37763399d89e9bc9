"""The file of the input ``config``."""

from typing import TYPE_CHECKING

from git_keyval.dispatch.location import identity
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import InputError
from git_keyval.interface.inputs import Inputs

if TYPE_CHECKING:
    from git_keyval.interface.config import Config

DEFAULT_PATH = ".github/git-keyval.yml"
"""Where the Action looks for a config file, below the workspace, if no input names one."""

_MAX_BYTES = 64 * 1024


def config_of(inputs: Inputs, workspace: str, surroundings: Surroundings) -> "Config | None":
    """Read the config file that the inputs name or, if they name none, the one at its usual place below a workspace.

    None if no file is named, and there is none, or no workspace (an empty text) to look for it. Raises InputError for a file that
    cannot be read, and ConfigError for what it says.
    """
    named = inputs.config is not None
    if not named and not workspace:
        return None
    path = inputs.config or DEFAULT_PATH
    try:
        data = surroundings.read_file(path if named else f"{workspace}/{path}", _MAX_BYTES)
    except FileNotFoundError as exc:
        if not named:
            return None
        raise InputError(
            "config", f"names {path}, which does not exist", "a file; in a workflow, actions/checkout must run before this step"
        ) from exc
    except OSError as exc:
        raise InputError("config", f"names {path}, which cannot be read ({exc.strerror})", "the path of a YAML file") from exc
    except ValueError as exc:
        raise InputError("config", f"names {path}, which is larger than 64 KiB", "the path of a YAML file") from exc
    from git_keyval.interface.config import read_config  # noqa: PLC0415  # slow to import, and most steps have no file

    return read_config(data, path, lambda repository: identity(repository, surroundings.server))
