"""What was compiled of `models_store/kernels/` when the package was installed: nothing without a C compiler."""

from types import ModuleType

kernels: ModuleType | None
try:
    from models_store import _kernels
except ImportError:
    kernels = None
else:
    kernels = _kernels
