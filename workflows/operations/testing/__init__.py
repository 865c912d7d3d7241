"""Tests of a workflow: kept with it, run dry over the sandbox, judged by what they expect. See docs/testing.md."""
