# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Run compiled models from Python: ctypes over libsinter.so, and NumPy.

    import sinter
    model = sinter.Model("resnet50.so", threads=2)
    outputs = model.run({"data": image})        # dict of arrays, by name

Not part of the product's build; it is how people try a model. libsinter.so is
found through SINTER_LIBRARY, beside this file, or in the build folder above it.
Arrays are borrowed, not copied, when they are contiguous and of the right type;
a wrong type is an error and never a conversion.
"""
import ctypes as c
import os
import pathlib

import numpy as np

_NONE = 0xFFFFFFFF
_E_MEMORY = -4

# ONNX numbers; bfloat16 has no NumPy type and travels as uint16.
DTYPES = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32,
    7: np.int64, 8: np.dtype(object), 9: np.bool_, 10: np.float16, 11: np.float64, 12: np.uint32,
    13: np.uint64, 16: np.uint16,
}


_STRING = 8  # arrays of texts: str or bytes objects, or NumPy's '<U' and 'S'
_TEXT = np.dtype([("data", np.uintp), ("bytes", np.uint64)])


class _Tensor(c.Structure):
    _fields_ = [("data", c.c_void_p), ("bytes", c.c_uint64), ("dim", c.c_int64 * 8),
                ("rank", c.c_uint8), ("dtype", c.c_uint8), ("device", c.c_uint8),
                ("flags", c.c_uint8), ("reserved", c.c_uint32)]


class _Error(c.Structure):
    _fields_ = [("code", c.c_int32), ("reason", c.c_uint32), ("node", c.c_uint32),
                ("kernel", c.c_uint32), ("arg", c.c_uint32), ("axis", c.c_uint32),
                ("found", c.c_int64), ("expected", c.c_int64)]


class _Info(c.Structure):
    _fields_ = [("size", c.c_uint32), ("n_inputs", c.c_uint32), ("n_outputs", c.c_uint32),
                ("n_symbols", c.c_uint32), ("n_isas", c.c_uint32), ("n_nodes", c.c_uint32),
                ("weights_bytes", c.c_uint64), ("state_bytes", c.c_uint64)]


class _TensorInfo(c.Structure):
    _fields_ = [("size", c.c_uint32), ("rank", c.c_uint32), ("dtype", c.c_uint32),
                ("is_output", c.c_uint32), ("name", c.c_char_p), ("dim", c.c_int64 * 8),
                ("symbol", c.c_uint32 * 8)]


class _SymbolInfo(c.Structure):
    _fields_ = [("size", c.c_uint32), ("name", c.c_char_p), ("min", c.c_int64),
                ("max", c.c_int64), ("divisor", c.c_int64)]


class _OpenArgs(c.Structure):
    _fields_ = [("size", c.c_uint32), ("isa_mask", c.c_uint32), ("width", c.c_uint32),
                ("flags", c.c_uint32), ("host", c.c_void_p), ("weights", c.c_void_p),
                ("weights_bytes", c.c_uint64), ("weights_path", c.c_char_p)]


class _Sample(c.Structure):
    _fields_ = [("node", c.c_uint32), ("kernel", c.c_uint32), ("begin", c.c_uint64),
                ("end", c.c_uint64), ("bytes", c.c_uint64), ("macs", c.c_uint64)]


_GROW = c.CFUNCTYPE(c.c_void_p, c.c_void_p, c.c_uint64, c.c_uint64)


class SinterError(RuntimeError):
    """code is the sinter_status."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def _find_library():
    here = pathlib.Path(__file__).resolve().parent
    places = [os.environ.get("SINTER_LIBRARY"), here / "libsinter.so",
              here.parent.parent / "build" / "lib" / "libsinter.so"]
    for place in places:
        if place and pathlib.Path(place).exists():
            return str(place)
    raise OSError("libsinter.so not found; set SINTER_LIBRARY")


