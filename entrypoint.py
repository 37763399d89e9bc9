"""The entry point of the container: runs one step."""

import gc
import sys

# A step makes what it needs and ends: collecting while modules are imported takes a tenth of its time.
gc.set_threshold(100_000, 20, 20)

from git_keyval.action import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
