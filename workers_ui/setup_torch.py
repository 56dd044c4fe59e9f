"""A set-up step: say so before pip takes the CUDA build of torch, which is 6 GB and no use here.

Runs before anything is installed, so it uses the standard library alone.
"""

import json
import subprocess
import sys

LOOK_SECONDS = 300
ADVICE = """
  pip would take the CUDA build of torch here: about 6 GB, and this project computes on the CPU.
  To take the CPU build instead, point pip at PyTorch's own index of CPU wheels, for example by
      PIP_EXTRA_INDEX_URL=<the index of CPU wheels> make setup
  or put a CPU wheel of torch 2.13.0 into a folder and set PIP_FIND_LINKS to it. Going on with what pip finds.
"""


def main() -> None:
    if sys.platform == "linux" and _resolved() == "cuda":
        sys.stderr.write(ADVICE)


def _resolved() -> str:
    """Which build pip would take: cpu, cuda, or unknown when it cannot say."""
    asked = ["--dry-run", "--quiet", "--no-deps", "--report", "-", "--constraint", "constraints.txt", "torch"]
    try:
        answer = subprocess.run(
            [sys.executable, "-m", "pip", "install", *asked],
            capture_output=True,
            timeout=LOOK_SECONDS,
            check=True,
        )
        installs = json.loads(answer.stdout)["install"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return "unknown"
    if not installs:
        return "cpu"  # installed already
    required = installs[0]["metadata"].get("requires_dist", [])
    return "cuda" if any("nvidia" in one for one in required) else "cpu"


if __name__ == "__main__":
    main()
