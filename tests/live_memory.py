"""What tensors a computation holds at once, by looking at every operation."""

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

PRODUCTS = {
    torch.ops.aten.mm.default,
    torch.ops.aten.addmm.default,
    torch.ops.aten.addmm_.default,
    torch.ops.aten.addmm.out,
    torch.ops.aten.mm.out,
}


class Watch(TorchDispatchMode):
    """Count matrix products, and the elements and bytes of tensors made within.

    products   matrix products
    largest    elements of the largest tensor that an operation returned
    peak       bytes of all storages made within and alive at once, at their most
    """

    def __init__(self):
        super().__init__()
        self.products = 0
        self.largest = 0
        self.peak = 0
        self._live = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.products += func in PRODUCTS
        given = {x.untyped_storage()._cdata for x in tree_iter((args, kwargs)) if _is_tensor(x)}
        out = func(*args, **(kwargs or {}))
        for each in filter(_is_tensor, tree_iter(out)):
            storage = each.untyped_storage()
            # a view may have more elements than there are, and a tensor of no storage has none
            stored = storage.nbytes() // each.element_size()
            self.largest = max(self.largest, min(each.numel(), stored))
            if storage._cdata not in given and storage._cdata not in self._live:
                self._live[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self._live = {at: held for at, held in self._live.items() if not held[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self._live.values()))
        return out


def _is_tensor(x):
    return isinstance(x, torch.Tensor)
