"""Profiles: how a source of files writes its tables. Each is a YAML file that a person edits and that is validated.

A profile adds names of columns, and the meanings that only this source has: units of bare numbers, codes, the order of
ratings, the column that identifies an item, spellings of departments, earlier answers. It is recognised by the headers
of a table, or chosen by the person who imports.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta

from hallpulse.domain.errors import HallpulseError

from .cells import Cell, folded, text_of
from .fields import VOCABULARIES, Kind, Vocabulary, plain_header
from .limits import UNIT_NAMES, unit_named

MAX_BYTES = 256 << 10
_HERE = Path(__file__).resolve().parent
Short = Annotated[str, Meta(max_length=200)]


class SourceNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    zh: Short
    en: Short


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The profile of a source.

    recognise: headers that a table of this source must all have; columns: field → its headers in this source; ignore:
    headers about which no question is asked; units: field → unit of its bare numbers; unit_codes: code → unit; words:
    field → word or code → meaning; ratings: which number is the best; identify: the field that identifies an item;
    constant: field → its value in every row; joined: field → headers whose texts are joined for it; days_until: limit →
    the header of the date on which it ends; same_column: field → the field whose column it shares; same_time: step →
    the step at whose time it happens; departments: spelling → the department as stored; answers: question → answer;
    letters: letter of a column that an answer names → the header that it had.
    """

    name: SourceNames
    kind: Kind
    recognise: list[Short] = []
    columns: dict[str, list[Short]] = {}
    ignore: list[Short] = []
    units: dict[str, Short] = {}
    unit_codes: dict[str, Short] = {}
    words: dict[str, dict[str, str | bool | int]] = {}
    ratings: Literal["best_first", "best_last"] | None = None
    identify: Literal["item_code", "sub_code", "name"] | None = None
    constant: dict[str, Short] = {}
    joined: dict[str, list[Short]] = {}
    days_until: dict[str, Short] = {}
    same_column: dict[str, Short] = {}
    same_time: dict[str, Short] = {}
    departments: dict[str, Short] = {}
    answers: dict[str, Short] = {}
    letters: dict[str, Short] = {}

    def missing(self, columns: Iterable[str]) -> list[str]:
        """Return the important fields that neither the columns nor the profile give. columns: fields with a column."""
        given = {*columns, *self.constant, *self.same_time, *self.days_until}
        if given & {"ending", "outcome"}:
            given.add("status")
        return [name for name in self.vocabulary().important if name not in given]

    def vocabulary(self) -> Vocabulary:
        """Return the vocabulary of the profile's kind with this source's headers added before the others."""
        until = {header: [header] for header in self.days_until.values()}
        vocabulary = VOCABULARIES[self.kind].with_names({**self.columns, **until})
        required = [group for group in vocabulary.required if not group & set(self.constant)]
        return replace(vocabulary, required=required)

    def meanings(self, field: str) -> dict[str, Any]:
        """Return the meanings of a field's words that only this source has, by folded word."""
        return {folded(word): meaning for word, meaning in self.words.get(field, {}).items()}


class ProfileError(HallpulseError):
    """A profile cannot be used; the message gives the file, the field and what was expected."""


def plain_profile(kind: Kind) -> Profile:
    """Return the empty profile, for a source that no profile describes."""
    return Profile(SourceNames("未识别来源", "no profile"), kind)


