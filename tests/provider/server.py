"""The provider of sign-ins, Canaille: `.venv-provider/bin/python tests/provider/server.py PORT CALLBACK FOLDER`.

Two clients (ours and another's) and two people; its data lies in the folder. Every sign-in needs the person's name and
password on its own pages.
"""

from __future__ import annotations

import datetime
import sys
from typing import Any
from urllib.parse import urljoin

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from joserfc.jwk import RSAKey
from werkzeug.serving import run_simple

CLIENTS = ("hallpulse", "another-application")
SECRET = "the secret of hallpulse at the provider"
PEOPLE = ("wang.li", "li.na")
PASSWORD = "the password at the provider 7"


def main(port: int, callback: str, folder: str) -> None:
    app = create_app(
        {
            "SECRET_KEY": "a key for the provider's cookies",
            "SERVER_NAME": f"127.0.0.1:{port}",
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "sql"},
            "CANAILLE_SQL": {"DATABASE_URI": f"sqlite:///{folder}/provider.sqlite"},
            "CANAILLE_OIDC": {"ACTIVE_JWKS": [RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)]},
        }
    )
    with app.app_context():
        for name in PEOPLE:
            person: dict[str, Any] = {"user_name": name, "family_name": name, "formatted_name": name}
            Backend.instance.save(models.User(**person, emails=[f"{name}@example.gov.cn"], password=PASSWORD))
        for id_ in CLIENTS:
            made = models.Client(
                client_id=id_,
                client_secret=SECRET,
                client_name=id_,
                client_id_issued_at=datetime.datetime.now(datetime.UTC),
                redirect_uris=[callback],
                post_logout_redirect_uris=[f"{urljoin(callback, '/')}"],
                grant_types=["authorization_code"],
                response_types=["code"],
                scope=["openid"],
                token_endpoint_auth_method="client_secret_basic",
            )
            Backend.instance.save(made)
            made.audience = [made]
            Backend.instance.save(made)
    run_simple("127.0.0.1", port, app, threaded=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
