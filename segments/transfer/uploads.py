"""Taking a file from the browser: written to its folder while it arrives, never held in memory, and stopped at the limit."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopFutureHandlers, StopUpload


class StraightToDisk(FileUploadHandler):
    """Writes the file under a name nobody can guess; whatever the sender calls it is only shown.

    ``path`` is where it lies, None before the first byte. ``too_large`` says that it was given up at ``limit`` bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.path: Path | None = None
        self.too_large = False
        self._stream: IO[bytes] | None = None
        self._size = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.discard()  # One file a form; a second one takes the first one's place.
        folder = settings.VAR / "imports"
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{uuid.uuid4().hex}.upload"
        self._stream = self.path.open("xb")
        self._size = 0
        raise StopFutureHandlers

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._size += len(raw_data)
        if self._size > self.limit:
            self.too_large = True
            self.discard()
            # The rest is read and dropped: a browser whose sending is cut off shows its own error and not ours.
            raise StopUpload(connection_reset=False)
        if self._stream is not None:
            self._stream.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile[Any]:
        if self._stream is not None:
            self._stream.close()
        return UploadedFile(name=self.file_name, content_type=self.content_type, size=file_size)

    def discard(self) -> None:
        """Remove the file unless somebody has moved it to where it belongs."""
        if self._stream is not None:
            self._stream.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)
