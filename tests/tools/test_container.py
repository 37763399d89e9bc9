"""What ``make container-run`` gives to the image: the mounts and the environment of a runner."""

from pathlib import Path

from git_keyval.interface.inputs import INPUTS
from tools.action_files import sub_inputs
from tools.container import Engine, input_names

WORKSPACE, FILES = Path("/w"), Path("/f")
ENVIRON = {"INPUT_IF-VERSION": "", "INPUT_VALUE": "a b"}


def test_every_input_of_action_yml_is_passed_on() -> None:
    assert input_names("action.yml") == list(INPUTS)
    assert input_names("lock/action.yml") == sub_inputs("lock")


def test_docker_runs_the_image_as_a_runner_does() -> None:
    assert Engine("image", "").command(WORKSPACE, FILES, ENVIRON) == [
        *("docker", "run", "--rm", "--workdir=/github/workspace"),
        *("--volume=/w:/github/workspace", "--volume=/f:/github/file_commands"),
        *("--env=INPUT_IF-VERSION=", "--env=INPUT_VALUE=a b"),
        "image",
    ]


def test_the_entry_point_that_an_action_names_is_run() -> None:
    command = Engine("image", "").command(WORKSPACE, FILES, ENVIRON, "/app/release")
    assert command.index("--entrypoint=/app/release") < command.index("image")


def test_where_no_docker_is_the_program_runs_it() -> None:
    given = Engine("image", "/bin/program").command(WORKSPACE, FILES, ENVIRON)
    assert given == ["/bin/program", "run", "/w", "INPUT_IF-VERSION=", "INPUT_VALUE=a b"]
