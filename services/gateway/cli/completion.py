"""`landscape completion`: what a shell needs to complete commands and options."""

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Code for SHELL, to be evaluated: `eval "$(landscape completion bash)"`."""
    root = click.get_current_context().find_root().command
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(completion(root, {}, "landscape", "_LANDSCAPE_COMPLETE").source())
    return 0
