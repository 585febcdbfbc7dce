"""Passwords of people: the rules for them, their argon2id hashes, and one-time passwords of new accounts."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST, MOST = 10, 128
"""The least and most characters. Longer ones are refused unhashed: a sender must not choose what a hash costs."""
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_hasher = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)
"""It takes some 60 ms and 32 MiB for a password, more than the least that OWASP recommends (19 MiB, 2 passes)."""


def fault_of(name: str, password: str) -> str:
    """Return why a password is not taken for the account, in Chinese and English; empty for a good one."""
    if not LEAST <= len(password) <= MOST:
        return f"密码须为 {LEAST}–{MOST} 个字符 · expected {LEAST} to {MOST} characters"
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in password):
        return "密码不得含控制字符 · expected no control characters"
    if name.lower() in password.lower() or password.lower() in name.lower():
        return "密码不得包含账户名 · expected a password without the account's name"
    if len(set(password)) < 5:
        return "密码至少须有 5 个不同字符 · expected at least 5 different characters"
    return ""


def hashed(password: str) -> str:
    """Return the argon2id hash that is stored, with its salt and its cost."""
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Return whether a password is the stored one. stored: None if there is no account, which takes the same time."""
    if len(password) > MOST:
        return False
    try:
        right = _hasher.verify(_NOBODYS if stored is None or stored == NONE else stored, password)
    except (VerificationError, InvalidHashError):
        return False
    return right and stored not in (None, NONE)


def one_time() -> str:
    """Return a random password of 60 bits, in groups that can be read out."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))


NONE = "none"
"""Stored for an account that has no password: no password is it."""
_NOBODYS = hashed(secrets.token_urlsafe(32))
