"""An entry of a form against its parameter: left out, a value of the call, or words about what is wrong with it.

What is made is what a call would be given, and it is checked by the codec that writes the call's request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from spatial_widgets.codec import encode_parameter
from spatial_widgets.errors import CodecError, ParameterError
from spatial_widgets.widgets.formgiven import EntryError, Given, Origins
from spatial_widgets.widgets.formvalues import TOKEN, is_blank, made_of, sentence
from spatial_widgets.widgets.phrases import say

if TYPE_CHECKING:
    from spatial_widgets.widgets.formfield import Field

__all__ = ["given_of", "is_left_out", "without_secrets"]


def is_left_out(field: Field, entry: Any) -> bool:
    """Whether an entry leaves its parameter out, so that the service takes its default."""
    return is_blank(field, entry) or (not field.required and entry == field.start)


def given_of(field: Field, entry: Any, origins: Origins, *, check: bool = True) -> Given | None:
    """Return the value that an entry stands for, None where the parameter is left out.

    Parameters
    ----------
    check : ask the codec as well, which may read a file.

    Raises
    ------
    EntryError : it is no value of that parameter.
    """
    if is_blank(field, entry):
        if field.required:
            raise EntryError(field.problem or say("form.required"))
        return None
    if is_left_out(field, entry):
        return None
    made = made_of(field, entry, origins)
    if not check:
        return made
    try:
        encode_parameter(field.parameter, made.value)
    except (CodecError, ParameterError) as error:
        raise EntryError(say("form.wrong", reason=sentence(error))) from error
    return made


def without_secrets(field: Field, entry: Any) -> Any:
    """Return an entry as it may be kept in a page: without what is hidden, and without tokens."""
    if "hidden" in json.dumps(_kinds(field)) or TOKEN.search(json.dumps(entry)):
        return field.blank
    return entry


def _kinds(field: Field) -> list[Any]:
    return [field.kind, [_kinds(part) for part in field.parts]]
