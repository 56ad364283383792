"""The switches of undocumented behaviour that can be turned while the emulator runs."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

from batch.emulator.sections import GatewaySettings, ListSettings, LookupSettings, SubmitSettings
from batch.emulator.settings import Settings
from batch.emulator.tables import build, convert


@dataclass(frozen=True, slots=True)
class Switches:
    """The sections of the settings that nothing has taken a copy of."""

    gateway: GatewaySettings
    submit: SubmitSettings
    list_jobs: ListSettings
    lookup: LookupSettings

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the switches as they stand."""
        return cls(settings.gateway, settings.submit, settings.list_jobs, settings.lookup)

    def with_changes(self, table: object) -> Self:
        """Return these with those of ``table`` laid over them, section by section.

        Raises:
            SettingsError: a section or a switch is unknown, or a value is none of its own.
        """
        sections = convert(table, dict[str, dict[str, Any]], "switches")
        whole: dict[str, Any] = dataclasses.asdict(self)
        for section, changes in sections.items():
            whole[section] = {**whole.get(section, {}), **changes}
        return build(type(self), whole)

    def turned(self, settings: Settings) -> Settings:
        """Return ``settings`` with these switches."""
        return dataclasses.replace(
            settings,
            gateway=self.gateway,
            submit=self.submit,
            list_jobs=self.list_jobs,
            lookup=self.lookup,
        )
