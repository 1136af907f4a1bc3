"""Error rules: what a provider's errors mean, to be read and changed while workers run."""
