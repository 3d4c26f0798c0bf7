"""What the machine is doing: CPU, memory, disk, network and GPUs."""
