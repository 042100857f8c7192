"""Where students' code runs: a process of its own, with limits, that holds nothing of ours."""
