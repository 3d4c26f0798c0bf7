"""instructions.txt: a manifest in command-line form, one stage a line.

::

    # soften a photo, then enlarge it
    soften: blur --radius 3 --image photo.png
    upscale --scale=2.0 --image @soften.result[0]

Decided here, where the contract leaves it open: a stage without a name is called like its
workflow, with `-2`, `-3`, … where that is taken; a value that begins with `--` is written
after `=` or quoted; a file whose name begins with `@` is written `./@…`; `--flag` may be
followed by true or false; a text with a line break has no form here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from shlex import quote
from typing import NoReturn

from jigdesk.domain.command_line import Unclosed, Word, split_line
from jigdesk.domain.described import Declared
from jigdesk.domain.errors import ErrorCode, JobError
from jigdesk.domain.ids import check_job_id, is_stage_name
from jigdesk.domain.manifest import (
    MAX_REQUEST_BYTES,
    MAX_STAGES,
    FileInput,
    Manifest,
    Scalar,
    StageInput,
    StageRequest,
    check_file,
    check_references,
)
from jigdesk.domain.params import ParamSpec, ParamType
from jigdesk.domain.wording import is_encodable, nearest, quoted

MAX_LINE_CHARS = 256 * 1024

_REFERENCE = re.compile(
    r"@(?P<stage>[a-z0-9][a-z0-9_-]{0,62})(?:\.(?P<output>[A-Za-z0-9_-]{1,63}))?"
    r"(?:\[(?P<index>[0-9]{1,3})\])?"
)
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?"
)
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


def parse_instructions(
    text: bytes | str, catalogue: Mapping[str, Declared], job_id: str
) -> Manifest:
    """Read instructions.txt of job `job_id`; `catalogue` has what each workflow takes.

    Raises JobError (INVALID_MANIFEST, UNKNOWN_WORKFLOW, INVALID_PARAMETER) whose message and
    field say line and column, both from 1.
    """
    check_job_id(job_id)
    stages: list[StageRequest] = []
    lines = list(islice(_lines(text), MAX_STAGES + 1))
    taken = {line.name for line in lines if line.name is not None}
    for line in lines:
        if len(stages) == MAX_STAGES:
            line.refuse(f"there are more than {MAX_STAGES} stages")
        previous = stages[-1].name if stages else None
        stages.append(line.stage(catalogue, previous, taken))
    if not stages:
        raise JobError(ErrorCode.INVALID_MANIFEST, "instructions.txt has no stage.")
    check_references(tuple(stages), None)
    return Manifest(job_id, tuple(stages))


def print_instructions(manifest: Manifest, catalogue: Mapping[str, Declared]) -> str:
    """The instructions.txt that reads as the same stages again.

    Raises JobError for what has no form there (a branch, a text with a line break, more than
    1 MiB) and for what does not fit its workflow.
    """
    if manifest.branch_of is not None:
        raise JobError(
            ErrorCode.INVALID_MANIFEST,
            "A branch of another job can only be written as request.json.",
            field="branch_of",
        )
    lines = []
    for position, stage in enumerate(manifest.stages):
        at = f"stages[{position}]"
        declared = catalogue.get(stage.workflow)
        if declared is None:
            message = (
                f"There is no workflow {stage.workflow!r}.{nearest(stage.workflow, catalogue)}"
            )
            raise JobError(ErrorCode.UNKNOWN_WORKFLOW, message, field=f"{at}.workflow")
        words = [f"{stage.name}:", stage.workflow]
        for name, value in stage.params.items():
            field = f"{at}.params.{name}"
            spec = declared.params.get(name)
            if spec is None:
                message = f"There is no parameter {name!r}.{nearest(name, declared.params)}"
                raise JobError(ErrorCode.INVALID_PARAMETER, message, field=field)
            words += _printed_param(spec, spec.check(value, field), declared, field)
        for name, source in stage.inputs.items():
            field = f"{at}.inputs.{name}"
            if name not in declared.inputs:
                message = f"There is no input {name!r}.{nearest(name, declared.inputs)}"
                raise JobError(ErrorCode.INVALID_MANIFEST, message, field=field)
            words += _printed_option(name, _printed_source(source))
        lines.append(" ".join(words))
    text = "\n".join(lines) + "\n"
    if len(text.encode()) > MAX_REQUEST_BYTES or max(map(len, lines)) > MAX_LINE_CHARS:
        raise JobError(ErrorCode.INVALID_MANIFEST, "This is too long for instructions.txt.")
    return text


def _printed_param(spec: ParamSpec, value: Scalar, declared: Declared, field: str) -> list[str]:
    if isinstance(value, bool):
        negative = f"no_{_folded(spec.name)}"
        if value:
            return [f"--{spec.name}"]
        if any(_folded(name) == negative for name in (*declared.params, *declared.inputs)):
            return [f"--{spec.name}=false"]
        return [f"--no-{spec.name}"]
    text = str(value)
    if "\n" in text:
        raise JobError(
            ErrorCode.INVALID_MANIFEST,
            "A text with a line break can only be written in request.json.",
            field=field,
        )
    return _printed_option(spec.name, text)


def _printed_option(name: str, text: str) -> list[str]:
    if text.startswith("-"):
        return [f"--{name}={quote(text)}"]
    return [f"--{name}", quote(text)]


def _printed_source(source: FileInput | StageInput) -> str:
    if isinstance(source, FileInput):
        return f"./{source.path}" if source.path.startswith(("@", "-")) else source.path
    output = "" if source.output is None else f".{source.output}"
    index = "" if source.index is None else f"[{source.index}]"
    return f"@{source.stage}{output}{index}"


@dataclass(frozen=True, slots=True)
class _Line:
    """One stage's line: `words` begin with the workflow; `name` is None where none is given."""

    number: int
    name: str | None
    words: tuple[Word, ...]

    def refuse(
        self,
        message: str,
        word: Word | None = None,
        code: ErrorCode = ErrorCode.INVALID_MANIFEST,
    ) -> NoReturn:
        column = 1 if word is None else word.column
        raise _refusal(message, self.number, column, code)

    def stage(
        self, catalogue: Mapping[str, Declared], previous: str | None, taken: set[str]
    ) -> StageRequest:
        first, rest = self.words[0], iter(self.words[1:])
        declared = catalogue.get(first.text)
        if declared is None:
            hint = nearest(first.text, catalogue)
            message = f"there is no workflow {quoted(first.text)}.{hint}"
            self.refuse(message, first, ErrorCode.UNKNOWN_WORKFLOW)
        name = self.name or _free_name(first.text, taken)
        taken.add(name)
        params: dict[str, Scalar] = {}
        inputs: dict[str, FileInput | StageInput] = {}
        pending: Word | None = next(rest, None)
        while pending is not None:
            word = pending
            pending = next(rest, None)
            option, equals, value = word.text.removeprefix("--").partition("=")
            if not word.is_option or not option:
                self.refuse(f"{quoted(word.text)} is not an option such as --radius", word)
            source, spec, positive = self._declaration(option, declared, word)
            if (source or (spec and spec.name)) in params.keys() | inputs.keys():
                self.refuse(f"--{option} is given twice", word)
            given = Word(value, word.column, is_option=False) if equals else None
            if given is None and pending is not None and not pending.is_option:
                is_flag = spec is not None and spec.type is ParamType.BOOLEAN
                if not is_flag or (positive and pending.text.lower() in _TRUE | _FALSE):
                    given, pending = pending, next(rest, None)
            if source is not None:
                inputs[source] = self._source(given, word)
            elif spec is not None:
                params[spec.name] = self._value(spec, given, word, positive=positive)
        for missing in declared.inputs:
            if missing not in inputs:
                if previous is None:
                    self.refuse(f"{first.text} needs --{missing}", first)
                inputs[missing] = StageInput(previous)
        return StageRequest(name, first.text, params, inputs)

    def _declaration(
        self, option: str, declared: Declared, word: Word
    ) -> tuple[str | None, ParamSpec | None, bool]:
        """What an option sets: an input's name, or a parameter; false for `--no-…`."""
        folded = _folded(option)
        for name in declared.inputs:
            if _folded(name) == folded:
                return name, None, True
        for name, spec in declared.params.items():
            if _folded(name) == folded:
                return None, spec, True
        for name, spec in declared.params.items():
            if spec.type is ParamType.BOOLEAN and f"no_{_folded(name)}" == folded:
                return None, spec, False
        hint = nearest(option, (*declared.inputs, *declared.params))
        message = f"there is no option {quoted(word.text)}.{hint}"
        raise _refusal(message, self.number, word.column, ErrorCode.INVALID_PARAMETER)

    def _value(
        self, spec: ParamSpec, given: Word | None, option: Word, *, positive: bool
    ) -> Scalar:
        if spec.type is ParamType.BOOLEAN and (given is None or not positive):
            if given is not None:
                self.refuse(f"{option.text} takes no value", given, ErrorCode.INVALID_PARAMETER)
            return positive
        if given is None:
            self.refuse(f"{option.text} needs a value", option, ErrorCode.INVALID_PARAMETER)
        try:
            return spec.check(_converted(spec, given.text), "")
        except JobError as exc:
            self.refuse(exc.message, given, exc.error_code)

    def _source(self, given: Word | None, option: Word) -> FileInput | StageInput:
        if given is None:
            self.refuse(f"{option.text} needs a file or @stage", option)
        if given.text.startswith("@"):
            match = _REFERENCE.fullmatch(given.text)
            if match is None:
                self.refuse(f"{quoted(given.text)} is not @stage or @stage.output[index]", given)
            index = None if match["index"] is None else int(match["index"])
            return StageInput(match["stage"], match["output"], index)
        try:
            return FileInput(check_file(given.text.removeprefix("./"), ""))
        except JobError as exc:
            self.refuse(exc.message, given)


