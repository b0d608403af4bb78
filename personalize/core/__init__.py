"""The shared kernel: clock, queue, hooks, registries and the other things every app may lean on."""
