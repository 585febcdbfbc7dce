"""Write the login files of a deployment's Prometheus and Alertmanager.

`python -m services.console.logins FOLDER SERVER…` writes FOLDER/SERVER.yml, which that server takes as its
--web.config.file. The password is in HALLPULSE_SERVER_PASSWORD, or in the file that HALLPULSE_SERVER_PASSWORD_FILE
names. The login file holds only a hash and may be read by every user, because the servers run as other users.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from hallpulse.settings import SettingsError, setting
from services.local.monitoring import web_configuration


def write_login(folder: Path, server: str, environment: Mapping[str, str]) -> None:
    """Write a server's login file. Raises SettingsError without a password, OSError if the file cannot be written."""
    variable = f"HALLPULSE_{server.upper()}_PASSWORD"
    password = setting(environment, variable)
    if not password:
        raise SettingsError(f"missing environment: {variable} or {variable}_FILE")
    beside, file = folder / f".{server}.yml", folder / f"{server}.yml"
    beside.write_text(web_configuration(password), encoding="utf-8")
    beside.chmod(0o644)
    beside.replace(file)


def main(arguments: list[str]) -> int:
    try:
        for server in arguments[1:]:
            write_login(Path(arguments[0]), server, os.environ)
    except (SettingsError, OSError) as error:
        print(f"logins: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
