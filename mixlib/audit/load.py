"""Objects named on a command line: "package.module:name", with arguments if it is to be called.

    torchvision.transforms.v2:MixUp(alpha=0.2, num_classes=10)
    my/mixing.py:collate

Arguments are literals; nothing is evaluated.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Spec:
    """A name taken apart.

    Attributes:
        module: importable name, or a path that ends in .py.
        name: dotted name inside it.
        args, kwargs: literal arguments, None where the object itself is meant.
    """

    module: str
    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] | None = None

    @property
    def library(self) -> str:
        """First part of the module's name."""
        return Path(self.module).stem if self.module.endswith(".py") else self.module.split(".")[0]


def parse(text: str) -> Spec:
    """Takes "module:name" or "module:name(literals)" apart.

    Raises:
        ValueError: not of this form, or an argument is no literal; says what was expected.

    Example:
        >>> parse("timm.data:Mixup(mixup_alpha=0.2)")
        Spec(module='timm.data', name='Mixup', args=(), kwargs={'mixup_alpha': 0.2})
    """
    module, colon, rest = text.strip().partition(":")
    if not (module and colon and rest):
        raise ValueError(
            f'expected "package.module:name" or "package.module:name(arguments)", got {text!r}'
        )
    try:
        tree = ast.parse(rest, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"cannot read {rest!r} as a name with arguments: {error.msg}") from None
    if not isinstance(tree, ast.Call):
        return Spec(module, _dotted(tree, text))
    try:
        args = tuple(ast.literal_eval(node) for node in tree.args)
        kwargs = {str(word.arg): ast.literal_eval(word.value) for word in tree.keywords}
    except ValueError:
        raise ValueError(
            f"the arguments of {rest!r} must be literals (numbers, strings, lists); write a "
            "function that builds the object, and name that function with ()"
        ) from None
    return Spec(module, _dotted(tree.func, text), args, kwargs)


def _dotted(node: ast.AST, text: str) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, text)}.{node.attr}"
    raise ValueError(f"expected a name after the colon, got {text!r}")


def load(spec: Spec) -> Any:
    """The object, fresh if it is called.

    Raises:
        ImportError: no such module or file, or no such name in it.
        ValueError: a class, which mixes nothing before it has been called.
    """
    found: Any = _module(spec.module)
    for part in spec.name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ImportError(f"{spec.module} has no {spec.name!r}") from None
    if spec.kwargs is None and isinstance(found, type):
        raise ValueError(
            f"expected something that mixes a batch, found the class {spec.name}: write it with "
            f"its arguments, {spec.module}:{spec.name}()"
        )
    return found if spec.kwargs is None else found(*spec.args, **spec.kwargs)


def _module(name: str) -> Any:
    if not name.endswith(".py"):
        if "" not in sys.path and "." not in sys.path:
            sys.path.insert(0, "")
        return importlib.import_module(name)
    path = Path(name).resolve()
    found = importlib.util.spec_from_file_location(path.stem, path)
    if found is None or found.loader is None or not path.is_file():
        raise ImportError(f"no file {name}")
    module = importlib.util.module_from_spec(found)
    # worker processes and pickles look classes up by their module's name
    sys.modules.setdefault(path.stem, module)
    found.loader.exec_module(module)
    return module
