"""Makes the nursery of the crash tests known here: runs that die by a real SIGKILL."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "crash"))
