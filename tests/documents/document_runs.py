"""Runs a document's commands as they stand, one after another, in one shell and one folder."""

import os
import re
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from document_blocks import Step, missing

_PATIENCE = 240
_MARK = "=== step"


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who follows a page.

    Attributes:
        folder: Where they work.
        programs: Folders of other people's programs that the page tells them to install.
        theirs: What a page leaves to its reader, such as a host: what it says, what is meant.
        environment: Variables besides.
    """

    folder: Path
    programs: Sequence[Path] = ()
    theirs: Mapping[str, str] | None = None
    environment: Mapping[str, str] | None = None

    def follow(self, steps: Sequence[Step]) -> list[str]:
        """Run every step, and check that each says what its page shows; what each said."""
        said = self._run([self._as_theirs(step.commands) for step in steps])
        for step, output in zip(steps, said, strict=True):
            lines = tuple(self._as_theirs(line) for line in step.shown)
            assert list(missing(lines, output)) == [], f"{step.commands}\nsaid\n{output}"
        return said

    def _as_theirs(self, text: str) -> str:
        for written, meant in (self.theirs or {}).items():
            text = text.replace(written, meant)
        return text

    def _run(self, commands: Sequence[str]) -> list[str]:
        marked = "".join(f"echo; echo '{_MARK}'\n{each}" for each in commands)
        script = f"exec 2>&1\nset -e\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{marked}"
        path = [*map(str, self.programs), sysconfig.get_path("scripts"), os.environ["PATH"]]
        output = self.folder.parent / f"{self.folder.name}.output"
        with output.open("w") as out:  # no pipe: a sandbox that stays would hold it open
            code = subprocess.run(
                ["bash", "-c", script],
                cwd=self.folder,
                env={**_without_settings(), "PATH": ":".join(path), **(self.environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                timeout=_PATIENCE,
                check=False,
            ).returncode
        said = output.read_text()
        assert code == 0, f"exit code {code} after\n{said}"
        _, *each = re.split(f"^{_MARK}\n", said, flags=re.MULTILINE)
        return each


def _without_settings() -> dict[str, str]:
    ours = ("REPLY_TASKS_", "TARGET_", "TAP_", "MELTANO", "PYTEST")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
