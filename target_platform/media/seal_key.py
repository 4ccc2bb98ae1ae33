"""The key with which edges seal a title that is kept in the clear (delivery/seal.py); licence servers give it out.

It is derived from the same secret as the keys of licences, over a label: one key says nothing of another, and whoever
had all keys of this kind, or what they are derived from, could not tell a single one of a licence.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

KEY_BYTES = 16
LABEL = b"sealed at the edge"


def seal_key(secret: str, title: str) -> bytes:
    """128 bits: HMAC-SHA256 of the title, under HMAC-SHA256 of the label under the secret."""
    branch = hmac.new(secret.encode(), LABEL, sha256).digest()
    return hmac.new(branch, title.encode(), sha256).digest()[:KEY_BYTES]
