"""What a server says beside the protocol: its hooks' words, its complaints. Any program's output, of any length."""

_KEPT_BYTES = 8 * 1024


class Words:
    """Collects what is said; keeps the beginning and the end of a long text."""

    def __init__(self) -> None:
        self._said = bytearray()
        self._is_cut = False

    def add(self, data: bytes) -> None:
        """Take more of it, however it is cut into pieces."""
        self._said += data
        self._is_cut |= len(self._said) > 2 * _KEPT_BYTES
        del self._said[_KEPT_BYTES:-_KEPT_BYTES]

    def text(self) -> str:
        """Return it as one line that is safe to print: lines are joined by semicolons; progress and markup are left out."""
        if not self._said:
            return ""
        # Its patterns take longer to make than all else here, and most processes say nothing.
        from git_keyval.store.git.cleaning import cleaned  # noqa: PLC0415

        gap = b"\n...\n" if self._is_cut else b""
        return cleaned((self._said[:_KEPT_BYTES] + gap + self._said[_KEPT_BYTES:]).decode("utf-8", "replace"))
