"""What this machine trains on, and in which precision it multiplies matrices."""

from typing import Literal, NamedTuple

import torch

Precision = Literal["auto", "float32", "bfloat16"]


class Hardware(NamedTuple):
    """Where tensors live, and how their products are made."""

    device: torch.device
    products: torch.dtype
    """Of the products with the item table; everything else, and every sum, is float32."""

    def __str__(self) -> str:
        return f"{self.device.type}, products in {str(self.products).removeprefix('torch.')}"


def hardware(precision: Precision) -> Hardware:
    """A CUDA device if there is one; `auto` is bfloat16 where it is made in hardware.

    On a processor that means AVX512-BF16 or AMX: elsewhere it is emulated, and slower.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    match precision:
        case "float32":
            return Hardware(device, torch.float32)
        case "bfloat16":
            return Hardware(device, torch.bfloat16)
        case "auto":
            fast = _has_bfloat16(device)
            return Hardware(device, torch.bfloat16 if fast else torch.float32)


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch 2.6 knows both by these names alone
    known = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in known)
