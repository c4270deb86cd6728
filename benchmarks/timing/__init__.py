"""What the timing commands share: contenders, the process of each, the machine, the history."""
