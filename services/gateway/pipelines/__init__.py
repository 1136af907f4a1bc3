"""Starting pipelines and reading them."""