def _load_library():
    lib = c.CDLL(_find_library())
    p = c.c_void_p
    lib.sinter_load.argtypes = [c.c_char_p, p, c.POINTER(p), c.POINTER(_Error)]
    lib.sinter_unload.argtypes = [p]
    lib.sinter_info_of.argtypes = [p, c.POINTER(_Info)]
    lib.sinter_tensor_info_of.argtypes = [p, c.c_uint32, c.POINTER(_TensorInfo)]
    lib.sinter_symbol_info_of.argtypes = [p, c.c_uint32, c.POINTER(_SymbolInfo)]
    lib.sinter_program_open.argtypes = [p, c.POINTER(_OpenArgs), p, c.c_uint64,
                                        c.POINTER(p), c.POINTER(_Error)]
    lib.sinter_program_width.argtypes = [p]
    lib.sinter_program_close.argtypes = [p]
    lib.sinter_context_init.argtypes = [p, c.c_uint32, p, c.c_uint64, p, c.c_uint64,
                                        c.POINTER(p), c.POINTER(_Error)]
    lib.sinter_context_close.argtypes = [p]
    lib.sinter_set_scratch.argtypes = [p, p, c.c_uint64]
    lib.sinter_set.argtypes = [p, c.c_uint32, c.POINTER(_Tensor)]
    lib.sinter_set_alloc.argtypes = [p, c.c_uint32, _GROW, p]
    lib.sinter_get.argtypes = [p, c.c_uint32, c.POINTER(_Tensor)]
    lib.sinter_run.argtypes = [p, c.POINTER(_Error)]
    lib.sinter_state_reset.argtypes = [p]
    lib.sinter_profile.argtypes = [p, c.POINTER(_Sample), c.c_uint32]
    lib.sinter_profile_count.argtypes = [p]
    lib.sinter_profile_count.restype = c.c_uint64
    for name in ("sinter_node_name", "sinter_kernel_name"):
        getattr(lib, name).argtypes = [p, c.c_uint32]
        getattr(lib, name).restype = c.c_char_p
    lib.sinter_manifest.argtypes = [p]
    lib.sinter_manifest.restype = c.c_char_p
    lib.sinter_error_text.argtypes = [p, c.POINTER(_Error), c.c_char_p, c.c_size_t]
    return lib


def _aligned(size, align=64):
    """Bytes at a multiple of `align`."""
    raw = np.empty(size + align, np.uint8)
    start = -raw.ctypes.data % align
    return raw[start:start + size]


def _records(array):
    """sinter_text for each element, and what they point into."""
    texts = array.ravel().tolist()
    for t in texts:
        if not isinstance(t, (str, bytes)):
            raise SinterError(-3, f"an element of a tensor of texts is a {type(t).__name__}, expected str or bytes")
    texts = [t.encode() if isinstance(t, str) else t for t in texts]
    held = np.frombuffer(b"".join(texts) + b"\0", np.uint8)
    records = np.zeros(len(texts), _TEXT)
    records["bytes"] = lengths = [len(t) for t in texts]
    records["data"] = held.ctypes.data + np.cumsum([0] + lengths[:-1], dtype=np.uint64) if texts else 0
    return records, held


class TensorInfo:
    """dims holds numbers, names of symbols, or None for other expressions."""

    def __init__(self, name, dtype, dims, onnx_dtype):
        self.name, self.dtype, self.dims, self.onnx_dtype = name, dtype, dims, onnx_dtype

    def __repr__(self):
        dims = ", ".join("?" if d is None else str(d) for d in self.dims)
        return f"{self.name}: {np.dtype(self.dtype).name}[{dims}]"


