"""Records deployments: who deployed what to an environment, one at a time, with a number that is never used twice.

python deployments.py db.git staging 1.4.2    (a path, an address, or owner/name on GitHub with GITHUB_TOKEN set)
"""

import getpass
import os
import sys

import git_keyval


def main(repository: str, environment: str, version: str) -> None:
    """Deploy a version, and record it."""
    db = git_keyval.open(repository, token=os.environ.get("GITHUB_TOKEN"))
    with db.lock(f"{environment}/lock", ttl="15m", wait="5m") as held:
        print(f"Deploying {version} to {environment}, fence {held.fence} …")
        # Here is what deploys. It may pass the fence on to a target that refuses smaller ones.
        with db.transaction() as t:
            number = t.incr(f"{environment}/deployments")
            before = t.get(f"{environment}/version", default="nothing")
            t.set(f"{environment}/version", version, store_key=True)
            t.apush(f"{environment}/history", {"version": version, "by": getpass.getuser()}, ttl="365d")
    print(f"Deployment {number.value}: {version} instead of {before.value}.")
    for name in db.keys("*/version"):
        print(f"{name.removesuffix('/version')} has {db.get(name).value}")


if __name__ == "__main__":
    main(*sys.argv[1:])
