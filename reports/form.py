# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
form.toml: what a vendor says of the product that is certified, and claims.

Its fields, what they mean and what they may hold are in schemas/form.schema.json alone: the
comments of a form, the questions on a terminal and the words for what is wrong come from
there. @known, what is there on the machine under test: {"capabilities": names, "formats":
names, "release": of its kernel}.
"""

import json
import sys
import textwrap
import tomllib
from pathlib import Path

import jsonschema

from model import UsageError

SCHEMA = json.loads((Path(__file__).resolve().parent / "schemas/form.schema.json")
                    .read_text(encoding="utf-8"))
LARGEST = 1 << 16
WIDTH = 88
TOP = """\
# What the vendor says of the product: `iodirty certify --form FILE` takes it. Lines that
# begin with "#" are comments; those that look like fields may be filled in or left out.
"""


# ---- the fields ----

def resolved(spec):
    """A field as the schema has it, with what it refers to."""
    name = spec.get("$ref", "").rpartition("/")[2]
    return {**SCHEMA["$defs"].get(name, {}), **{k: v for k, v in spec.items() if k != "$ref"}}


def tables():
    """(name of the table, "" for the top; its fields: name -> spec; which it must have)"""
    top = {k: v for k, v in SCHEMA["properties"].items() if v.get("type") != "object"}
    yield "", top, SCHEMA["required"]
    for name, spec in SCHEMA["properties"].items():
        if name not in top:
            yield name, spec["properties"], spec.get("required", [])


def fields():
    """(table, name, spec, whether it must be there)"""
    for table, specs, required in tables():
        for name, spec in specs.items():
            yield table, name, resolved(spec), name in required


def get(form, table, name):
    return (form.get(table, {}) if table else form).get(name)


def put(form, table, name, value):
    (form.setdefault(table, {}) if table else form)[name] = value


def called(table, name):
    return f"{table}.{name}" if table else name


# ---- reading ----

def words(error):
    """What the schema found, for who fills in forms."""
    path = [str(p) for p in error.absolute_path]
    name = ".".join(p for p in path if not p.isdigit()) or "the form"
    spec = SCHEMA
    for part in path:
        spec = spec.get("properties", {}).get(part, {})
    if error.validator == "additionalProperties":
        known = list(spec.get("properties", {}))
        odd = sorted(set(error.instance) - set(known))
        return f"{name} has {', '.join(map(repr, odd))}; it may have {', '.join(known)}"
    if error.validator == "required":
        lacking = error.message.split("'")[1]
        return f"{lacking if name == 'the form' else f'{name}.{lacking}'} is missing"
    if error.validator == "type":
        wanted = {"string": "text in quotes", "array": "a list of names in quotes",
                  "object": f"a table, [{name}]"}[error.validator_value]
        return f"{name} must be {wanted}"
    return {
        "minLength": f"{name} is not filled in",
        "maxLength": f"{name} is too long",
        "maxItems": f"{name} has too many names",
        "uniqueItems": f"{name} has a name twice",
    }.get(error.validator, f"{name} must be one line of plain text, without spaces at its ends"
          if isinstance(error.instance, str) and not path[-1].isdigit() else
          f"{name}: {error.instance!r} is no such name")


def faults(form):
    """What is wrong with it, in words."""
    errors = jsonschema.Draft202012Validator(SCHEMA).iter_errors(form)
    return list(dict.fromkeys(
        words(e) for e in sorted(errors, key=lambda e: [str(p) for p in e.absolute_path])
        if not (e.validator == "pattern" and e.instance == "")))


def read(path):
    """The form, as the schema has it; UsageError in words."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise UsageError(f"{path} is too large for a form")
        form = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; `iodirty certify --print-form` prints a "
                         "form to fill in") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    wrong = faults(form)
    if wrong:
        raise UsageError(f"{path}: {'; '.join(wrong)}")
    return form


