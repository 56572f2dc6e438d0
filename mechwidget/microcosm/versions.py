"""The versions that the last bits of weights and measurements depend on."""

import platform

import torch
import transformers


def versions() -> dict[str, str]:
    """Interpreter, libraries and the kind of processor; nothing that names a machine."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "architecture": platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