class Model:
    """A model, opened, with one context: one run at a time. host: the address of a
    sinter_host (your threads, your memory), which outlives the model."""

    def __init__(self, path, threads=0, isa_mask=0, weights_path=None, host=None):
        self._lib = _load_library()
        self._model, self._program, self._context = c.c_void_p(), c.c_void_p(), c.c_void_p()
        error = _Error()
        self._check(self._lib.sinter_load(os.fsencode(path), None, c.byref(self._model),
                                          c.byref(error)), error)
        args = _OpenArgs(c.sizeof(_OpenArgs), isa_mask, threads, 0, host, None, 0,
                         os.fsencode(weights_path) if weights_path else None)
        self._check(self._lib.sinter_program_open(self._model, c.byref(args), None, 0,
                                                  c.byref(self._program), c.byref(error)), error)
        self._check(self._lib.sinter_context_init(self._program, 0, None, 0, None, 0,
                                                  c.byref(self._context), c.byref(error)), error)
        self._scratch = None
        self._read_interface()
        self._grow = _GROW(self._give_output)  # kept: C holds it
        self._memory = {}
        for i in range(len(self.outputs)):
            self._lib.sinter_set_alloc(self._context, len(self.inputs) + i, self._grow, i + 1)

    def _read_interface(self):
        info = _Info(c.sizeof(_Info))
        self._check(self._lib.sinter_info_of(self._model, c.byref(info)))
        self.symbols = []
        for i in range(info.n_symbols):
            s = _SymbolInfo(c.sizeof(_SymbolInfo))
            self._check(self._lib.sinter_symbol_info_of(self._model, i, c.byref(s)))
            self.symbols.append((s.name.decode(), s.min, s.max, s.divisor))
        tensors = [self._tensor_info(i) for i in range(info.n_inputs + info.n_outputs)]
        self.inputs, self.outputs = tensors[:info.n_inputs], tensors[info.n_inputs:]

    def _tensor_info(self, slot):
        t = _TensorInfo(c.sizeof(_TensorInfo))
        self._check(self._lib.sinter_tensor_info_of(self._model, slot, c.byref(t)))
        dims = []
        for k in range(t.rank):
            symbol = t.symbol[k]
            dims.append(self.symbols[symbol][0] if symbol != _NONE
                        else t.dim[k] if t.dim[k] >= 0 else None)
        return TensorInfo(t.name.decode(), DTYPES[t.dtype], dims, t.dtype)

    def _check(self, status, error=None):
        if status == 0:
            return
        record = error if error is not None else _Error(code=status)
        text = c.create_string_buffer(1024)
        self._lib.sinter_error_text(self._model, c.byref(record), text, 1024)
        raise SinterError(status, text.value.decode(errors="replace"))

    def _give_output(self, index, size, align):
        self._memory[index] = _aligned(max(size, 1), align)
        return self._memory[index].ctypes.data

    def _bind(self, slot, info, array):
        array = np.asarray(array)
        held = None
        if info.onnx_dtype == _STRING and array.dtype.kind in "OUS":
            shape = array.shape
            array, held = _records(array)
            array = array.reshape(shape)
        elif array.dtype != info.dtype:
            raise SinterError(-3, f"input '{info.name}' has type {array.dtype}, "
                                  f"expected {np.dtype(info.dtype).name}")
        array = np.asarray(array, order="C")
        t = _Tensor(array.ctypes.data, array.nbytes, rank=array.ndim, dtype=info.onnx_dtype)
        t.dim[:array.ndim] = array.shape
        status = self._lib.sinter_set(self._context, slot, c.byref(t))
        if status:
            raise SinterError(status, f"input '{info.name}' has shape {array.shape}, expected {info}")
        return array, held

    def run(self, feeds):
        """feeds: arrays by input name. Returns arrays by output name."""
        unknown = set(feeds) - {i.name for i in self.inputs}
        if unknown:
            raise SinterError(-1, f"no such input: {', '.join(sorted(unknown))}")
        missing = [i.name for i in self.inputs if i.name not in feeds]
        if missing:
            raise SinterError(-1, f"inputs not given: {', '.join(missing)}")
        self._feeds = [self._bind(i, t, feeds[t.name]) for i, t in enumerate(self.inputs)]
        self.rerun()
        return {t.name: self._output(i, t) for i, t in enumerate(self.outputs)}

    def rerun(self):
        """Runs again with the tensors that are bound: for benchmarks."""
        error = _Error()
        status = self._lib.sinter_run(self._context, c.byref(error))
        if status == _E_MEMORY and error.arg == _NONE and error.expected > error.found:
            self._scratch = _aligned(error.expected)
            self._lib.sinter_set_scratch(self._context, self._scratch.ctypes.data, error.expected)
            status = self._lib.sinter_run(self._context, c.byref(error))
        self._check(status, error)

    def _output(self, index, info):
        t = _Tensor()
        self._check(self._lib.sinter_get(self._context, len(self.inputs) + index, c.byref(t)))
        if info.onnx_dtype == _STRING:
            records = self._memory[index + 1][:t.bytes].view(_TEXT)
            data = np.empty(len(records), object)
            data[:] = [c.string_at(int(r["data"]), int(r["bytes"])).decode(errors="replace")
                       for r in records]
            return data.reshape(tuple(t.dim[:t.rank]))
        data = self._memory[index + 1][:t.bytes].view(info.dtype)
        return data.reshape(tuple(t.dim[:t.rank])).copy()

    def reset_state(self):
        self._check(self._lib.sinter_state_reset(self._context))

    def profile(self, samples=4096):
        """One run's records: (node, kernel, ns, bytes, macs)."""
        ring = (_Sample * samples)()
        self._lib.sinter_profile(self._context, ring, samples)
        self.rerun()
        count = min(self._lib.sinter_profile_count(self._context), samples)
        self._lib.sinter_profile(self._context, None, 0)
        name = lambda text: text.decode() if text else ""
        return [(name(self._lib.sinter_node_name(self._model, s.node)),
                 name(self._lib.sinter_kernel_name(self._model, s.kernel)),
                 s.end - s.begin, s.bytes, s.macs) for s in ring[:count]]

    @property
    def width(self):
        return self._lib.sinter_program_width(self._program)

    @property
    def manifest(self):
        return self._lib.sinter_manifest(self._model).decode()

    def close(self):
        if self._context:
            self._lib.sinter_context_close(self._context)
        if self._program:
            self._lib.sinter_program_close(self._program)
        if self._model:
            self._lib.sinter_unload(self._model)
        self._context = self._program = self._model = c.c_void_p()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()
