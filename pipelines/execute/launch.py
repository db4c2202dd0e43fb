"""The launch of Lightning Fabric on what this process was given."""

from __future__ import annotations

import os

from lightning.fabric import Fabric
from lightning.fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning.fabric.strategies import DDPStrategy

from pipelines.execute.context import Context


def launch(precision: str, context: Context) -> Fabric:
    """Fabric on this machine's devices; under torchrun, one process of the group.

    Args:
        precision: Fabric's word, "32-true" or "bf16-mixed".
        context: says which accelerator.

    Raises:
        RuntimeError: torchrun started more processes than Fabric sees (a SLURM job's environment
            makes Fabric's own launcher run one process silently).
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    environment = TorchElasticEnvironment() if world > 1 else LightningEnvironment()
    fabric = Fabric(
        accelerator=context.accelerator,
        devices=local,
        num_nodes=world // local,
        # buffers are averaged over shards by the loop (mixlib.training.shards)
        strategy=DDPStrategy(forward_sync_buffers=False) if world > 1 else "auto",
        precision=precision,  # type: ignore[arg-type]
        plugins=[environment],
    )
    fabric.launch()
    if fabric.world_size != world:
        raise RuntimeError(f"expected {world} processes, Fabric started {fabric.world_size}")
    return fabric
