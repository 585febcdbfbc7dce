// The second provider of sign-ins, oidc-provider: `node tests/provider/server.mjs PORT CALLBACK MODULES`.
//
// Whatever name is given on its page is signed in. It asks for consent, ends sessions, and signs by a key that it made.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [port, callback, modules] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(createRequire(`${modules}/`).resolve("oidc-provider")));
const { generateKeyPair } = await import("node:crypto");
const { promisify } = await import("node:util");

const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: "hallpulse",
    client_secret: "the secret of hallpulse at the provider",
    redirect_uris: [callback],
    post_logout_redirect_uris: [new URL("/", callback).href],
    response_types: ["code"],
    grant_types: ["authorization_code"],
  }],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", kid: "first" }] },
  cookies: { keys: ["a key for the provider's cookies"] },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  pkce: { required: () => true },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});
provider.listen(Number(port), "127.0.0.1");
