"""vod-batch: at most one paid ApsaraVideo VOD AI job per media, type and configuration."""
