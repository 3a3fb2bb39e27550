"""From the kernels' sources to an object file, by Numba and LLVM; imported only where there is none yet."""

from __future__ import annotations

import gc
import importlib
import re
from typing import Any

import llvmlite.binding as llvm
import numba
from numba import types
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target

from filterbank.engine.image.workers import DONE
from filterbank.engine.kernels.table import KERNELS
from filterbank.engine.kernels.vector import host_cpu, host_features

_cfunc: Any = numba.cfunc

_TYPES = {"i": types.int64, "f": types.float32, "v": types.void}

# LLVM turns loops into calls of these two; defined here, the image needs nothing from outside.
_LIBC = """
define ptr @memset(ptr %p, i32 %v, i64 %n) {
enter:
  %b = trunc i32 %v to i8
  %none = icmp eq i64 %n, 0
  br i1 %none, label %done, label %loop
loop:
  %i = phi i64 [0, %enter], [%j, %loop]
  %q = getelementptr i8, ptr %p, i64 %i
  store i8 %b, ptr %q
  %j = add i64 %i, 1
  %all = icmp eq i64 %j, %n
  br i1 %all, label %done, label %loop
done:
  ret ptr %p
}
define ptr @memcpy(ptr noalias %p, ptr noalias %s, i64 %n) {
enter:
  %none = icmp eq i64 %n, 0
  br i1 %none, label %done, label %loop
loop:
  %i = phi i64 [0, %enter], [%j, %loop]
  %q = getelementptr i8, ptr %p, i64 %i
  %t = getelementptr i8, ptr %s, i64 %i
  %b = load i8, ptr %t
  store i8 %b, ptr %q
  %j = add i64 %i, 1
  %all = icmp eq i64 %j, %n
  br i1 %all, label %done, label %loop
done:
  ret ptr %p
}
"""


class BuildError(Exception):
    """A kernel that breaks the rules for the image; a bug, never the user's."""


def main(groups: list[str]) -> None:
    """Print an object for each group, kernels' names with commas between them, as hexadecimal; then DONE."""
    gc.disable()  # what Numba makes lives until the end: looking through it takes a tenth of the time
    _make_no_machine_code()
    for group in groups:
        print(compile_object({name: KERNELS[name] for name in group.split(",")}).hex())
    print(DONE)


def _make_no_machine_code() -> None:
    """Have Numba stop at LLVM's own language: nobody calls single helpers, whose code it makes at once.

    A Numba that is made otherwise inside goes on as ever, and takes longer.
    """

    class Text(JITCodeLibrary):
        def get_pointer_to_function(self, name: str) -> int:
            self._ensure_finalized()  # type: ignore[no-untyped-call]
            return 0  # none, as where a function has no such wrapper

        def _finalize_specific(self) -> None:
            pass

    codegen: Any = cpu_target.target_context.codegen()
    if getattr(codegen, "_library_class", None) is JITCodeLibrary:
        codegen._library_class = Text


def compile_object(kernels: dict[str, tuple[str, str]] = KERNELS) -> bytes:
    """Return one object file of this machine's code, every kernel a function under its own name.

    Raises
    ------
    BuildError
        A kernel holds an address of this process.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=host_cpu(), features=host_features(), opt=3, reloc="pic", codemodel="small"
    )
    module = llvm.parse_assembly(_LIBC)
    module.link_in(_sealed(kernels))
    module.triple = llvm.get_default_triple()
    module.data_layout = str(machine.target_data)
    _optimise(module, machine)
    if re.search(r"inttoptr \(i64 \d", str(module)):
        raise BuildError(f"one of {', '.join(kernels)} holds an address of the process that compiled it")
    return bytes(machine.emit_object(module))


def _compile(function: Any, signature: str) -> Any:
    arguments, result = signature.split(">")
    kind = _TYPES[result](*(_TYPES[letter] for letter in arguments))
    return _cfunc(kind, error_model="numpy", boundscheck=False, _nrt=False)(function)


def _sealed(kernels: dict[str, tuple[str, str]]) -> Any:
    """Return one module of all kernels, only they visible, under their names.

    LLVM then sees that nothing raises, and drops the error paths.
    """
    module = llvm.parse_assembly("")
    exports = {}
    for name, (where, signature) in kernels.items():
        wrapper = _compile(getattr(importlib.import_module(where), name), signature)
        module.link_in(llvm.parse_assembly(wrapper.inspect_llvm()))
        exports[wrapper.native_name] = name
    for value in [*module.functions, *module.global_variables]:
        if not value.is_declaration:
            value.linkage = "external" if value.name in exports else "internal"
    for symbol, name in exports.items():
        module.get_function(symbol).name = name
    return module


def _optimise(module: Any, machine: Any) -> None:
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
