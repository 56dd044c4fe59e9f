"""`python -m tests.mutants`: how many changes of the sums of money the tests noticed; exit code 1 below nine of ten."""

import json
import subprocess
import sys
from pathlib import Path

STATS = Path("mutants/mutmut-cicd-stats.json")
SHARE = 0.9


def main() -> None:
    stats = json.loads(STATS.read_text())
    killed = stats["killed"] + stats["timeout"]
    share = killed / stats["total"]
    print(f"{killed} of {stats['total']} changes were noticed: {share:.1%}.")  # noqa: T201 - its answer
    if killed < stats["total"]:
        print(subprocess.run(["mutmut", "results"], capture_output=True, text=True, check=True).stdout)  # noqa: T201
    sys.exit(0 if share >= SHARE else 1)


if __name__ == "__main__":
    main()