def _lines(source: bytes | str) -> Iterator[_Line]:
    text = _decoded(source) if isinstance(source, bytes) else source
    if len(text) > MAX_REQUEST_BYTES or not is_encodable(text):
        raise _too_long()
    for number, content in enumerate(text.split("\n"), 1):
        if len(content) > MAX_LINE_CHARS:
            raise _refusal(f"a line has at most {MAX_LINE_CHARS} characters", number, 1)
        try:
            words = split_line(content)
        except Unclosed as exc:
            raise _refusal(str(exc), number, exc.column) from exc
        if words:
            yield _named(number, words)


def _decoded(body: bytes) -> str:
    if len(body) > MAX_REQUEST_BYTES:
        raise _too_long()
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        number = body.count(b"\n", 0, exc.start) + 1
        column = exc.start - body.rfind(b"\n", 0, exc.start)
        raise _refusal("this byte is not UTF-8", number, column) from exc


def _named(number: int, words: list[Word]) -> _Line:
    first = words[0]
    name, colon, workflow = first.text.partition(":")
    if not colon:
        return _Line(number, None, tuple(words))
    if not is_stage_name(name):
        message = f"{quoted(name)} is not a stage's name: at most 63 of a-z, 0-9, - and _"
        raise _refusal(message, number, first.column)
    rest = words[1:]
    if workflow:
        rest = [Word(workflow, first.column + len(name) + 1, is_option=False), *rest]
    if not rest:
        raise _refusal("a workflow must follow the name", number, first.column)
    return _Line(number, name, tuple(rest))


