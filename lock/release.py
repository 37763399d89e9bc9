#!/app/venv/bin/python -IBuXutf8
"""The entry point of the post step of lock/action.yml. A runner starts it by its name alone, so the first line says how."""

import sys

from git_keyval.action import post

if __name__ == "__main__":
    sys.exit(post())
