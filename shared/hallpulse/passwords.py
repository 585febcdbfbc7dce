"""Passwords of people: what one must be, its argon2id hash, and the one-time password of a new account."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST, MOST = 10, 128
"""Characters. Longer ones are refused before they are hashed: a hash must not cost what a sender chooses."""
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_hasher = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)
"""Some 60 ms and 32 MiB a password, above the least that OWASP names (19 MiB, 2 passes)."""


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
    """Return whether a password is the stored one; for an account that is not there it takes the same time."""
    if len(password) > MOST:
        return False
    try:
        right = _hasher.verify(stored if stored is not None else _NOBODYS, password)
    except (VerificationError, InvalidHashError):
        return False
    return right and stored is not None


def one_time() -> str:
    """Return a random password of 60 bits, in groups that can be read out."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))


_NOBODYS = hashed(secrets.token_urlsafe(32))
