"""Fitting a network by gradients, epoch by epoch: by seed, with early stopping, from a checkpoint where there is one.

All that is by chance in an epoch comes from the seed and the epoch's number, so that a run that goes on from a checkpoint
measures what it would have measured without the break.
"""

import io
import math
import os
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.data import DataLoader

from training.scoring import open_session
from training.trainers.base import Export
from training.trainers.deep import FittingSettings, Inputs, batches_of, golden_inputs
from training.trainers.work import Unfit, Work

WARM_UP = 0.05
CLIP = 5.0
FITTING_PERCENT = 90
OPSET = 20
PARITY = 1e-3
COMPARED = 64

Loss = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""Takes the rows, their inputs and the epoch's source of chance; answers the mean loss."""
Validate = Callable[[], tuple[float, dict[str, float]]]
"""Answers the loss to bring down, and what else to show."""


def begin(work: Work) -> None:
    """Set everything that is by chance from the job's seed; to be called before a network is made."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.manual_seed(work.seed)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))))
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.backends.cudnn.benchmark = False


def _device(work: Work) -> torch.device:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    work.log(f"Computing on {torch.cuda.get_device_name() if device.type == 'cuda' else 'the processor'}.")
    return device


class Fitting:
    """One network being fitted; `network` is the best epoch's when `go` returns."""

    def __init__(self, work: Work, settings: FittingSettings, network: nn.Module) -> None:
        self.work, self.settings, self.device = work, settings, _device(work)
        self.network = network.to(self.device)
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
        self.best, self.best_loss, self.best_epoch = deepcopy(self.network.state_dict()), math.inf, 0
        self.first_epoch = 1

    def go(self, inputs: Inputs, loss: Loss, validate: Validate | None) -> nn.Module:
        """Fit until nothing is gained any more; raises Stopped (with a checkpoint) and Unfit."""
        self._resume()
        epochs = self.settings.max_epochs
        for epoch in range(self.first_epoch, epochs + 1):
            if epoch - 1 - self.best_epoch >= self.settings.patience:
                self.work.log(f"No gain since epoch {self.best_epoch}: stopped.")
                break
            train_loss = self._epoch(epoch, inputs, loss)
            shown = {"train_loss": train_loss}
            if validate is not None:
                self.network.eval()
                with torch.no_grad():
                    validation_loss, others = validate()
                shown |= {"validation_loss": validation_loss, **others}
            for name, value in shown.items():
                self.work.metric(name, epoch, value)
            reached = shown.get("validation_loss", train_loss)
            if reached < self.best_loss:
                self.best, self.best_loss, self.best_epoch = deepcopy(self.network.state_dict()), reached, epoch
            self.work.keep_checkpoint(epoch, partial(self._frozen, epoch))
            self.work.progress(FITTING_PERCENT * epoch / epochs, epoch=epoch, epochs=epochs)
        self.network.load_state_dict(self.best)
        self.work.log(f"Epoch {self.best_epoch} is kept.")
        return self.network.eval()

    def _epoch(self, epoch: int, inputs: Inputs, loss: Loss) -> float:
        """Go once through all examples; answers the mean loss."""
        seed = (self.work.seed * 1_000_003 + epoch) % 2**63
        torch.manual_seed(seed)
        random = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(inputs), generator=random).tolist()
        batches = list(batches_of(order, self.settings.batch_size))
        self.network.train()
        for module in self.network.modules():
            if getattr(module, "is_kept", False):
                module.eval()
        total, seen = torch.zeros((), device=self.device), 0
        for number, (rows, given) in enumerate(self.batches(inputs, batches)):
            self.work.check_stop()
            done = (epoch - 1 + number / len(batches)) / self.settings.max_epochs
            for group in self.optimiser.param_groups:
                group["lr"] = self.settings.learning_rate * _rate(done)
            with self.precision():
                value = loss(rows, given, random)
            self.optimiser.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
            self.optimiser.step()
            total, seen = total + value.detach() * len(rows), seen + len(rows)
        mean = float(total) / seen
        if not math.isfinite(mean):
            raise Unfit(f"The loss is no number any more in epoch {epoch}: run it again with a lower learning rate.")
        return mean

    def precision(self) -> Any:
        """Answer the context of a step forward: of mixed precision on a GPU that can, else of float32."""
        is_mixed = self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=is_mixed)

    def batches(self, inputs: Inputs, batches: Sequence[list[int]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield rows and inputs, on the device, read by so many processes as were chosen."""
        loader: Any = DataLoader(
            inputs,
            batch_sampler=batches,
            num_workers=min(self.settings.loader_processes, len(batches)),
            collate_fn=_as_they_are,
            worker_init_fn=_ignore_signals,
            pin_memory=False,
        )
        for rows, given in loader:
            yield torch.tensor(rows), torch.from_numpy(given).to(self.device)

    def all_batches(self, inputs: Inputs) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield all rows in order."""
        yield from self.batches(inputs, list(batches_of(range(len(inputs)), self.settings.batch_size)))

    def _frozen(self, epoch: int) -> bytes:
        out = io.BytesIO()
        state = {
            "epoch": epoch,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": self.best,
            "best_loss": self.best_loss,
            "best_epoch": self.best_epoch,
        }
        torch.save(state, out)
        return out.getvalue()

    def _resume(self) -> None:
        kept = self.work.checkpoint
        if kept is None:
            return
        try:
            state = torch.load(io.BytesIO(kept), map_location=self.device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.best, self.best_loss, self.best_epoch = state["best"], state["best_loss"], state["best_epoch"]
            self.first_epoch = int(state["epoch"]) + 1
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, the run can begin anew
            self.work.log(f"The checkpoint cannot be used, the run begins anew: {error}", "warning")
            return
        self.work.log(f"It goes on after epoch {state['epoch']}, from a checkpoint.")


def weights_from_base(work: Work, network: nn.Module) -> None:
    """Give the network all that the base model knows, so that it answers as that does; raises Unfit where the two differ.

    A base has its normalisations folded into its convolutions: here they begin as what changes nothing, and are kept so.
    """
    import onnx
    from onnx import numpy_helper

    assert work.base is not None
    if [label["name"] for label in work.base.config["labels"]] != work.labels:
        raise Unfit("The base model answers other labels; fine-tuning needs the same.")
    known = {one.name: numpy_helper.to_array(one) for one in onnx.load_from_string(work.base.model).graph.initializer}
    pairs = dict(_normalised(network))
    own = dict(network.named_parameters()) | dict(network.named_buffers())
    for convolution, norm in pairs.items():
        norm_of = network.get_submodule(norm)
        own = {name: value for name, value in own.items() if not name.startswith(f"{norm}.")}
        own[f"{convolution}.bias"] = norm_of.bias
        norm_of.running_var.fill_(1 - norm_of.eps)
        norm_of.is_kept = True
    unlike = [name for name, value in own.items() if name not in known or known[name].shape != tuple(value.shape)]
    if unlike:
        raise Unfit("The base model is of another shape; fine-tuning needs one of this trainer, with the same settings.")
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(torch.from_numpy(known[name].copy()))
    work.log("It starts from the weights of the base model.")


def exported(
    work: Work,
    network: nn.Module,
    steps: list[dict[str, Any]],
    seen: Inputs,
    *,
    name: str,
    output: str,
    options: dict[str, Any] | None = None,
) -> Export:
    """Write a network as ONNX, its weights by their names, and compare its answers on real inputs; raises Unfit."""
    import onnx

    network = network.cpu().eval()
    golden = golden_inputs(work, steps)
    model = onnx.load_from_string(_onnx(network, torch.from_numpy(golden[0]), name))
    onnx.checker.check_model(model)
    content, gap = model.SerializeToString(), 0.0
    session = open_session(content)
    for row in range(min(COMPARED, len(seen))):
        given = seen.__getitems__([row])[1]
        with torch.no_grad():
            wanted = network(torch.from_numpy(given)).numpy()
        gap = max(gap, float(np.abs(session.run([name], {"input": given})[0] - wanted).max()))
    work.metric("parity_gap", 1, gap)
    if not gap <= PARITY:
        raise Unfit(f"The exported network differs from the trained one by {gap:.1e}, more than {PARITY:.0e}.")
    return Export(content, steps, OPSET, model.ir_version, golden, output, options or {})


def _onnx(network: nn.Module, given: Tensor, name: str) -> bytes:
    """Trace a network; the older exporter keeps the names of weights and takes a thirtieth of the newer one's time."""
    folded, out = deepcopy(network), io.BytesIO()
    for convolution, norm in _normalised(network):
        merged = fuse_conv_bn_eval(folded.get_submodule(convolution), folded.get_submodule(norm))
        folded.set_submodule(convolution, merged)
        folded.set_submodule(norm, nn.Identity())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            folded,
            (given,),
            out,
            dynamo=False,
            opset_version=OPSET,
            do_constant_folding=False,
            input_names=["input"],
            output_names=[name],
        )
    return out.getvalue()


def _normalised(network: nn.Module) -> Iterator[tuple[str, str]]:
    """Yield the names of each convolution and of the normalisation that follows it."""
    for outer, module in network.named_modules():
        if isinstance(module, nn.Sequential):
            named = list(module.named_children())
            for (first, one), (second, other) in pairwise(named):
                if isinstance(one, nn.Conv2d) and isinstance(other, nn.BatchNorm2d):
                    yield f"{outer}.{first}".lstrip("."), f"{outer}.{second}".lstrip(".")


def _rate(done: float) -> float:
    """Answer the share of the learning rate when this share of all steps is done: a short rise, then half a cosine."""
    return done / WARM_UP if done < WARM_UP else 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) + 1e-3


def _as_they_are(batch: Any) -> Any:
    return batch


def _ignore_signals(_: int) -> None:
    """Leave it to the run's own process to end in good order; a loading process ends with it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)
