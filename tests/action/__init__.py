"""The Action as a runner sees it: one environment in; output file, summary, log and exit code out."""
