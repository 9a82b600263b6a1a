// A real OpenID provider on localhost, whose only user says yes: registration, PKCE, device codes,
// resource indicators, DPoP, short-lived and rotating tokens. Usage: node oidc.mjs PORT RESOURCE
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [port, resource, lifetime = '3600'] = process.argv.slice(2);
const require = createRequire(`${process.env.UMCP_TEST_NPM}/package.json`);
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));
const scopes = ['openid', 'offline_access', 'read'];

const provider = new Provider(`http://127.0.0.1:${port}`, {
  scopes,
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: true },
    revocation: { enabled: true },
    deviceFlow: { enabled: true },
    dPoP: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'read', audience: resource, accessTokenTTL: Number(lifetime), accessTokenFormat: 'jwt',
      }),
    },
  },
  clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
  issueRefreshToken: async () => true,
  rotateRefreshToken: true,
  findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope(scopes.join(' '));
    grant.addResourceScope(resource, 'read');
    await grant.save();
    return grant;
  },
});
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  ctx.respond = false;
  await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: 'user' }, consent: {} });
});
provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