def load_profile(path: Path) -> Profile:
    """Read a profile. Raise ProfileError if it is not valid."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ProfileError(f"{path}: 来源配置无法读取 cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise ProfileError(f"{path}: 超过 256 KiB longer than 256 KiB: expected a profile")
    try:
        text = content.decode("utf-8-sig")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise ProfileError(f"{path}: 不使用别名 (*) expected no aliases")
        raw = _texts(yaml.safe_load(text))
        profile = msgspec.convert(raw, Profile)
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise ProfileError(f"{path}: 来源配置有误 not a profile: {' '.join(str(error).split())}") from None
    _check(path, profile)
    return profile


def _texts(value: Any) -> Any:
    """Return the value with all keys as texts, because YAML reads the code 1 as a number."""
    if isinstance(value, dict):
        return {str(key): _texts(inner) for key, inner in value.items()}
    return [_texts(inner) for inner in value] if isinstance(value, list) else value


def _check(path: Path, profile: Profile) -> None:
    known = {*VOCABULARIES[profile.kind].names, *profile.columns}
    for part in ("units", "words", "constant", "joined", "days_until", "same_column", "same_time"):
        for field in getattr(profile, part):
            if field not in known:
                raise ProfileError(f"{path}: {part}.{field}: 没有这个字段 expected one of {', '.join(sorted(known))}")
    for where, unit in (*profile.units.items(), *profile.unit_codes.items()):
        if unit_named(unit) is None:
            raise ProfileError(f"{path}: {where}: {unit}: 应为时限单位 expected a unit: {'、'.join(UNIT_NAMES)}")


def folder() -> Path:
    """Return the folder of the shipped profiles: HALLPULSE_PROFILES, else in the package, else in the checkout."""
    named = os.environ.get("HALLPULSE_PROFILES")
    installed = _HERE / "shipped_profiles"
    return Path(named) if named else installed if installed.is_dir() else _HERE.parents[1] / "profiles"


def shipped() -> dict[str, Profile]:
    """Return the shipped profiles by the names of their files without extension. Raise ProfileError."""
    return {path.stem: load_profile(path) for path in sorted(folder().glob("*.yaml"))}


def named(name: str) -> Profile:
    """Return a shipped profile by its name, or the profile in a YAML file. Raise ProfileError."""
    path = Path(name)
    if path.suffix.lower() in (".yaml", ".yml"):
        return load_profile(path)
    known = folder() / f"{path.name}.yaml"
    if not known.is_file():
        names = "、".join(sorted(found.stem for found in folder().glob("*.yaml")))
        raise ProfileError(f"--profile {name}: 没有这个来源配置 expected a file .yaml or one of {names}")
    return load_profile(known)


def recognised(rows: Iterable[Sequence[Cell]], kind: Kind, profiles: Mapping[str, Profile]) -> str | None:
    """Return the name of the profile whose headers all stand in one of the rows; None without one.

    If several match, the profile with the most headers wins.
    """
    best: tuple[int, str] | None = None
    for cells in rows:
        headers = {plain_header(cell) for cell in cells if isinstance(cell, str)}
        for name, profile in profiles.items():
            wanted = {plain_header(header) for header in profile.recognise}
            if profile.kind == kind and wanted and wanted <= headers and (best is None or len(wanted) > best[0]):
                best = (len(wanted), name)
    return best[1] if best else None


_OF_ONE_FILE = frozenset(("effective_from", "void_rows", "struck_rows", "alike_codes"))
"""Questions about the rows of one file, whose answers are not saved: they may differ for the next file."""


def answered(profile: Profile, answers: Mapping[str, str], columns: Mapping[str, str], read: Sequence[str]) -> Profile:
    """Return the profile with answers added, so that the next file of the source asks no questions.

    columns: letter → header of the table; read: headers to recognise it by, used if the profile has none.
    """
    departments, others = dict(profile.departments), dict(profile.answers)
    for id_, value in answers.items():
        if id_.startswith("department."):
            departments[id_.removeprefix("department.")] = value
        elif id_ not in _OF_ONE_FILE:
            others[id_] = value
    letters = {letter: columns[letter] for id_, to in others.items() if (letter := _letter_of(id_, to)) in columns}
    return msgspec.structs.replace(
        profile, recognise=profile.recognise or list(read), departments=departments, answers=others, letters=letters
    )


def _letter_of(id_: str, answer: str) -> str:
    """Return the letter of the column that a question or its answer names; empty if neither names one."""
    about, _, letter = id_.partition(".")
    return answer if about == "column" else letter if about in ("unread", "header") else ""


def applicable(profile: Profile, columns: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the answers of a profile that hold for a file's columns.

    An answer about column F does not hold if F has another header now. columns: letter and header of each column.
    """
    moved = {letter for letter, header in columns if profile.letters.get(letter, header) != header}
    return {id_: said for id_, said in profile.answers.items() if _letter_of(id_, said) not in moved}


def save_profile(path: Path, profile: Profile) -> None:
    """Write a profile as a YAML file that a person can edit. Raise ProfileError if it cannot be written."""
    raw = msgspec.to_builtins(profile)
    try:
        path.write_text(yaml.safe_dump(raw, allow_unicode=True, sort_keys=False), encoding="utf-8")
    except OSError as error:
        raise ProfileError(f"{path}: 无法写入 cannot be written: {error.strerror}") from None


def plain_departments(profile: Profile) -> dict[str, str]:
    """Return the profile's departments by their folded spellings."""
    return {folded(text_of(spelling)): department for spelling, department in profile.departments.items()}
