"""The entry point of the container: runs one step."""

import gc
import os
import sys

# A step makes what it needs and ends: collecting while modules are imported takes a tenth of its time.
gc.set_threshold(100_000, 20, 20)

from git_keyval.action import main  # noqa: E402

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # All files are closed, and no child runs any more: to take all modules apart would be a fifth of the step.
    os._exit(code)
