"""Whether a module keeps rows apart: only then is the gradient of a row that row's alone, and clipping it a proof.

One row that reaches the others makes all their gradients depend on it, and removing one patient moves the sum by as
much as all rows together, whatever each was clipped to. The module is traced (torch.fx), and what is not known to keep
rows apart is refused. What was traced is also what runs, so that nothing runs that was not seen.
"""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

Layer = nn.Linear | nn.LayerNorm

ELEMENTWISE: tuple[type[nn.Module], ...] = (
    *(nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ReLU6, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.ELU, nn.CELU, nn.SELU, nn.Softplus, nn.Softsign, nn.Hardtanh, nn.LogSigmoid),
)
FUNCTIONS: tuple[Callable[..., Any], ...] = (
    *(torch.relu, torch.tanh, torch.sigmoid, functional.relu, functional.leaky_relu, functional.gelu),
    *(functional.silu, functional.elu, functional.softplus, functional.tanh, functional.sigmoid),
    *(operator.add, operator.sub, operator.mul, operator.neg, torch.add, torch.sub, torch.mul),
)
METHODS = ("relu", "tanh", "sigmoid", "add", "sub", "mul", "neg")
ADVICE = (
    "Let each row depend on itself and on answers already released alone, or on per-row gradients of "
    "privacy.gradients.reference if the module does keep rows apart."
)


class MixesRows(ValueError):
    """A module in which a row may reach another, or whose gradients are not known by row; nothing was run (exit 2)."""

    exit_code = 2


def row_graph(module: nn.Module) -> tuple[fx.Graph, dict[str, Layer]]:
    """The traced forward of `module`, and its layers that are trained, in the order in which they run.

    The graph returns (output, inputs of the layers, outputs of the layers). It is traced in the module's present mode.

    Raises:
        MixesRows: an operation that is not known to keep rows apart, a parameter that two layers share or that is used
            outside a layer, a layer that is called twice, a hook, or a forward that cannot be traced.
    """
    _check_modules(module)
    buffers = dict(module.named_buffers())
    try:
        graph = fx.Tracer().trace(module)
    except Exception as error:  # tracing runs the module's own code: anything can come out
        raise MixesRows(f"{type(module).__name__} cannot be traced, so its rows cannot be seen: {error}") from error
    rows, layers = set[fx.Node](), dict[str, fx.Node]()
    for node in graph.nodes:
        if node.op == "placeholder" or any(before in rows for before in node.all_input_nodes):
            rows.add(node)
        _check_node(node, module, buffers, rows, layers)
    end = next(node for node in reversed(graph.nodes) if node.op == "output")
    result = end.args[0]
    if not isinstance(result, fx.Node) or result not in rows:
        raise MixesRows(f"{type(module).__name__} must return one tensor with a result for each row.")
    trained = {name: part for name in layers if (part := _trained(module.get_submodule(name)))}
    if not trained:
        raise MixesRows(f"{type(module).__name__} has no layer with parameters that are trained.")
    made = tuple(layers[name] for name in trained)
    end.args = ((result, tuple(node.args[0] for node in made), made),)
    return graph, trained


def _trained(part: nn.Module) -> Layer | None:
    assert isinstance(part, Layer)
    return part if any(parameter.requires_grad for parameter in part.parameters()) else None


def _check_modules(module: nn.Module) -> None:
    owners: dict[int, str] = {}
    for name, part in module.named_modules(remove_duplicate=False):
        # the dictionaries are private, and there is no public way to list hooks
        if part._forward_hooks or part._forward_pre_hooks or part._backward_hooks or part._backward_pre_hooks:
            raise MixesRows(f"{name or type(part).__name__} has a hook, which may do anything: remove it.")
        for key, parameter in part.named_parameters(recurse=False):
            if id(parameter) in owners:
                raise MixesRows(
                    f"{name}.{key} and {owners[id(parameter)]} are one parameter: the norm of its gradient is not the "
                    f"sum over layers. Give each layer its own. {ADVICE}"
                )
            if parameter.dtype not in (torch.float32, torch.float64):
                raise MixesRows(f"{name}.{key} is {parameter.dtype}: norms need float32 or float64.")
            owners[id(parameter)] = f"{name}.{key}"


def _check_node(
    node: fx.Node, module: nn.Module, buffers: dict[str, torch.Tensor], rows: set[fx.Node], layers: dict[str, fx.Node]
) -> None:
    """Refuse what is not known; note the layers."""
    known = node.op in ("placeholder", "output")
    if node.op == "get_attr":
        known = str(node.target) in buffers
    elif node.op == "call_module":
        part = module.get_submodule(str(node.target))
        known = type(part) in ELEMENTWISE
        if _is_layer(part):
            _check_layer(node, rows, layers)
            layers[str(node.target)] = node
            known = True
        if getattr(part, "inplace", False):
            raise MixesRows(f"{node.target} overwrites the output of the layer before it: set inplace=False.")
    elif node.op in ("call_function", "call_method"):
        known = _is_known_call(node)
    if not known:
        what = type(module.get_submodule(str(node.target))) if node.op == "call_module" else node.target
        raise MixesRows(
            f"{type(module).__name__} uses {getattr(what, '__name__', what)} ({node.name}), which is not known to keep "
            f"rows apart, or has no rule here. {ADVICE}"
        )


def _is_layer(part: nn.Module) -> bool:
    # exactly these: a subclass may do something else; and LayerNorm over more than the columns has other gradients
    return type(part) is nn.Linear or (type(part) is nn.LayerNorm and len(part.normalized_shape) == 1)


def _check_layer(node: fx.Node, rows: set[fx.Node], layers: dict[str, fx.Node]) -> None:
    if str(node.target) in layers:
        raise MixesRows(f"{node.target} is called twice in a forward: use a layer for each call. {ADVICE}")
    if node not in rows:
        raise MixesRows(
            f"{node.target} sees no rows: its gradient is summed over them before it can be clipped. Show it the "
            "released numbers beside each row, or add its output as a buffer."
        )


def _is_known_call(node: fx.Node) -> bool:
    if node.kwargs.get("inplace") or any(argument is True for argument in node.args):
        return False
    if node.target in (torch.cat, torch.concat):
        dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        return dim in (1, -1)
    if node.target in ("squeeze", torch.squeeze):
        # (rows,) would be spread over columns by what follows: only the result may have that shape
        dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
        return dim in (1, -1) and all(user.op == "output" for user in node.users)
    return node.target in (METHODS if node.op == "call_method" else FUNCTIONS)
