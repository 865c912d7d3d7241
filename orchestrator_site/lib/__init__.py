"""The shared kernel: small tools that know nothing of workflows, services or accounts."""
