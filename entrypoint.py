"""The entry point of the container: runs one step."""

import sys

from git_keyval.action import main

if __name__ == "__main__":
    sys.exit(main())
