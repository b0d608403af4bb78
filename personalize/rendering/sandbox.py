"""The closed world in which templates written by people run.

Templates see plain data and a short list of filters. They reach no method, no attribute of a Python object, no other
template, and no operation that makes much out of little; what is left is bounded by the child process around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from jinja2 import Template, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from personalize.rendering.filters import FILTERS, bounded
from personalize.rendering.limits import DEPTH, NESTED_LOOPS, NODES, RANGE, SOURCE_CHARS, TEXT
from personalize.rendering.missing import Missing

NOT_AVAILABLE = "is not available in templates"

_FORBIDDEN_NODES: dict[type[nodes.Node], str] = {
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extends",
    nodes.Block: "block",
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter block",
    nodes.AssignBlock: "set block",
    nodes.ScopedEvalContextModifier: "autoescape",
    nodes.NSRef: "namespace",
    nodes.Pow: "the power operator",
}
_TESTS = ("defined", "undefined", "none", "odd", "even", "divisibleby", "eq", "ne", "lt", "le", "gt", "ge", "in")
_LOOP = ("index", "index0", "first", "last", "length", "revindex", "revindex0", "cycle", "previtem", "nextitem")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 with everything taken away that a mail does not need. One instance renders one mail at a time."""

    intercepted_binops: ClassVar[frozenset[str]] = frozenset({"+", "*", "**", "//", "%"})  # type: ignore[misc]

    def __init__(self, *, html: bool) -> None:
        # In text a line that only holds a tag leaves no empty line behind.
        super().__init__(
            autoescape=html,
            undefined=Missing,
            loader=None,
            cache_size=0,
            finalize=_finalize,
            trim_blocks=not html,
            lstrip_blocks=not html,
        )
        self.globals = {"range": bounded_range}
        self.filters = dict(FILTERS)
        self.tests = {name: self.tests[name] for name in _TESTS}
        self.noted: list[str] = []
        self.words: dict[str, str] = {}
        self.roots: dict[int, str] = {}
        self.required: tuple[str, ...] = ()

    def begin(self, data: dict[str, Any]) -> None:
        """Get ready for one mail: forget what the last one lacked, learn this one's fallbacks and names of its parts."""
        self.noted = []
        self.required = tuple(data.get("required") or ())
        self.words = data.get("fallbacks") or {}
        self.roots = {id(value): name for name, value in data.items() if isinstance(value, dict)}

    def note(self, path: str) -> None:
        if path not in self.noted:
            self.noted.append(path)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext):
            return getattr(obj, attribute) if attribute in _LOOP else self.missing(f"loop.{attribute}")
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        value: Any = None
        if isinstance(obj, dict):
            value = obj.get(argument)
        elif isinstance(obj, list | tuple) and isinstance(argument, int):
            value = obj[argument] if -len(obj) <= argument < len(obj) else None
        if value is None or value == "":
            return self.missing(f"{self._path(obj)}{argument}")
        return value

    def _path(self, obj: Any) -> str:
        parent = obj.path if isinstance(obj, Missing) else self.roots.get(id(obj), "")
        return f"{parent}." if parent else ""

    def missing(self, path: str) -> Missing:
        required = path.partition(".")[0] in self.required
        return Missing(name=path, words=self.words.get(path, ""), note=self.note, required=required)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return isinstance(obj, LoopContext) and attr in _LOOP

    def is_safe_callable(self, obj: Any) -> bool:
        return obj is bounded_range or isinstance(getattr(obj, "__self__", None), LoopContext)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return bounded(left + right)
        if not numbers or abs(left) > 10**15 or abs(right) > 10**15:
            # An empty field is no number: it says so itself, with its name.
            for side in (left, right):
                if isinstance(side, Missing):
                    side.refuse()
            raise SecurityError(f"{operator} on these values {NOT_AVAILABLE}")
        return super().call_binop(context, operator, left, right)


