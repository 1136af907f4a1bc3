"""As whom Postgres runs: it refuses root, and a fresh container is usually root."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shared.errors import ConfigError

#: The user and group "nobody" of every Linux.
NOBODY = 65534

_UNSHARE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
_SETUID = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
#: May pass through directories of root, as a checkout below /root is, without opening them to everybody. access(2),
#: which initdb asks first, honours that only with the secure bit.
_CAPABILITY = ("--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
#: The end of the guard still ends Postgres: a change of credentials clears this signal, so it is set again.
_FOLLOW_GUARD = ("--pdeathsig", "INT", "--")


@dataclass(frozen=True, slots=True)
class Identity:
    """How to start Postgres' programs."""

    mode: str
    """Files made under one mode are not Postgres' own under another."""
    prefix: tuple[str, ...] = ()
    owner: int | None = None
    """The uid the data directory has to belong to, when it is not this process's own."""

    def own(self, path: Path) -> None:
        """Give it to the user Postgres runs as."""
        if self.owner is not None:
            os.chown(path, self.owner, self.owner)

    def works(self) -> bool:
        """Whether its programs are here and this kernel, or container, allows what they do."""
        if not self.prefix:
            return os.geteuid() != 0
        if os.geteuid() != 0 or any(shutil.which(program) is None for program in ("unshare", "setpriv")):
            return False
        probe = subprocess.run([*self.prefix, "true"], check=False, capture_output=True)  # noqa: S603  our own command
        return probe.returncode == 0


#: Best first. In a namespace Postgres sees itself as nobody while its files stay root's; many containers forbid it.
IDENTITIES = (
    Identity("self"),
    Identity("namespace", (*_UNSHARE, "setpriv", *_FOLLOW_GUARD)),
    Identity("capability", (*_SETUID, *_CAPABILITY, *_FOLLOW_GUARD), NOBODY),
)


def choose(mode: str | None = None) -> Identity:
    """The identity of this mode, or the best one that works here. Raises ConfigError when there is none."""
    for identity in IDENTITIES:
        if mode in {None, identity.mode} and identity.works():
            return identity
    if mode is not None:
        raise ConfigError(
            f"the Postgres of this data directory was made to run as {mode!r}, which is impossible for this user here; "
            f"run as before, or pass another --data-dir"
        )
    raise ConfigError(
        "Postgres refuses to run as root, and neither a user namespace nor setpriv works here; "
        "run as an ordinary user, or set LANDSCAPE_POSTGRES_URL to a server"
    )
