"""Data as base64 text: what a provider of another dialect would refuse for it is refused before anything is sent.

Never keeps what it decodes.
"""

from __future__ import annotations

import binascii
import re

BROKEN = "it is no base64 (RFC 4648, padded): encode the file's bytes"

_SPACE = re.compile(r"[ \t\r\n]+")


def base64_of(text: str) -> str | None:
    """Return base64 without line ends and other white space, which some encoders put in; None where it is none, or of nothing.

    >>> base64_of("QUJD"), base64_of("QU\\nJD\\n"), base64_of("QUJ"), base64_of("a cat"), base64_of("")
    ('QUJD', 'QUJD', None, None, None)
    """
    if is_base64(text):
        return text
    plain = _SPACE.sub("", text)
    return plain if is_base64(plain) else None


def is_base64(text: str) -> bool:
    """Is a text base64 of at least one byte, in one piece?"""
    try:
        return bool(binascii.a2b_base64(text, strict_mode=True))
    except ValueError:  # binascii.Error among it, and a text beyond ASCII
        return False