def bounded_range(*arguments: int) -> range:
    """Python's range, of at most a thousand numbers."""
    numbers = range(*arguments)
    if len(numbers) > RANGE:
        raise SecurityError(f"a range longer than {RANGE:,} {NOT_AVAILABLE}")
    return numbers


def _finalize(value: Any) -> Any:
    """Lists are printed as a person would write them, and long texts are cut."""
    if isinstance(value, list | tuple):
        value = ", ".join(str(item) for item in value[:RANGE])
    return value[:TEXT] if isinstance(value, str) and len(value) > TEXT else value


class Refused(Exception):
    """A source that must not be compiled, with the line and the reason."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def inspect(environment: Sandbox, source: str) -> tuple[str, ...]:
    """Check a source without running it and return the dotted fields it reads, sorted; raises Refused."""
    if len(source) > SOURCE_CHARS:
        raise Refused(f"The source is longer than {SOURCE_CHARS:,} characters.")
    try:
        tree = environment.parse(source)
        if sum(1 for _ in _walk(tree)) > NODES:
            raise Refused(f"The source has more than {NODES:,} parts.")
        _check(tree, 0, 0)
        names = meta.find_undeclared_variables(tree)
        environment.compile(tree)
    except TemplateSyntaxError as error:
        raise Refused(error.message or "The source cannot be read.", error.lineno) from error
    except RecursionError as error:
        raise Refused("The source is nested too deeply.") from error
    return tuple(sorted({path for path in _paths(tree) if path.split(".")[0] in names}))


def compiled(environment: Sandbox, source: str) -> Template:
    """The source as a template after the same checks; raises Refused."""
    inspect(environment, source)
    return environment.from_string(source)


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(current.iter_child_nodes())


def _check(node: nodes.Node, depth: int, loops: int) -> None:
    if depth > DEPTH:
        raise Refused("The source is nested too deeply.", node.lineno)
    for kind, name in _FORBIDDEN_NODES.items():
        if isinstance(node, kind):
            raise Refused(f"{name} {NOT_AVAILABLE}.", node.lineno)
    if isinstance(node, nodes.For):
        loops += 1
        if loops > NESTED_LOOPS or node.recursive:
            raise Refused(f"More than {NESTED_LOOPS} loops inside one another {NOT_AVAILABLE}.", node.lineno)
    if isinstance(node, nodes.Call) and not _may_be_called(node.node):
        raise Refused(f"{_called(node.node)}() {NOT_AVAILABLE}.", node.lineno)
    if isinstance(node, nodes.Name) and node.name in ("self", "super", "caller"):
        raise Refused(f"{node.name} {NOT_AVAILABLE}.", node.lineno)
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        raise Refused(f"{node.attr} {NOT_AVAILABLE}.", node.lineno)
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and str(node.arg.value).startswith("_"):
        raise Refused(f"{node.arg.value} {NOT_AVAILABLE}.", node.lineno)
    for child in node.iter_child_nodes():
        _check(child, depth + 1, loops)


def _may_be_called(node: nodes.Expr) -> bool:
    if isinstance(node, nodes.Name):
        return node.name == "range"
    return (
        isinstance(node, nodes.Getattr)
        and node.attr == "cycle"
        and isinstance(node.node, nodes.Name)
        and node.node.name == "loop"
    )


def _called(node: nodes.Expr) -> str:
    return node.attr if isinstance(node, nodes.Getattr) else getattr(node, "name", "A call")


def _paths(node: nodes.Node) -> Iterator[str]:
    """The longest dotted paths read anywhere below ``node``."""
    path = _path(node)
    if path:
        yield path
        return
    for child in node.iter_child_nodes():
        yield from _paths(child)


def _path(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name if node.ctx == "load" and node.name != "range" else ""
    if isinstance(node, nodes.Getattr):
        parent = _path(node.node)
        return f"{parent}.{node.attr}" if parent else ""
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        parent = _path(node.node)
        return f"{parent}.{node.arg.value}" if parent else ""
    return ""
