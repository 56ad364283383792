"""A media of the cloud as a row that ``load`` takes."""

from batch.vod.search import FoundMedia
from batch.vod.wire import format_time

FOUND_COLUMNS = ("media_id", "title", "duration", "status", "storage_class", "created_at")


def found_row(media: FoundMedia) -> dict[str, object]:
    """Return the row by :data:`FOUND_COLUMNS`, ``None`` for what the cloud does not say.

    ``duration`` is in seconds, a whole number where it is one; ``created_at`` as the API writes it.
    """
    seconds = None if media.seconds is None else float(media.seconds)
    whole = int(seconds) if seconds is not None and seconds.is_integer() else seconds
    created_at = format_time(media.created_at) if media.created_at else None
    values = (media.media_id, media.title, whole, media.status, media.storage_class, created_at)
    return dict(zip(FOUND_COLUMNS, values, strict=True))
