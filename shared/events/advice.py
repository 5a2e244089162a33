"""What to write instead: the words for a field whose value is not of its type, taken from the type itself."""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec import inspect

UNKNOWN = "see docs/integrate for the record's shape"


_type_info = lru_cache(maxsize=16)(inspect.type_info)
"""A batch may hold thousands of bad records; looking at a shape costs more than reading a good one."""


def what_to_write(shape: type, field: str) -> str:
    """`data.channel` of a dossier's record → `use one of: direct, online, post`; never raises, whatever `field` is."""
    info: inspect.Type = _type_info(shape)
    for name in re.sub(r"\[[^]]*\]", ".", field).split(".") if field else ():
        info = _inside(info, name)
    return _words(_present(info))


def _inside(info: inspect.Type, name: str) -> inspect.Type:
    info = _present(info)
    if not name:  # an item of a list
        return getattr(info, "item_type", inspect.AnyType())
    fields = info.fields if isinstance(info, inspect.StructType) else ()
    return next((one.type for one in fields if one.encode_name == name), inspect.AnyType())


def _present(info: inspect.Type) -> inspect.Type:
    """The type of a value that is there: `str | None` → `str`."""
    if isinstance(info, inspect.UnionType):
        return next((one for one in info.types if not isinstance(one, inspect.NoneType)), info)
    return info


def _words(info: inspect.Type) -> str:
    match info:
        case inspect.LiteralType(values=values):
            return f"use one of: {', '.join(map(str, values))}"
        case inspect.EnumType(cls=cls):
            return f"use one of: {', '.join(str(one.value) for one in cls)}"
        case inspect.DateTimeType():
            return "write it as 2025-11-03T08:30:00+07:00"
        case inspect.BoolType():
            return "send true or false, without quotes"
        case inspect.IntType(ge=least, le=most) if least is not None and most is not None:
            return f"send a whole number from {least} to {most}, without quotes"
        case inspect.StrType(min_length=least, max_length=most) if most is not None:
            return f"send text of {f'{least} to' if least else 'at most'} {most} characters"
        case inspect.VarTupleType(max_length=most) if most is not None:
            return f"send a list of at most {most}"
        case inspect.StructType():
            return f"send an object; needed: {', '.join(one.encode_name for one in info.fields if one.required)}"
    return UNKNOWN
