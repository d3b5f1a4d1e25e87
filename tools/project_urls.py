"""The project's addresses in a distribution: those of the repository that releases it.

The release workflow names its own repository; what is built anywhere else names none, so that no
package points to a place that is not there.
"""

import os
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

#: Set by the release workflow, such as ``https://github.com/OWNER/NAME``.
VARIABLE = "REPLY_TASKS_REPOSITORY_URL"


class ProjectUrls(MetadataHookInterface):
    """Fills ``[project.urls]``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the addresses, if it is known where they are."""
        repository = os.environ.get(VARIABLE, "").rstrip("/")
        metadata["urls"] = urls(repository) if repository else {}


def urls(repository: str) -> dict[str, str]:
    """The addresses that follow from a repository's."""
    return {
        "Repository": repository,
        "Issues": f"{repository}/issues",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Security": f"{repository}/security/policy",
    }
