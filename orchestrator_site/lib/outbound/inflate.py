"""Decompression that stops in time: gzip and deflate, never more than the limit in memory."""

from __future__ import annotations

import zlib

from orchestrator_site.lib.outbound.call import Lost, TooMuch

ENCODINGS = "gzip, deflate"
_STEP = 256 * 1024


class Inflater:
    """Feeds compressed bytes in, plain bytes out, and counts."""

    def __init__(self, encoding: str, limit: int) -> None:
        self.limit = limit
        self.total = 0
        self.encoding = encoding.strip().lower()
        self._machine = self._make()

    def _make(self) -> zlib._Decompress | None:
        if self.encoding in ("", "identity"):
            return None
        if self.encoding in ("gzip", "x-gzip"):
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        if self.encoding == "deflate":
            return zlib.decompressobj()
        raise Lost(f"the answer is encoded as {self.encoding[:20]}, which was not asked for")

    def feed(self, data: bytes) -> list[bytes]:
        """The plain pieces of `data`. Raises Lost when there are too many, or they are not what they say."""
        if self._machine is None:
            return [self._count(data)]
        pieces = []
        try:
            while data:
                pieces.append(self._count(self._machine.decompress(data, _STEP)))
                data = self._machine.unconsumed_tail
                if self._machine.eof:
                    data = self._again()
        except zlib.error as error:
            raise Lost(f"the answer cannot be decompressed: {error}") from None
        return pieces

    def _again(self) -> bytes:
        machine = self._machine
        rest: bytes = machine.unused_data if machine else b""
        if rest and self.encoding != "deflate":
            self._machine = self._make()
            return rest
        return b""

    def _count(self, piece: bytes) -> bytes:
        self.total += len(piece)
        if self.total > self.limit:
            raise TooMuch(f"the answer is larger than {self.limit // (1024 * 1024)} MiB")
        return piece
