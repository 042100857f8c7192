"""``python -m autograder.sandbox.launch POLICY COMMAND...``: set limits, then become the command.

For machines that are not Linux and have no other wall.
"""

import json
import os
import sys

from autograder.sandbox.confine import limit
from autograder.sandbox.policy import Policy


def main(policy: str, *command: str) -> None:
    """Limit this process for good and replace it by the command."""
    limit(Policy(**json.loads(policy)))
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