def _converted(spec: ParamSpec, text: str) -> object:
    """The text as the declared type, or as it is where it does not look like one."""
    if spec.type is ParamType.BOOLEAN:
        lowered = text.lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else text
    if spec.type is ParamType.CHOICE:
        return next((choice for choice in spec.choices if str(choice) == text), text)
    if spec.type.is_numeric:
        if _WHOLE.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            return float(text)
    return text


def _free_name(workflow: str, taken: set[str]) -> str:
    if workflow not in taken:
        return workflow
    numbered = (f"{workflow[:59]}-{count}" for count in range(2, len(taken) + 3))
    return next(name for name in numbered if name not in taken)


def _folded(name: str) -> str:
    return name.replace("-", "_")


def _where(number: int, column: int) -> str:
    return f"instructions.txt line {number}, column {column}"


def _refusal(
    message: str, number: int, column: int, code: ErrorCode = ErrorCode.INVALID_MANIFEST
) -> JobError:
    where = _where(number, column)
    ended = message if message.endswith((".", "?")) else f"{message}."
    return JobError(
        code, f"{where}: {ended}", field=where, details={"line": number, "column": column}
    )


def _too_long() -> JobError:
    return JobError(
        ErrorCode.INVALID_MANIFEST,
        f"instructions.txt must be UTF-8 of at most {MAX_REQUEST_BYTES} bytes.",
    )
