# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Reading what a stranger wrote: JSON in which no two readers see two things, XML that cannot
grow, held against their schemas.

What is wrong is a Wrong, in words for the person who has to tell the sender. Files have been
copied by verify_copy.py, so they are regular, and no larger than a package's may be.
"""

import json
import math
import re
from pathlib import Path

import jsonschema
from defusedxml import DefusedXmlException, ElementTree

from model import ReportError

SCHEMAS = Path(__file__).resolve().parent / "schemas"
SHOWN = 5  # of the faults that a schema finds


class Wrong(ReportError):
    """Why the package is not to be trusted."""


def text(path):
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise Wrong("it is not there") from error
    except UnicodeDecodeError as error:
        raise Wrong(f"byte {error.start} is not UTF-8") from error


def _object(pairs):
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(n for n in names if names.count(n) > 1)
        raise Wrong(f"the field '{twice}' is there twice in one object: two readers could see "
                    "two things")
    return made


def _constant(name):
    raise Wrong(f"{name} is no number of JSON's")


def _float(digits):
    value = float(digits)
    if not math.isfinite(value):
        raise Wrong(f"{digits[:40]} is larger than numbers are")
    return value


def json_text(source):
    """The value; Wrong unless every reader of JSON would see the same."""
    try:
        value = json.loads(source, object_pairs_hook=_object, parse_constant=_constant,
                           parse_float=_float)
        if re.search(r"\\u[dD][89a-fA-F]", source):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise Wrong("it is nested too deep") from error
    except UnicodeEncodeError as error:
        raise Wrong("it has half of a character (a lone surrogate)") from error
    except ValueError as error:  # JSONDecodeError, or a number of thousands of digits
        raise Wrong(f"it is not JSON: {error}") from error
    return value


def _place(error):
    made = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path)
    return made.lstrip(".") or "the whole"


def _words(error):
    """A fault that the schema finds, by the name of what is at fault."""
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {})
        patterns = error.schema.get("patternProperties", {})
        names = [n for n in error.instance if n not in known
                 and not any(re.search(p, n) for p in patterns)]
        if names and error.validator_value is False:
            return f"{_place(error)}: unknown field '{names[0]}'"
    if error.validator == "required":
        missing = next(n for n in error.validator_value if n not in error.instance)
        return f"{_place(error)}: the field '{missing}' is missing"
    said = error.message if len(error.message) < 200 else f"{error.message[:197]}..."
    return f"{_place(error)}: {said}"


def faults(value, schema):
    """What the schema (a file's name) says against @value, a sentence each."""
    rules = json.loads((SCHEMAS / schema).read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(rules)(rules)
    words = []
    for error in validator.iter_errors(value):
        words.append(_words(error))
        if len(words) > SHOWN:
            return words[:SHOWN] + ["and more"]
    return words


def xml(path):
    """The root element; Wrong if it is no XML, or has a DTD or entities of its own."""
    try:
        return ElementTree.fromstring(text(path).encode("utf-8"), forbid_dtd=True)
    except DefusedXmlException as error:
        raise Wrong("it has a DTD, which no file of a run has") from error
    except ElementTree.ParseError as error:
        raise Wrong(f"it is not XML: {error}") from error
    except (ValueError, LookupError) as error:  # an encoding that is none
        raise Wrong(f"it is not XML in UTF-8: {error}") from error
