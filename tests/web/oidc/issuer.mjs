// An OpenID provider on a free port: clients get JWT or opaque access tokens, bound to a certificate if they have one.
// First line on stdout: its address. Further lines on stdin are commands: "rotate" changes the signing key.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import readline from 'node:readline';
import Provider from 'oidc-provider';

const [resource, certificate, key] = process.argv.slice(2);
let generation = 0;

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  generation += 1;
  return { ...privateKey.export({ format: 'jwk' }), kid: `g${generation}`, use: 'sig', alg: 'RS256' };
}

function client(id, more = {}) {
  return {
    client_id: id,
    client_secret: `${id}-secret-of-the-test`,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    ...more,
  };
}

function provider(issuer, keys) {
  return new Provider(issuer, {
    jwks: { keys },
    clients: [
      client('idm'),
      client('opaque'),
      client('stranger'),
      client('gateway'),
      client('bound', {
        token_endpoint_auth_method: 'self_signed_tls_client_auth',
        client_secret: undefined,
        tls_client_certificate_bound_access_tokens: true,
        jwks: certificate ? { keys: [certificateKey()] } : { keys: [] },
      }),
    ],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'self_signed_tls_client_auth'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        selfSignedTlsClientAuth: true,
        getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        getResourceServerInfo: (ctx, indicator, found) => ({
          scope: 'proxy',
          audience: indicator,
          accessTokenTTL: 120,
          accessTokenFormat: found.clientId === 'opaque' ? 'opaque' : 'jwt',
        }),
        useGrantedResource: () => true,
      },
    },
    extraTokenClaims: () => ({ tid: 'tenant-1', roles: ['provisioning', 'other'] }),
    ttl: { ClientCredentials: 120 },
  });
}

function certificateKey() {
  return JSON.parse(readFileSync(`${certificate}.jwk`, 'utf8'));
}

let handler = (request, response) => response.end();
const options = certificate
  ? { cert: readFileSync(key), key: readFileSync(key), requestCert: true, rejectUnauthorized: false }
  : {};
const server = certificate ? https.createServer(options, (...args) => handler(...args)) : http.createServer((...args) => handler(...args));

server.listen(0, '127.0.0.1', () => {
  const issuer = `${certificate ? 'https' : 'http'}://localhost:${server.address().port}`;
  const renew = () => { handler = provider(issuer, [signingKey()]).callback(); };
  renew();
  readline.createInterface({ input: process.stdin })
    .on('line', () => { renew(); console.log('rotated'); })
    .on('close', () => process.exit(0));
  console.log(issuer);
});
