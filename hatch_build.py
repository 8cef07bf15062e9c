"""Build hook: only an editable install gets the command `autograder`, not the students' wheel."""

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    """Adds the command to editable builds only."""

    def initialize(self, version, build_data):
        if version == "editable":
            build_data["shared_scripts"]["autograder/command"] = "autograder"