def check(form, known):
    """Hold a form against the machine under test. UsageError if it is another machine's; else
    sentences on the claims that will fail."""
    release = form["kernel"]["release"]
    if release != known["release"]:
        raise UsageError(f"the form is of kernel {release}, and the machine under test runs "
                         f"{known['release']}: give the form of what is certified")
    lines = []
    for kind, claimed in form.get("claims", {}).items():
        lacking = [name for name in claimed if name not in known[kind]]
        if lacking:
            lines.append(f"the form claims {kind} that the target does not have, so this will "
                         f"fail: {', '.join(lacking)}; it has {', '.join(known[kind])}")
    return lines


# ---- writing ----

def toml(value):
    return json.dumps(value, ensure_ascii=False)


def toml_list(name, values):
    line = f"{name} = {toml(values)}"
    if len(line) <= WIDTH:
        return [line]
    inner = textwrap.wrap(", ".join(map(toml, values)), WIDTH - 4, break_on_hyphens=False)
    return [f"{name} = [", *(f"    {part}" for part in inner), "]"]


def comment(text):
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ",
                         break_on_hyphens=False)


def render(form):
    """The form as TOML, with comments; what it lacks is there to be filled in."""
    lines = TOP.splitlines()
    for table, specs, required in tables():
        if table:
            lines += ["", *comment(SCHEMA["properties"][table].get("description", "")),
                      f"[{table}]"]
        for name, spec in specs.items():
            spec, value = resolved(spec), get(form, table, name)
            example = spec.get("examples", [[]])[0]
            lines += [""] * (not table or lines[-1] != f"[{table}]") + comment(
                spec["description"])
            if value is None and name in required:
                lines += [f"# For example {toml(example)}.", f'{name} = ""']
            elif value is None:
                lines.append(f"# {name} = {toml(example)}")
            else:
                lines += toml_list(name, value) if isinstance(value, list) else \
                    [f"{name} = {toml(value)}"]
    return "\n".join(lines) + "\n"


def template(known):
    """A form to fill in, with what the machine itself says."""
    return render({"kernel": {"release": known["release"]},
                   "claims": {k: known[k] for k in ("capabilities", "formats")}})


# ---- asking ----

def parse_answer(text, table, name, spec, known):
    """The value of an answer; UsageError if it is none."""
    value = text.replace(",", " ").split() if spec["type"] == "array" else text
    form = {}
    put(form, table, name, value)
    wrong = [f for f in faults(form) if f.startswith(f"{called(table, name)}") and
             not f.endswith(" is missing")]
    if wrong:
        raise UsageError(wrong[0])
    if spec["type"] == "array":
        odd = [v for v in value if v not in known[name]]
        if odd:
            raise UsageError(f"the target has no {', '.join(odd)}; it has "
                             f"{', '.join(known[name])}")
    if name == "release" and value != known["release"]:
        raise UsageError(f"the machine under test runs {known['release']}")
    return value


def ask(known, lines=None, out=sys.stderr):
    """A form, by questions on @out whose answers are @lines (bytes, a line each call, b"" at
    the end; a terminal's by default). UsageError if they end too soon."""
    lines = lines or sys.stdin.buffer.readline
    form = {}
    given = {("kernel", "release"): known["release"],
             ("claims", "capabilities"): known["capabilities"],
             ("claims", "formats"): known["formats"]}
    for table, name, spec, required in fields():
        default = given.get((table, name))
        shown = ", ".join(default) if isinstance(default, list) else default
        hint = f" [{shown}]" if shown else "" if required else " [leave it out]"
        print("", *textwrap.wrap(spec["description"], WIDTH, break_on_hyphens=False),
              *(f"For example: {example}" for example in spec.get("examples", [])),
              sep="\n", file=out)
        while get(form, table, name) is None:
            print(f"{called(table, name)}{hint}: ", end="", file=out, flush=True)
            line = lines()
            if not line:
                raise UsageError(f"the form was not filled in: the answers ended at "
                                 f"{called(table, name)}")
            text = line.decode("utf-8", "replace").strip()
            if not text and default is not None:
                put(form, table, name, default)
            elif not text and not required:
                break
            else:
                try:
                    put(form, table, name, parse_answer(text, table, name, spec, known))
                except UsageError as error:
                    print(f"{error}.", file=out)
    return form
